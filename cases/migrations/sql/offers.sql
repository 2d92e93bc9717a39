CALL forbear_append_only('cases_reason');

-- The terms of an offer never change; its state goes forward, once. A settlement is done when its amount has come in
-- between the offer and the last day of grace, by the ledger as it stands, and at no other time.
REVOKE DELETE, TRUNCATE ON cases_offer FROM forbear_app;
CREATE FUNCTION settlement_last_day(offer cases_offer) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT offer.pay_by + COALESCE((
        SELECT t.promise_grace_days FROM public.accounts_terms t JOIN public.cases_case c ON c.portfolio_id = t.portfolio_id
        WHERE c.id = offer.case_id AND t.from_on <= offer.offered_on
        ORDER BY t.from_on DESC, t.id DESC LIMIT 1
    ), 1)
$$;
CREATE FUNCTION settlement_paid(offer cases_offer, by_then date DEFAULT 'infinity') RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT COALESCE(-sum(e.amount), 0)::bigint
    FROM public.accounts_ledgerentry e JOIN public.cases_case c ON c.loan_id = e.loan_id
    WHERE c.id = offer.case_id AND e.kind IN ('repayment', 'recovery', 'reversal', 'chargeback') AND e.booked_at > offer.offered_at
        AND e.value_date BETWEEN offer.offered_on AND by_then
        AND e.value_date <= public.settlement_last_day(offer)
$$;
GRANT EXECUTE ON FUNCTION settlement_last_day(cases_offer), settlement_paid(cases_offer, date) TO forbear_app;
CREATE FUNCTION offer_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves text[] := '{state,answered_at,ended_at}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'offered' THEN
            RAISE EXCEPTION 'An offer begins unanswered.' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - moves IS DISTINCT FROM to_jsonb(OLD) - moves
        OR OLD.state NOT IN ('offered', 'agreed')
        OR (OLD.state = 'agreed' AND NEW.state NOT IN ('done', 'lapsed', 'withdrawn'))
        OR (OLD.answered_at IS NOT NULL AND NEW.answered_at IS DISTINCT FROM OLD.answered_at)
        OR (NEW.kind = 'settlement' AND NEW.state = 'done' AND OLD.state <> 'agreed')
        OR (OLD.state = 'offered' AND NEW.state = 'offered')
    THEN
        RAISE EXCEPTION 'An offer keeps its terms, and its state only goes forward.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.kind = 'settlement' AND NEW.state = 'done' AND public.settlement_paid(NEW) < NEW.amount THEN
        RAISE EXCEPTION 'A settlement is done when it is paid.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER offer_freeze BEFORE INSERT OR UPDATE OR DELETE ON cases_offer FOR EACH ROW EXECUTE FUNCTION offer_freeze();
ALTER TABLE cases_offer ENABLE ALWAYS TRIGGER offer_freeze;
CREATE TRIGGER offer_kept BEFORE TRUNCATE ON cases_offer FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE cases_offer ENABLE ALWAYS TRIGGER offer_kept;

-- Reasons told before they were kept one by one.
INSERT INTO cases_reason (case_id, code, told_on, at, actor)
SELECT e.case_ref, d.data ->> 'reason', (e.at AT TIME ZONE p.zone)::date, e.at, e.actor
FROM compliance_auditevent e
CROSS JOIN LATERAL (SELECT convert_from(e.leaf, 'UTF8')::jsonb -> 'data' AS data) d
JOIN cases_case c ON c.id = e.case_ref JOIN accounts_portfolio p ON p.id = c.portfolio_id
WHERE e.type = 'reason.recorded' ORDER BY e.at;
