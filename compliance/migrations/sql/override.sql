-- A presumed violation that two people let happen. It begins at a stored decision, with reasons its rules name.
ALTER TABLE compliance_override
    ADD CONSTRAINT override_point_of_borrower FOREIGN KEY (borrower_id, contact_point_id)
        REFERENCES accounts_contactpoint (borrower_id, id);

-- Every rule that presumed a violation must be answered by a reason of its own list.
CREATE FUNCTION override_covers(results jsonb, rules text[], reasons text[]) RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$
    SELECT coalesce(bool_and(result ->> 'rule' = ANY (rules) AND result -> 'override_reasons' ?| reasons), false)
    FROM jsonb_array_elements(results) result WHERE result ->> 'outcome' = 'presumed_violation'
$$;

-- Loans in one order, for comparing what a decision names with what is asked.
CREATE FUNCTION loans_of(facts bytea) RETURNS uuid[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(debt::uuid ORDER BY debt::uuid), '{}')
    FROM jsonb_array_elements_text(convert_from(facts, 'UTF8')::jsonb -> 'debts') debt
$$;
CREATE FUNCTION in_order(loans uuid[]) RETURNS uuid[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(loan ORDER BY loan), '{}') FROM unnest(loans) loan
$$;
GRANT EXECUTE ON FUNCTION override_covers, loans_of, in_order TO forbear_app;

CREATE FUNCTION override_begin() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    decision compliance_contactdecision;
BEGIN
    SELECT * INTO decision FROM compliance_contactdecision WHERE id = NEW.asked_id;
    NEW.recorded_at := clock_timestamp();
    IF NEW.answered_by_id IS NOT NULL OR NEW.expires_at IS NOT NULL
        OR decision.outcome IS DISTINCT FROM 'presumed_violation'
        OR decision.override_id IS NOT NULL
        OR decision.recorded_at < NEW.recorded_at - interval '30 minutes'
        OR (decision.borrower_id, decision.channel, decision.purpose, decision.contact_point_id)
            IS DISTINCT FROM (NEW.borrower_id, NEW.channel::varchar, NEW.purpose::varchar, NEW.contact_point_id)
        OR loans_of(decision.facts) IS DISTINCT FROM in_order(NEW.loans)
        OR NOT override_covers(decision.results, NEW.rules::text[], NEW.reasons::text[])
        OR NEW.reasons::text[] <@ ARRAY(
            SELECT jsonb_array_elements_text(result -> 'override_reasons')
            FROM jsonb_array_elements(decision.results) result WHERE result ->> 'outcome' = 'presumed_violation'
        ) IS NOT TRUE
    THEN
        RAISE EXCEPTION 'An override begins at a decision of this moment that presumed a violation, with reasons its rules name.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER override_begin BEFORE INSERT ON compliance_override FOR EACH ROW EXECUTE FUNCTION override_begin();
ALTER TABLE compliance_override ENABLE ALWAYS TRIGGER override_begin;

-- Answered once, while it is fresh; how long an approval lives is the database's own clock.
CREATE FUNCTION override_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    answer text[] := '{answered_by_id,answered_at,approved,expires_at}';
BEGIN
    IF OLD.answered_by_id IS NOT NULL OR NEW.answered_by_id IS NULL OR NEW.answered_at < OLD.requested_at
        OR to_jsonb(NEW) - answer IS DISTINCT FROM to_jsonb(OLD) - answer
    THEN
        RAISE EXCEPTION 'An override is answered once, and nothing else of it changes.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.approved AND (clock_timestamp() > OLD.recorded_at + interval '30 minutes'
        OR NEW.answered_at > OLD.requested_at + interval '30 minutes')
    THEN
        RAISE EXCEPTION 'This request is too old to be approved; it can be asked again.' USING ERRCODE = 'check_violation';
    END IF;
    NEW.expires_at := CASE WHEN NEW.approved THEN clock_timestamp() + interval '15 minutes' END;
    RETURN NEW;
END $$;
CREATE TRIGGER override_freeze BEFORE UPDATE ON compliance_override FOR EACH ROW EXECUTE FUNCTION override_freeze();
ALTER TABLE compliance_override ENABLE ALWAYS TRIGGER override_freeze;
