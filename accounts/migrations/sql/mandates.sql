CALL forbear_append_only('accounts_debit');
CALL forbear_append_only('accounts_debitoutcome');

-- Decisions come only from debit_decide (cases/migrations/sql/debits.sql); the app reads them.
CALL forbear_append_only('accounts_debitdecision');
REVOKE INSERT ON accounts_debitdecision FROM forbear_app;

-- A mandate is of its loan's borrower.
ALTER TABLE accounts_mandate ADD CONSTRAINT mandate_of_borrower FOREIGN KEY (borrower_id, loan_id)
    REFERENCES accounts_loan (borrower_id, id);

-- A mandate begins alive and ends once; an announcement is withdrawn once. Nothing else of them changes, nobody removes them.
REVOKE DELETE, TRUNCATE ON accounts_mandate, accounts_debitnotice FROM forbear_app;
CREATE FUNCTION mandate_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ending text[] := '{ended_at,ended_by,end_reason}';
BEGIN
    IF TG_OP = 'INSERT' AND NEW.ended_at IS NULL THEN
        RETURN NEW;
    END IF;
    IF TG_OP <> 'UPDATE' OR OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL
        OR to_jsonb(NEW) - ending IS DISTINCT FROM to_jsonb(OLD) - ending
    THEN
        RAISE EXCEPTION 'A mandate begins alive and ends once; nothing else of it changes.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mandate_freeze BEFORE INSERT OR UPDATE OR DELETE ON accounts_mandate
    FOR EACH ROW EXECUTE FUNCTION mandate_freeze();
CREATE FUNCTION debit_notice_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.withdrawn_at IS NOT NULL OR NEW.withdrawn_at IS NULL
        OR to_jsonb(NEW) - 'withdrawn_at' IS DISTINCT FROM to_jsonb(OLD) - 'withdrawn_at'
    THEN
        RAISE EXCEPTION 'What was announced can only be withdrawn, once.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER debit_notice_freeze BEFORE UPDATE OR DELETE ON accounts_debitnotice
    FOR EACH ROW EXECUTE FUNCTION debit_notice_freeze();
CREATE TRIGGER mandate_kept BEFORE TRUNCATE ON accounts_mandate FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
CREATE TRIGGER debit_notice_kept BEFORE TRUNCATE ON accounts_debitnotice FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE accounts_mandate ENABLE ALWAYS TRIGGER mandate_freeze;
ALTER TABLE accounts_mandate ENABLE ALWAYS TRIGGER mandate_kept;
ALTER TABLE accounts_debitnotice ENABLE ALWAYS TRIGGER debit_notice_freeze;
ALTER TABLE accounts_debitnotice ENABLE ALWAYS TRIGGER debit_notice_kept;

-- Failures since the last debit that was paid. Debits of a mandate never overlap, so their order is that of their making.
CREATE FUNCTION debit_failures(p_mandate uuid) RETURNS bigint LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT count(*) FROM accounts_debit d JOIN accounts_debitoutcome o ON o.debit_id = d.id AND o.state = 'failed'
    WHERE d.mandate_id = p_mandate AND NOT EXISTS (
        SELECT FROM accounts_debit later JOIN accounts_debitoutcome p ON p.debit_id = later.id AND p.state = 'paid'
        WHERE later.mandate_id = p_mandate AND later.recorded_at > d.recorded_at
    )
$$;
GRANT EXECUTE ON FUNCTION debit_failures TO forbear_app;

-- What came of a debit: uncertainty only before certainty, money only as the ledger's payment of the same loan and amount, and
-- the failure that is one too many ends the mandate.
CREATE FUNCTION debit_answered() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    debit accounts_debit;
    mandate accounts_mandate;
BEGIN
    SELECT * INTO STRICT debit FROM accounts_debit WHERE id = NEW.debit_id;
    SELECT * INTO STRICT mandate FROM accounts_mandate WHERE id = debit.mandate_id FOR NO KEY UPDATE;
    IF NEW.state = 'uncertain' AND EXISTS (SELECT FROM accounts_debitoutcome WHERE debit_id = NEW.debit_id AND id <> NEW.id) THEN
        RAISE EXCEPTION 'What came of this debit is known already.' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'withdrawn' AND EXISTS (
        SELECT FROM accounts_debitoutcome WHERE debit_id = NEW.debit_id AND state = 'uncertain'
    ) THEN
        RAISE EXCEPTION 'A debit that may have left was not stopped before.' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'paid' AND NOT EXISTS (
        SELECT FROM accounts_payment p
        WHERE p.id = NEW.payment_id AND p.loan_id = debit.loan_id AND p.amount = debit.amount AND p.state = 'posted'
    ) THEN
        RAISE EXCEPTION 'A debit is paid by a payment of the same loan and amount.' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'failed' AND mandate.ended_at IS NULL AND debit_failures(mandate.id) >= mandate.failures_end THEN
        UPDATE accounts_mandate SET ended_at = NEW.at, ended_by = NEW.actor, end_reason = 'failures' WHERE id = mandate.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER debit_answered AFTER INSERT ON accounts_debitoutcome FOR EACH ROW EXECUTE FUNCTION debit_answered();
ALTER TABLE accounts_debitoutcome ENABLE ALWAYS TRIGGER debit_answered;
