-- What the household figures were stays as it was told.
CALL forbear_append_only('cases_affordability');

-- Only the newest series of a case has open promises, and of an agreement nothing but its state ever changes.
CREATE FUNCTION promise_series() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - '{state,decided_at}'::text[] <> to_jsonb(OLD) - '{state,decided_at}'::text[] THEN
        RAISE EXCEPTION 'A promise stays as it was made.' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'open' AND (TG_OP = 'INSERT' OR OLD.state <> 'open') THEN
        PERFORM FROM public.cases_case WHERE id = NEW.case_id FOR NO KEY UPDATE;
        IF EXISTS (
            SELECT FROM public.cases_promise
            WHERE case_id = NEW.case_id AND series <> NEW.series AND state = 'open'
        ) THEN
            RAISE EXCEPTION 'Another promise is open on this case.' USING ERRCODE = 'unique_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER promise_series BEFORE INSERT OR UPDATE ON cases_promise FOR EACH ROW EXECUTE FUNCTION promise_series();
ALTER TABLE cases_promise ENABLE ALWAYS TRIGGER promise_series;

CREATE FUNCTION plan_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - '{state,ended_at}'::text[] <> to_jsonb(OLD) - '{state,ended_at}'::text[] THEN
        RAISE EXCEPTION 'A plan stays as it was agreed.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plan_stays BEFORE UPDATE ON cases_plan FOR EACH ROW EXECUTE FUNCTION plan_stays();
ALTER TABLE cases_plan ENABLE ALWAYS TRIGGER plan_stays;

-- What was shown is what was stored.
ALTER TABLE cases_plan ADD CONSTRAINT plan_shown_whole
    CHECK (shown = '' AND digest = '' OR digest = encode(sha256(convert_to(shown, 'UTF8')), 'hex'));

-- At the end of the transaction the instalments come to what was agreed, whichever of the two was written last.
CREATE FUNCTION plan_adds_up() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    plan uuid := CASE WHEN TG_TABLE_NAME = 'cases_plan' THEN (to_jsonb(NEW) ->> 'id')::uuid
        ELSE (to_jsonb(NEW) ->> 'plan_id')::uuid END;
BEGIN
    IF (SELECT total FROM public.cases_plan WHERE id = plan) IS DISTINCT FROM
        (SELECT sum(amount) FROM public.cases_planinstalment WHERE plan_id = plan)
    THEN
        RAISE EXCEPTION 'The instalments of plan % do not come to its total.', plan USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER plan_adds_up AFTER INSERT ON cases_plan DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION plan_adds_up();
ALTER TABLE cases_plan ENABLE ALWAYS TRIGGER plan_adds_up;
CREATE CONSTRAINT TRIGGER plan_adds_up AFTER INSERT ON cases_planinstalment DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION plan_adds_up();
ALTER TABLE cases_planinstalment ENABLE ALWAYS TRIGGER plan_adds_up;
