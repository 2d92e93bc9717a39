-- What an agreement rests on: the last entry that had been booked on its loan. Whoever agrees holds the loan as whoever books
-- does, so a payment counts towards it exactly if it was booked after it, whatever moments the two were told.
CREATE FUNCTION last_entry_by(case_ref uuid, moment timestamptz) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT COALESCE(max(e.number), 0) FROM public.accounts_ledgerentry e JOIN public.cases_case c ON c.loan_id = e.loan_id
    WHERE c.id = case_ref AND e.booked_at <= moment
$$;
ALTER TABLE cases_promise ADD COLUMN after_entry bigint NOT NULL DEFAULT 0;
ALTER TABLE cases_plan ADD COLUMN after_entry bigint NOT NULL DEFAULT 0;
ALTER TABLE cases_offer ADD COLUMN after_entry bigint NOT NULL DEFAULT 0;
-- Rewritten, not updated: what was agreed is never changed.
ALTER TABLE cases_promise ALTER COLUMN after_entry TYPE bigint USING last_entry_by(case_id, made_at);
ALTER TABLE cases_plan ALTER COLUMN after_entry TYPE bigint USING last_entry_by(case_id, agreed_at);
ALTER TABLE cases_offer ALTER COLUMN after_entry TYPE bigint USING last_entry_by(case_id, offered_at);
DROP FUNCTION last_entry_by(uuid, timestamptz);

CREATE FUNCTION agreed_after() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    loan uuid := (SELECT loan_id FROM public.cases_case WHERE id = NEW.case_id);
BEGIN
    PERFORM FROM public.accounts_loan WHERE id = loan FOR NO KEY UPDATE;
    NEW.after_entry := COALESCE((SELECT max(number) FROM public.accounts_ledgerentry WHERE loan_id = loan), 0);
    RETURN NEW;
END $$;
CREATE TRIGGER agreed_after BEFORE INSERT ON cases_promise FOR EACH ROW EXECUTE FUNCTION agreed_after();
ALTER TABLE cases_promise ENABLE ALWAYS TRIGGER agreed_after;
CREATE TRIGGER agreed_after BEFORE INSERT ON cases_plan FOR EACH ROW EXECUTE FUNCTION agreed_after();
ALTER TABLE cases_plan ENABLE ALWAYS TRIGGER agreed_after;
CREATE TRIGGER agreed_after BEFORE INSERT ON cases_offer FOR EACH ROW EXECUTE FUNCTION agreed_after();
ALTER TABLE cases_offer ENABLE ALWAYS TRIGGER agreed_after;

-- What came towards a settlement: what was paid in its time and stayed.
CREATE OR REPLACE FUNCTION settlement_paid(offer cases_offer, by_then date DEFAULT 'infinity') RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT COALESCE(sum(r.amount), 0)::bigint
    FROM public.accounts_receipt r JOIN public.cases_case c ON c.loan_id = r.loan_id
    WHERE c.id = offer.case_id AND r.paid_number > offer.after_entry AND r.paid_on >= offer.offered_on
        AND r.value_date <= by_then AND r.value_date <= public.settlement_last_day(offer)
$$;

-- A settlement that was carried out is undone, or waits again, when its money was taken back, and at no other time; one that
-- lapsed is carried out when its money was there in time after all. One that its closing case needed no longer waits again
-- with it. The rest of an offer goes forward, once, as before.
CREATE OR REPLACE FUNCTION offer_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves text[] := '{state,answered_at,ended_at}';
    again boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'offered' THEN
            RAISE EXCEPTION 'An offer begins unanswered.' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    again := TG_OP = 'UPDATE' AND NEW.kind = 'settlement' AND OLD.answered_at IS NOT NULL AND (
        (OLD.state = 'done' AND NEW.state IN ('agreed', 'lapsed') AND public.settlement_paid(NEW) < NEW.amount)
        OR (OLD.state = 'lapsed' AND NEW.state = 'done')
        OR (OLD.state = 'withdrawn' AND NEW.state = 'agreed' AND EXISTS (
            SELECT FROM public.cases_case WHERE id = NEW.case_id AND closed_at IS NULL
        ))
    );
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - moves IS DISTINCT FROM to_jsonb(OLD) - moves
        OR (OLD.state NOT IN ('offered', 'agreed') AND NOT again)
        OR (OLD.state = 'agreed' AND NEW.state NOT IN ('done', 'lapsed', 'withdrawn'))
        OR (OLD.answered_at IS NOT NULL AND NEW.answered_at IS DISTINCT FROM OLD.answered_at)
        OR (NEW.kind = 'settlement' AND NEW.state = 'done' AND OLD.state NOT IN ('agreed', 'lapsed'))
        OR (OLD.state = 'offered' AND NEW.state = 'offered')
    THEN
        RAISE EXCEPTION 'An offer keeps its terms, and its state only goes forward.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.kind = 'settlement' AND NEW.state = 'done' AND public.settlement_paid(NEW) < NEW.amount THEN
        RAISE EXCEPTION 'A settlement is done when it is paid.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
