CALL forbear_append_only('cases_transition');
CALL forbear_append_only('cases_scriptstep');
CALL forbear_append_only('cases_note');
CALL forbear_append_only('cases_planinstalment');
REVOKE INSERT, UPDATE, DELETE ON cases_edge FROM forbear_app;
CALL forbear_append_only('cases_casemessage');
CALL forbear_append_only('cases_dayreport');
REVOKE DELETE ON cases_case, cases_promise, cases_plan, cases_call, cases_dayrun, cases_lease, cases_scriptrun, cases_workitem
    FROM forbear_app;

-- A transition row names an edge of the map.
ALTER TABLE cases_transition ADD CONSTRAINT transition_on_the_map FOREIGN KEY (source, target)
    REFERENCES cases_edge (source, target);

-- A step stands in the queue of its case's own portfolio.
ALTER TABLE cases_case ADD CONSTRAINT case_of_portfolio UNIQUE (id, portfolio_id);
ALTER TABLE cases_workitem ADD CONSTRAINT work_of_portfolio FOREIGN KEY (case_id, portfolio_id)
    REFERENCES cases_case (id, portfolio_id);

-- Immediate guard: a case changes state only when the next transition row says exactly that.
-- The trigger owns state_seq: whatever a caller saves, the number follows the rows.
CREATE FUNCTION case_state_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.loan_id <> OLD.loan_id OR NEW.borrower_id <> OLD.borrower_id
        OR NEW.portfolio_id <> OLD.portfolio_id
    THEN
        RAISE EXCEPTION 'A case stays with its loan.' USING ERRCODE = 'check_violation';
    END IF;
    NEW.state_seq := OLD.state_seq;
    IF NEW.state IS DISTINCT FROM OLD.state THEN
        IF NOT EXISTS (
            SELECT FROM public.cases_transition
            WHERE case_id = OLD.id AND seq = OLD.state_seq + 1 AND source = OLD.state AND target = NEW.state
        ) THEN
            RAISE EXCEPTION 'Case % does not go from % to %: no such transition is recorded.', OLD.id, OLD.state, NEW.state
                USING ERRCODE = 'check_violation';
        END IF;
        NEW.state_seq := OLD.state_seq + 1;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER case_state_guard BEFORE UPDATE ON cases_case FOR EACH ROW EXECUTE FUNCTION case_state_guard();
ALTER TABLE cases_case ENABLE ALWAYS TRIGGER case_state_guard;

-- A case begins as overdue, at number 0.
CREATE FUNCTION case_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'overdue' OR NEW.state_seq <> 0 THEN
        RAISE EXCEPTION 'A case begins as overdue.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER case_begins BEFORE INSERT ON cases_case FOR EACH ROW EXECUTE FUNCTION case_begins();
ALTER TABLE cases_case ENABLE ALWAYS TRIGGER case_begins;

-- Deferred check: a transition row without its change does not survive the transaction.
CREATE FUNCTION transition_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.cases_case WHERE id = NEW.case_id AND state_seq >= NEW.seq) THEN
        RAISE EXCEPTION 'Transition % of case % was recorded but not made.', NEW.seq, NEW.case_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transition_made AFTER INSERT ON cases_transition DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION transition_made();
ALTER TABLE cases_transition ENABLE ALWAYS TRIGGER transition_made;

CREATE TRIGGER case_kept BEFORE DELETE OR TRUNCATE ON cases_case FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE cases_case ENABLE ALWAYS TRIGGER case_kept;
