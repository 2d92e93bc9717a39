-- A bar is lifted once, and nothing else of it ever changes.
REVOKE DELETE, TRUNCATE ON accounts_agencybar, accounts_agency FROM forbear_app;
CREATE FUNCTION agency_bar_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lift text[] := '{lifted_by_id,lifted_at}';
BEGIN
    IF TG_OP = 'DELETE' OR OLD.lifted_at IS NOT NULL OR NEW.lifted_at IS NULL
        OR to_jsonb(NEW) - lift IS DISTINCT FROM to_jsonb(OLD) - lift
    THEN
        RAISE EXCEPTION 'A bar is lifted once, and nothing else of it changes.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER agency_bar_freeze BEFORE UPDATE OR DELETE ON accounts_agencybar
    FOR EACH ROW EXECUTE FUNCTION agency_bar_freeze();
ALTER TABLE accounts_agencybar ENABLE ALWAYS TRIGGER agency_bar_freeze;
CREATE TRIGGER agency_bar_kept BEFORE TRUNCATE ON accounts_agencybar FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE accounts_agencybar ENABLE ALWAYS TRIGGER agency_bar_kept;
