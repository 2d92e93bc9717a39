-- What was said about a period, a step or a question is never rewritten.
CALL forbear_append_only('cases_limitation');
CALL forbear_append_only('cases_legalstep');
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON cases_legalsteporder FROM forbear_app;
REVOKE DELETE, TRUNCATE ON cases_legalquestion FROM forbear_app;

-- Whether a hold in force on a day stops legal steps. Every kind does that is not named here: a new one stops until somebody
-- says otherwise. A test holds this equal to compliance/holds.py.
CREATE FUNCTION legal_held(of_borrower uuid, of_loan uuid, day date) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM public.compliance_hold
        WHERE borrower_id = of_borrower AND (loan_id IS NULL OR loan_id = of_loan)
            AND ended_at IS NULL AND starts_on <= day AND (ends_on IS NULL OR ends_on >= day)
            AND kind NOT IN ('cease', 'attorney')
    )
$$;

-- Whether nobody has established that the debt may still be sued for on a day.
CREATE FUNCTION legal_too_old(of_loan uuid, day date) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT COALESCE(
        (SELECT barred_on <= day FROM public.cases_limitation WHERE loan_id = of_loan ORDER BY id DESC LIMIT 1), true)
$$;

GRANT EXECUTE ON FUNCTION legal_held(uuid, uuid, date), legal_too_old(uuid, date) TO forbear_app;

ALTER TABLE cases_limitation ADD CONSTRAINT limitation_counted
    CHECK (barred_on = (runs_from + make_interval(years => years))::date);

CREATE FUNCTION limitation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.cases_case c JOIN public.accounts_portfolio f ON f.id = c.portfolio_id
        WHERE c.id = NEW.case_id AND c.loan_id = NEW.loan_id
            AND NEW.runs_from <= (NEW.recorded_at AT TIME ZONE f.zone)::date
    ) THEN
        RAISE EXCEPTION 'A period runs from a day that has come, on the loan of its case.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER limitation_guard BEFORE INSERT ON cases_limitation FOR EACH ROW EXECUTE FUNCTION limitation_guard();
ALTER TABLE cases_limitation ENABLE ALWAYS TRIGGER limitation_guard;

-- A move to legal takes what two people agreed, once; no hold bars it, and the debt is not too old. Moves of before are kept.
ALTER TABLE cases_transition ADD CONSTRAINT transition_to_legal_by_two
    CHECK ((target = 'legal') = (approval_id IS NOT NULL)) NOT VALID;

CREATE FUNCTION legal_transition_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    work record;
BEGIN
    SELECT c.borrower_id, c.loan_id, (NEW.at AT TIME ZONE f.zone)::date AS day INTO work
    FROM public.cases_case c JOIN public.accounts_portfolio f ON f.id = c.portfolio_id WHERE c.id = NEW.case_id;
    IF NOT EXISTS (
        SELECT FROM public.cases_approval
        WHERE id = NEW.approval_id AND case_id = NEW.case_id AND kind = 'legal' AND approved
    ) THEN
        RAISE EXCEPTION 'Case % goes to legal when two people agreed, and not before.', NEW.case_id
            USING ERRCODE = 'check_violation';
    END IF;
    -- Whoever opens a hold holds the borrower: wait for them.
    PERFORM FROM public.accounts_borrower WHERE id = work.borrower_id FOR NO KEY UPDATE;
    IF public.legal_held(work.borrower_id, work.loan_id, work.day) THEN
        RAISE EXCEPTION 'A hold stops legal steps on case %.', NEW.case_id USING ERRCODE = 'check_violation';
    END IF;
    IF public.legal_too_old(work.loan_id, work.day) THEN
        RAISE EXCEPTION 'Nobody has established that the debt of case % may still be sued for.', NEW.case_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER legal_transition_guard BEFORE INSERT ON cases_transition FOR EACH ROW
    WHEN (NEW.target = 'legal') EXECUTE FUNCTION legal_transition_guard();
ALTER TABLE cases_transition ENABLE ALWAYS TRIGGER legal_transition_guard;

-- A step is taken while its case is at law, in its order, in its time, and while nothing stops it.
CREATE FUNCTION legal_step_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    work record;
    place record;
    day date;
BEGIN
    SELECT c.borrower_id, c.loan_id, f.zone, s.at AS since INTO work
    FROM public.cases_case c
    JOIN public.accounts_portfolio f ON f.id = c.portfolio_id
    JOIN public.cases_transition s ON s.case_id = c.id AND s.seq = c.state_seq
    WHERE c.id = NEW.case_id AND c.state = 'legal' AND s.id = NEW.stay_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'A legal step is taken while its case is at law.' USING ERRCODE = 'check_violation';
    END IF;
    PERFORM FROM public.accounts_borrower WHERE id = work.borrower_id FOR NO KEY UPDATE;
    day := (NEW.at AT TIME ZONE work.zone)::date;
    IF NEW.at < work.since OR NEW.taken_on > day OR NEW.taken_on < (work.since AT TIME ZONE work.zone)::date THEN
        RAISE EXCEPTION 'A legal step belongs to the time its case is at law.' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.kind = 'withdrawal' THEN
        IF NEW.cost <> 0 OR NOT EXISTS (
            SELECT FROM public.cases_legalstep t JOIN public.cases_legalsteporder o ON o.kind = t.kind
            WHERE t.id = NEW.withdraws_id AND t.stay_id = NEW.stay_id AND NOT EXISTS (
                SELECT FROM public.cases_legalstep l JOIN public.cases_legalsteporder r ON r.kind = l.kind
                WHERE l.stay_id = NEW.stay_id AND r.rank > o.rank
                    AND NOT EXISTS (SELECT FROM public.cases_legalstep w WHERE w.withdraws_id = l.id)
            )
        ) THEN
            RAISE EXCEPTION 'The last step that stands is taken back first.' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;

    SELECT * INTO place FROM public.cases_legalsteporder WHERE kind = NEW.kind;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no such legal step.' USING ERRCODE = 'check_violation';
    END IF;
    IF public.legal_held(work.borrower_id, work.loan_id, day)
        OR public.legal_held(work.borrower_id, work.loan_id, NEW.taken_on)
    THEN
        RAISE EXCEPTION 'A hold stops legal steps.' USING ERRCODE = 'check_violation';
    END IF;
    -- A claim brought in time stays in time.
    IF place.rank <= (SELECT rank FROM public.cases_legalsteporder WHERE kind = 'claim')
        AND public.legal_too_old(work.loan_id, NEW.taken_on)
    THEN
        RAISE EXCEPTION 'Nobody has established that the debt may still be sued for.' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM public.cases_promise WHERE case_id = NEW.case_id AND state = 'open')
        OR EXISTS (SELECT FROM public.cases_plan WHERE case_id = NEW.case_id AND state = 'active')
    THEN
        RAISE EXCEPTION 'The borrower has agreed to pay.' USING ERRCODE = 'check_violation';
    END IF;
    IF place.answer_days > 0 AND (NEW.next_on IS NULL OR NEW.next_on < NEW.taken_on + place.answer_days) THEN
        RAISE EXCEPTION 'The borrower has time to answer.' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM jsonb_array_elements_text(place.after) AS first (kind)
        WHERE NOT EXISTS (
            SELECT FROM public.cases_legalstep t
            WHERE t.stay_id = NEW.stay_id AND t.kind = first.kind
                AND NOT EXISTS (SELECT FROM public.cases_legalstep w WHERE w.withdraws_id = t.id)
        )
    ) OR EXISTS (
        SELECT FROM public.cases_legalstep t JOIN public.cases_legalsteporder o ON o.kind = t.kind
        WHERE t.stay_id = NEW.stay_id AND NOT EXISTS (SELECT FROM public.cases_legalstep w WHERE w.withdraws_id = t.id)
            AND (o.rank >= place.rank OR t.taken_on > NEW.taken_on
                OR (o.answer_days > 0 AND t.next_on >= NEW.taken_on))
    ) THEN
        RAISE EXCEPTION 'Legal steps have their order, and each its time.' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.cost > 0 AND NOT EXISTS (
        SELECT FROM public.accounts_ledgerentry
        WHERE id = NEW.entry_id AND loan_id = work.loan_id AND kind = 'fee' AND fees = NEW.cost
            AND reference = 'legal:' || NEW.id
    ) THEN
        RAISE EXCEPTION 'The cost of a step is what was posted for it.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER legal_step_guard BEFORE INSERT ON cases_legalstep FOR EACH ROW EXECUTE FUNCTION legal_step_guard();
ALTER TABLE cases_legalstep ENABLE ALWAYS TRIGGER legal_step_guard;

-- A question is answered once; nothing else of it ever changes.
CREATE FUNCTION legal_question_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    answer text[] := '{answered_by_id,answered_at,answer_sealed}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.answered_at IS NOT NULL THEN
            RAISE EXCEPTION 'A question begins unanswered.' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR OLD.answered_at IS NOT NULL OR NEW.answered_at IS NULL
        OR to_jsonb(NEW) - answer IS DISTINCT FROM to_jsonb(OLD) - answer
    THEN
        RAISE EXCEPTION 'A question is answered once, and nothing else of it changes.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER legal_question_freeze BEFORE INSERT OR UPDATE OR DELETE ON cases_legalquestion
    FOR EACH ROW EXECUTE FUNCTION legal_question_freeze();
ALTER TABLE cases_legalquestion ENABLE ALWAYS TRIGGER legal_question_freeze;
CREATE TRIGGER legal_question_kept BEFORE TRUNCATE ON cases_legalquestion
    FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE cases_legalquestion ENABLE ALWAYS TRIGGER legal_question_kept;
