-- What came of comparing a provider's file is written once, and so is what people said of it.
CALL forbear_append_only('accounts_providerline');
CALL forbear_append_only('accounts_provideranswer');

-- Lines are written while their file is read, and say of our payments what those say themselves.
CREATE FUNCTION provider_line_check() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM accounts_importrun r
        WHERE r.id IN (SELECT run_id FROM added) AND NOT (r.kind = 'provider' AND r.state = 'running')
    ) THEN
        RAISE EXCEPTION 'A file is compared while it is read.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (
        SELECT FROM added JOIN accounts_payment p ON p.id = added.payment_id
            JOIN accounts_importrun r ON r.id = added.run_id
        WHERE (added.our_amount, added.our_day, added.reference) IS DISTINCT FROM (p.amount, p.value_date, p.reference)
            OR p.portfolio_id <> r.portfolio_id
            OR ((added.result = 'waiting') <> (p.state = 'unmatched') AND added.result IN ('waiting', 'equal'))
    ) THEN
        RAISE EXCEPTION 'A line says of a payment what the payment does not say.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER provider_line_check AFTER INSERT ON accounts_providerline REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION provider_line_check();
ALTER TABLE accounts_providerline ENABLE ALWAYS TRIGGER provider_line_check;

-- A file is done when each of its rows is compared or refused, and each payment of ours in its days is beside it; one that
-- was told after the file may be.
CREATE FUNCTION provider_file_whole() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    compared bigint;
    since date;
    until date;
BEGIN
    SELECT COALESCE(sum(cardinality(rows)), 0), min(day), max(day) INTO compared, since, until
    FROM accounts_providerline WHERE run_id = NEW.id;
    -- What is not said is NULL, and NULL would equal NULL.
    IF (compared + (NEW.summary ->> 'rejected')::bigint = (NEW.summary ->> 'rows')::bigint) IS NOT TRUE THEN
        RAISE EXCEPTION 'A row of the file is neither compared nor refused.' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM accounts_payment p
        WHERE p.portfolio_id = NEW.portfolio_id AND p.value_date BETWEEN since AND until
            AND p.received_at <= NEW.created_at AND NOT EXISTS (
                SELECT FROM accounts_providerline l
                WHERE l.run_id = NEW.id AND l.payment_id = p.id AND NOT l.takes_back
            )
    ) THEN
        RAISE EXCEPTION 'A payment of ours was left out of the comparison.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER provider_file_whole BEFORE UPDATE ON accounts_importrun FOR EACH ROW
    WHEN (NEW.kind = 'provider' AND NEW.state = 'done' AND OLD.state <> 'done') EXECUTE FUNCTION provider_file_whole();
ALTER TABLE accounts_importrun ENABLE ALWAYS TRIGGER provider_file_whole;

-- Only a difference is answered.
CREATE FUNCTION provider_answer_check() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM accounts_providerline WHERE id = NEW.line_id AND result = 'equal') THEN
        RAISE EXCEPTION 'There is nothing to answer.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER provider_answer_check BEFORE INSERT ON accounts_provideranswer FOR EACH ROW
    EXECUTE FUNCTION provider_answer_check();
ALTER TABLE accounts_provideranswer ENABLE ALWAYS TRIGGER provider_answer_check;

-- A provider's file is no history either: it goes on arriving, and brings in nothing.
CREATE OR REPLACE FUNCTION portfolio_reconciled() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.contact_open AND (TG_OP = 'INSERT' OR NOT OLD.contact_open) AND NOT EXISTS (
        SELECT FROM accounts_reconciliation r
        WHERE r.portfolio_id = NEW.id AND r.signed_by <> '' AND NOT EXISTS (
            SELECT FROM accounts_importrun i
            WHERE i.portfolio_id = NEW.id AND i.state = 'done' AND i.kind NOT IN ('loans', 'payments', 'provider')
                AND i.id <> ALL (r.runs)
        )
    ) THEN
        RAISE EXCEPTION 'Nobody has signed the reconciliation of portfolio %.', NEW.code
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
