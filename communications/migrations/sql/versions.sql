CALL forbear_append_only('communications_templateversion');
CALL forbear_append_only('communications_scriptversion');
REVOKE DELETE ON communications_message, communications_script, communications_template FROM forbear_app;

-- A message moves forward only: planned → sending → accepted | failed | uncertain; uncertain may still learn its end.
CREATE FUNCTION message_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'A message is never removed.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- Attempts that others reported, or that came in, have no permit: nothing is ever sent on their strength.
    IF NEW.attempt_id IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.attempt_id IS NULL) AND NOT EXISTS (
        SELECT FROM public.compliance_contactattempt
        WHERE id = NEW.attempt_id AND permit_id IS NOT NULL AND borrower_id = NEW.borrower_id
            AND channel = NEW.channel AND contact_point_id = NEW.contact_point_id
    ) THEN
        RAISE EXCEPTION 'A message leaves by an attempt with a permit, to the same borrower and address.'
            USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        RETURN NEW;
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
CREATE TRIGGER message_forward BEFORE INSERT OR UPDATE OR DELETE ON communications_message
    FOR EACH ROW EXECUTE FUNCTION message_forward();
ALTER TABLE communications_message ENABLE ALWAYS TRIGGER message_forward;
