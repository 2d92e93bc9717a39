CALL forbear_append_only('communications_templateversion');
CALL forbear_append_only('communications_scriptversion');

-- A message moves forward only: planned → sending → accepted | failed | uncertain; uncertain may still learn its end.
CREATE FUNCTION message_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'A message is never removed.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
        ('planned', 'sending'), ('planned', 'cancelled'), ('planned', 'failed'),
        ('sending', 'accepted'), ('sending', 'failed'), ('sending', 'uncertain'),
        ('uncertain', 'accepted'), ('uncertain', 'failed')
    ) THEN
        RAISE EXCEPTION 'A message does not go from % to %.', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.attempt_id IS NOT NULL AND NEW.attempt_id IS DISTINCT FROM OLD.attempt_id THEN
        RAISE EXCEPTION 'A message has one attempt.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER message_forward BEFORE UPDATE OR DELETE ON communications_message
    FOR EACH ROW EXECUTE FUNCTION message_forward();
ALTER TABLE communications_message ENABLE ALWAYS TRIGGER message_forward;
