-- What was imported, and who has checked it, is written once.
CALL forbear_append_only('accounts_importedrecord');
CALL forbear_append_only('accounts_reconciliation');

-- A portfolio is opened for contact only after somebody has signed a reconciliation that covers every history file read so
-- far. Loans and payments are no histories: they go on arriving.
CREATE FUNCTION portfolio_reconciled() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.contact_open AND (TG_OP = 'INSERT' OR NOT OLD.contact_open) AND NOT EXISTS (
        SELECT FROM accounts_reconciliation r
        WHERE r.portfolio_id = NEW.id AND r.signed_by <> '' AND NOT EXISTS (
            SELECT FROM accounts_importrun i
            WHERE i.portfolio_id = NEW.id AND i.state = 'done' AND i.kind NOT IN ('loans', 'payments')
                AND i.id <> ALL (r.runs)
        )
    ) THEN
        RAISE EXCEPTION 'Nobody has signed the reconciliation of portfolio %.', NEW.code
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER portfolio_reconciled BEFORE INSERT OR UPDATE ON accounts_portfolio
    FOR EACH ROW EXECUTE FUNCTION portfolio_reconciled();
ALTER TABLE accounts_portfolio ENABLE ALWAYS TRIGGER portfolio_reconciled;
