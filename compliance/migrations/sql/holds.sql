-- What stops contact, what permits it, and what was complained of: opened, ended once, never removed or reworded.
CREATE FUNCTION hold_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL OR NEW.ended_by = ''
        OR to_jsonb(NEW) - '{ended_at,ended_by}'::text[] IS DISTINCT FROM to_jsonb(OLD) - '{ended_at,ended_by}'::text[]
    THEN
        RAISE EXCEPTION 'A hold can only be ended, once.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hold_freeze BEFORE UPDATE ON compliance_hold FOR EACH ROW EXECUTE FUNCTION hold_freeze();
ALTER TABLE compliance_hold ENABLE ALWAYS TRIGGER hold_freeze;

CREATE FUNCTION consent_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL
        OR to_jsonb(NEW) - 'revoked_at' IS DISTINCT FROM to_jsonb(OLD) - 'revoked_at'
    THEN
        RAISE EXCEPTION 'A consent can only be withdrawn, once.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER consent_freeze BEFORE UPDATE ON compliance_consent FOR EACH ROW EXECUTE FUNCTION consent_freeze();
ALTER TABLE compliance_consent ENABLE ALWAYS TRIGGER consent_freeze;

CREATE FUNCTION complaint_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open'
        OR to_jsonb(NEW) - '{owner_id,state,answer_sealed,resolved_at}'::text[]
            IS DISTINCT FROM to_jsonb(OLD) - '{owner_id,state,answer_sealed,resolved_at}'::text[]
    THEN
        RAISE EXCEPTION 'A complaint is decided once, and its words and clock stay.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER complaint_freeze BEFORE UPDATE ON compliance_complaint FOR EACH ROW EXECUTE FUNCTION complaint_freeze();
ALTER TABLE compliance_complaint ENABLE ALWAYS TRIGGER complaint_freeze;
ALTER TABLE compliance_complaint ADD CONSTRAINT complaint_decided_with_answer CHECK (
    (state = 'open' AND resolved_at IS NULL AND answer_sealed IS NULL)
    OR (state <> 'open' AND resolved_at IS NOT NULL AND answer_sealed IS NOT NULL)
);

-- Never removed.
DO $$
DECLARE
    target regclass;
BEGIN
    FOREACH target IN ARRAY '{compliance_hold,compliance_consent,compliance_complaint}'::regclass[] LOOP
        EXECUTE format('REVOKE DELETE, TRUNCATE ON %s FROM forbear_app', target);
        EXECUTE format('CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse()', target);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER kept', target);
    END LOOP;
END $$;
