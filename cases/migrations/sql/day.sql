-- A part of a day's run is done once; nothing else of it ever changes, and nobody takes it away.
REVOKE DELETE, TRUNCATE ON cases_daypart FROM forbear_app;
CREATE FUNCTION day_part_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.finished_at IS NOT NULL OR NEW.finished_at IS NULL
        OR to_jsonb(NEW) - '{finished_at,result}'::text[] IS DISTINCT FROM to_jsonb(OLD) - '{finished_at,result}'::text[]
    THEN
        RAISE EXCEPTION 'A part of a run is done once.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER day_part_freeze BEFORE UPDATE OR DELETE ON cases_daypart FOR EACH ROW EXECUTE FUNCTION day_part_freeze();
ALTER TABLE cases_daypart ENABLE ALWAYS TRIGGER day_part_freeze;
CREATE TRIGGER day_part_kept BEFORE TRUNCATE ON cases_daypart FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE cases_daypart ENABLE ALWAYS TRIGGER day_part_kept;
