-- A proposal is answered once; nothing else of it ever changes, and nobody takes it away.
REVOKE DELETE, TRUNCATE ON cases_approval FROM forbear_app;
CREATE FUNCTION approval_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    answer text[] := '{answered_by_id,answered_at,approved,answer_sealed}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.answered_at IS NOT NULL THEN
            RAISE EXCEPTION 'A proposal begins unanswered.' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR OLD.answered_at IS NOT NULL OR NEW.answered_at IS NULL
        OR to_jsonb(NEW) - answer IS DISTINCT FROM to_jsonb(OLD) - answer
    THEN
        RAISE EXCEPTION 'A proposal is answered once, and nothing else of it changes.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approval_freeze BEFORE INSERT OR UPDATE OR DELETE ON cases_approval
    FOR EACH ROW EXECUTE FUNCTION approval_freeze();
ALTER TABLE cases_approval ENABLE ALWAYS TRIGGER approval_freeze;
CREATE TRIGGER approval_kept BEFORE TRUNCATE ON cases_approval FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE cases_approval ENABLE ALWAYS TRIGGER approval_kept;
