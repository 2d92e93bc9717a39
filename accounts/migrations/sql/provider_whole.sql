-- As before, in two things better: a summary that does not say how many rows there were is no summary, and each payment is
-- sought by the index of the lines, so that a file of any length is looked at once and not once for each payment.
CREATE OR REPLACE FUNCTION provider_file_whole() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
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
