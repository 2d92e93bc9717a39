CALL forbear_append_only('compliance_contactattempt');
CALL forbear_append_only('compliance_contactoutcome');

-- Decisions and permits come only from gate_decide below; the app reads them.
REVOKE ALL ON compliance_contactdecision, compliance_permit FROM forbear_app;
GRANT SELECT ON compliance_contactdecision, compliance_permit TO forbear_app;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON compliance_contactdecision
    FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON compliance_contactdecision
    FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE compliance_contactdecision ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE compliance_contactdecision ENABLE ALWAYS TRIGGER append_only_truncate;

-- A permit hangs on an allowing decision, and on a contact point of the same borrower.
ALTER TABLE compliance_permit
    ADD COLUMN allowed boolean NOT NULL DEFAULT true CHECK (allowed),
    ADD CONSTRAINT permit_allowed FOREIGN KEY (decision_id, allowed)
        REFERENCES compliance_contactdecision (id, allowed),
    ADD CONSTRAINT permit_point_of_borrower FOREIGN KEY (borrower_id, contact_point_id)
        REFERENCES accounts_contactpoint (borrower_id, id),
    ADD CONSTRAINT permit_life CHECK (expires_at > issued_at AND expires_at <= issued_at + interval '15 minutes'),
    ADD CONSTRAINT permit_bound UNIQUE (id, borrower_id, channel, contact_point_id);
ALTER TABLE compliance_contactattempt
    ADD CONSTRAINT attempt_as_permitted FOREIGN KEY (permit_id, borrower_id, channel, contact_point_id)
        REFERENCES compliance_permit (id, borrower_id, channel, contact_point_id);

-- The legal clock of a decision is the real one. Only a scratch database, so marked by its owner, may decide for other
-- moments: tests, replays, and the seeding of a demo.
CREATE TABLE compliance_legalclock (one boolean PRIMARY KEY DEFAULT true CHECK (one), simulated boolean NOT NULL);
INSERT INTO compliance_legalclock (simulated) VALUES (false);
REVOKE ALL ON compliance_legalclock FROM forbear_app;
GRANT SELECT ON compliance_legalclock TO forbear_app;

-- Stores a decision and, where it allows, issues its permit. The clock of a permit is the database's own.
CREATE FUNCTION gate_decide(
    p_decision uuid, p_permit uuid, p_borrower uuid, p_contact_point uuid, p_channel text, p_purpose text,
    p_loans uuid[], p_outcome text, p_at timestamptz, p_next_allowed timestamptz, p_facts bytea, p_results jsonb,
    p_packs jsonb, p_actor text, p_life interval
) RETURNS timestamptz LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    may boolean := p_outcome IN ('permitted', 'permitted_with_flag');
    born timestamptz := clock_timestamp();
    dies timestamptz := born + LEAST(p_life, interval '15 minutes');
BEGIN
    IF p_outcome NOT IN ('permitted', 'permitted_with_flag', 'presumed_violation', 'prohibited') THEN
        RAISE EXCEPTION 'The gate knows no outcome %.', p_outcome;
    END IF;
    IF abs(extract(epoch FROM p_at - born)) > 120 AND NOT (SELECT simulated FROM compliance_legalclock) THEN
        RAISE EXCEPTION 'A contact is decided for now, not for %.', p_at USING ERRCODE = 'check_violation';
    END IF;
    -- Two requests for one borrower decide one after the other, whatever the caller forgot. Rows that only point to the
    -- borrower (a payment, an event) need not wait.
    PERFORM 1 FROM accounts_borrower WHERE id = p_borrower FOR NO KEY UPDATE;
    INSERT INTO compliance_contactdecision
        (id, borrower_id, contact_point_id, channel, purpose, outcome, allowed, at, next_allowed, facts, results,
         packs, actor, recorded_at)
    VALUES
        (p_decision, p_borrower, p_contact_point, p_channel, p_purpose, p_outcome, may, p_at, p_next_allowed, p_facts,
         p_results, p_packs, p_actor, born);
    IF NOT may OR p_permit IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO compliance_permit
        (id, decision_id, borrower_id, contact_point_id, channel, purpose, loans, at, issued_at, expires_at)
    VALUES
        (p_permit, p_decision, p_borrower, p_contact_point, p_channel, p_purpose, p_loans, p_at, born, dies);
    RETURN dies;
END $$;
REVOKE EXECUTE ON FUNCTION gate_decide FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gate_decide TO forbear_app;

-- An outbound attempt spends its permit in the same statement; a second one finds nothing to spend.
CREATE FUNCTION permit_spend() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.direction <> 'out' OR NEW.reported THEN
        RETURN NEW;
    END IF;
    UPDATE compliance_permit SET used_at = clock_timestamp()
    WHERE id = NEW.permit_id AND borrower_id = NEW.borrower_id AND channel = NEW.channel
        AND contact_point_id = NEW.contact_point_id AND purpose = NEW.purpose AND loans = NEW.loans
        AND used_at IS NULL AND expires_at > clock_timestamp()
        AND NEW.at >= at AND NEW.at < at + (expires_at - issued_at);  -- its life by the legal clock as well
    IF NOT FOUND THEN
        RAISE EXCEPTION 'No contact without a permit: none that is unused, unexpired and for this borrower, channel, address, purpose and these loans.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.recorded_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER permit_spend BEFORE INSERT ON compliance_contactattempt FOR EACH ROW EXECUTE FUNCTION permit_spend();
ALTER TABLE compliance_contactattempt ENABLE ALWAYS TRIGGER permit_spend;

-- Once issued, only the moment of use is ever written, and only once.
CREATE FUNCTION permit_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.used_at IS NOT NULL OR NEW.used_at IS NULL
        OR to_jsonb(NEW) - 'used_at' IS DISTINCT FROM to_jsonb(OLD) - 'used_at'
    THEN
        RAISE EXCEPTION 'A permit is never changed or removed.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER permit_freeze BEFORE UPDATE OR DELETE ON compliance_permit FOR EACH ROW EXECUTE FUNCTION permit_freeze();
CREATE TRIGGER permit_freeze_truncate BEFORE TRUNCATE ON compliance_permit
    FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE compliance_permit ENABLE ALWAYS TRIGGER permit_freeze;
ALTER TABLE compliance_permit ENABLE ALWAYS TRIGGER permit_freeze_truncate;
