-- A pause is made, and made shorter; nothing else of it ever changes, and nobody takes it away.
REVOKE DELETE, TRUNCATE ON accounts_pause FROM forbear_app;
ALTER TABLE accounts_pause ADD CONSTRAINT pause_of_borrower FOREIGN KEY (borrower_id, loan_id)
    REFERENCES accounts_loan (borrower_id, id);
ALTER TABLE accounts_pause ADD CONSTRAINT pause_dates CHECK (ends_on >= starts_on - 1);
CREATE FUNCTION pause_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.ends_on IS NULL OR NEW.ends_on > OLD.ends_on
        OR to_jsonb(NEW) - 'ends_on' IS DISTINCT FROM to_jsonb(OLD) - 'ends_on'
    THEN
        RAISE EXCEPTION 'A pause can only be ended.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.ends_on := greatest(NEW.ends_on, OLD.starts_on - 1);
    RETURN NEW;
END $$;
CREATE TRIGGER pause_freeze BEFORE UPDATE OR DELETE ON accounts_pause FOR EACH ROW EXECUTE FUNCTION pause_freeze();
ALTER TABLE accounts_pause ENABLE ALWAYS TRIGGER pause_freeze;
CREATE TRIGGER pause_kept BEFORE TRUNCATE ON accounts_pause FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE accounts_pause ENABLE ALWAYS TRIGGER pause_kept;

-- Nothing is charged on a day on which charges are paused, by whatever path. Whoever charges waits for a hold that is just
-- being opened (it holds the borrower), and then sees it.
CREATE FUNCTION charge_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM public.accounts_borrower WHERE id = NEW.borrower_id FOR SHARE;
    IF EXISTS (
        SELECT FROM public.accounts_pause
        WHERE borrower_id = NEW.borrower_id AND (loan_id IS NULL OR loan_id = NEW.loan_id) AND what = 'charges'
            AND starts_on <= NEW.value_date AND (ends_on IS NULL OR ends_on >= NEW.value_date)
    ) THEN
        RAISE EXCEPTION 'A hold stops charges on %.', NEW.value_date USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER charge_guard BEFORE INSERT ON accounts_ledgerentry
    FOR EACH ROW WHEN (NEW.kind IN ('fee', 'interest')) EXECUTE FUNCTION charge_guard();
ALTER TABLE accounts_ledgerentry ENABLE ALWAYS TRIGGER charge_guard;
