-- What the person asked about channels is added to, never changed: the newest wish counts.
CALL forbear_append_only('compliance_mediarequest');
ALTER TABLE compliance_mediarequest ADD CONSTRAINT media_request_point_of_borrower
    FOREIGN KEY (borrower_id, contact_point_id) REFERENCES accounts_contactpoint (borrower_id, id);

-- A designation is withdrawn once and never reworded.
CREATE FUNCTION designation_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.withdrawn_at IS NOT NULL OR NEW.withdrawn_at IS NULL OR NEW.withdrawn_by = ''
        OR to_jsonb(NEW) - '{withdrawn_at,withdrawn_by}'::text[]
            IS DISTINCT FROM to_jsonb(OLD) - '{withdrawn_at,withdrawn_by}'::text[]
    THEN
        RAISE EXCEPTION 'A designation can only be withdrawn, once.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER designation_freeze BEFORE UPDATE ON compliance_designation FOR EACH ROW EXECUTE FUNCTION designation_freeze();
ALTER TABLE compliance_designation ENABLE ALWAYS TRIGGER designation_freeze;

-- A finding is judged once, about a contact that others reported of the same borrower; people explain it, then close it.
CREATE FUNCTION finding_of_reported() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.state <> 'open' OR NOT EXISTS (
        SELECT FROM compliance_contactattempt
        WHERE id = NEW.attempt_id AND borrower_id = NEW.borrower_id AND reported AND direction = 'out'
    ) THEN
        RAISE EXCEPTION 'A finding begins open, about a contact that others reported.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER finding_of_reported BEFORE INSERT ON compliance_finding FOR EACH ROW EXECUTE FUNCTION finding_of_reported();
ALTER TABLE compliance_finding ENABLE ALWAYS TRIGGER finding_of_reported;
CREATE FUNCTION finding_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'closed' OR NEW.state = 'open' OR (OLD.state = 'explained' AND NEW.state <> 'closed')
        OR to_jsonb(NEW) - '{state,person_id,note_sealed,answered_at}'::text[]
            IS DISTINCT FROM to_jsonb(OLD) - '{state,person_id,note_sealed,answered_at}'::text[]
    THEN
        RAISE EXCEPTION 'A finding is explained, then closed; what was found stays.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER finding_freeze BEFORE UPDATE ON compliance_finding FOR EACH ROW EXECUTE FUNCTION finding_freeze();
ALTER TABLE compliance_finding ENABLE ALWAYS TRIGGER finding_freeze;
ALTER TABLE compliance_finding ADD CONSTRAINT finding_answered_by_somebody CHECK (
    (state = 'open') = (person_id IS NULL) AND (state = 'open') = (note_sealed IS NULL)
    AND (state = 'open') = (answered_at IS NULL)
);

-- Never removed.
DO $$
DECLARE
    target regclass;
BEGIN
    FOREACH target IN ARRAY '{compliance_designation,compliance_finding}'::regclass[] LOOP
        EXECUTE format('REVOKE DELETE, TRUNCATE ON %s FROM forbear_app', target);
        EXECUTE format('CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse()', target);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER kept', target);
    END LOOP;
END $$;
