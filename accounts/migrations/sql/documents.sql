-- A document's loan is its borrower's.
ALTER TABLE accounts_document ADD CONSTRAINT document_of_borrower FOREIGN KEY (borrower_id, loan_id)
    REFERENCES accounts_loan (borrower_id, id);

-- A document never changes and is never taken away. Its content alone goes, once, when the last day of its retention has
-- ended everywhere on earth.
REVOKE DELETE, TRUNCATE, REFERENCES, TRIGGER ON accounts_document FROM forbear_app;
CREATE FUNCTION document_freeze() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    content text[] := '{content_sealed,destroyed_at}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.destroyed_at IS NOT NULL THEN
            RAISE EXCEPTION 'A document begins with its content.' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR OLD.destroyed_at IS NOT NULL OR NEW.destroyed_at IS NULL OR NEW.content_sealed IS NOT NULL
        OR to_jsonb(NEW) - content IS DISTINCT FROM to_jsonb(OLD) - content
    THEN
        RAISE EXCEPTION 'A document is never changed or removed; only its content goes, once.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF (NEW.destroyed_at AT TIME ZONE 'UTC' - interval '12 hours')::date <= NEW.retain_until THEN
        RAISE EXCEPTION 'This document is kept until %.', NEW.retain_until USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER document_freeze BEFORE INSERT OR UPDATE OR DELETE ON accounts_document
    FOR EACH ROW EXECUTE FUNCTION document_freeze();
ALTER TABLE accounts_document ENABLE ALWAYS TRIGGER document_freeze;
CREATE TRIGGER document_kept BEFORE TRUNCATE ON accounts_document FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE accounts_document ENABLE ALWAYS TRIGGER document_kept;
