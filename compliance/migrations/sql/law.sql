-- Pack texts and signatures: added, never changed.
CALL forbear_append_only('compliance_packversion');
CALL forbear_append_only('compliance_signature');
ALTER TABLE compliance_packversion
    ADD CONSTRAINT pack_is_its_digest CHECK (digest = encode(sha256(convert_to(text, 'UTF8')), 'hex'));

-- Who set a rule aside, where, why and until when stays; it is approved once, by somebody else, and ended once.
CREATE FUNCTION set_aside_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.approved_by_id IS NOT NULL OR NEW.ended_by_id IS NOT NULL THEN
        RAISE EXCEPTION 'Setting a rule aside begins with a proposal.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER set_aside_begin BEFORE INSERT ON compliance_setaside FOR EACH ROW EXECUTE FUNCTION set_aside_begin();
ALTER TABLE compliance_setaside ENABLE ALWAYS TRIGGER set_aside_begin;

CREATE FUNCTION set_aside_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    approval text[] := '{approved_by_id,approved_at}';
    ending text[] := '{ended_by_id,ended_at}';
BEGIN
    IF OLD.ended_by_id IS NOT NULL
        OR to_jsonb(NEW) - (approval || ending) IS DISTINCT FROM to_jsonb(OLD) - (approval || ending)
        OR (to_jsonb(NEW) - ending IS DISTINCT FROM to_jsonb(OLD) - ending
            AND (OLD.approved_by_id IS NOT NULL OR NEW.approved_by_id IS NULL OR NEW.ended_by_id IS NOT NULL))
    THEN
        RAISE EXCEPTION 'Setting a rule aside is approved once and ended once, and nothing else of it changes.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER set_aside_freeze BEFORE UPDATE ON compliance_setaside FOR EACH ROW EXECUTE FUNCTION set_aside_freeze();
ALTER TABLE compliance_setaside ENABLE ALWAYS TRIGGER set_aside_freeze;

DO $$
DECLARE
    target regclass;
BEGIN
    FOREACH target IN ARRAY '{compliance_setaside,compliance_override}'::regclass[] LOOP
        EXECUTE format('REVOKE DELETE, TRUNCATE ON %s FROM forbear_app', target);
        EXECUTE format('CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse()', target);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER kept', target);
    END LOOP;
END $$;
REVOKE DELETE, TRUNCATE ON compliance_whatif FROM forbear_app;
