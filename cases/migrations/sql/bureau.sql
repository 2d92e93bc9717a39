CALL forbear_append_only('cases_bureaureporting');
CALL forbear_append_only('cases_bureaunotice');
CALL forbear_append_only('cases_bureaufile');
CALL forbear_append_only('cases_furnished');

-- Who they are about is the loan's own borrower.
ALTER TABLE cases_furnished ADD CONSTRAINT furnished_of_borrower FOREIGN KEY (borrower_id, loan_id)
    REFERENCES accounts_loan (borrower_id, id);
ALTER TABLE cases_creditdispute ADD CONSTRAINT credit_dispute_of_borrower FOREIGN KEY (borrower_id, loan_id)
    REFERENCES accounts_loan (borrower_id, id);

-- What is said to a bureau: only where the portfolio reports; nothing late without a notice that really left a fortnight and more
-- before, nor under a hold that protects; nothing of a disputed loan without its mark; and exactly what the row says.
CREATE FUNCTION furnished_check() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    portfolio accounts_portfolio;
    file cases_bureaufile;
    before cases_furnished;
    said jsonb := convert_from(NEW.said, 'UTF8')::jsonb;
    today date;
BEGIN
    -- Holds and disputes wait here, or have come before.
    PERFORM 1 FROM accounts_borrower WHERE id = NEW.borrower_id FOR NO KEY UPDATE;
    SELECT f.* INTO portfolio FROM accounts_loan l JOIN accounts_portfolio f ON f.id = l.portfolio_id WHERE l.id = NEW.loan_id;
    SELECT * INTO file FROM cases_bureaufile WHERE id = NEW.file_id;
    today := (NEW.at AT TIME ZONE portfolio.zone)::date;
    IF file.portfolio_id IS DISTINCT FROM portfolio.id OR file.kind IS DISTINCT FROM NEW.kind
        OR NEW.digest IS DISTINCT FROM encode(sha256(NEW.said), 'hex')
        OR (said ->> 'status', said ->> 'kind', said ->> 'as_of', (said ->> 'days_past_due')::int, (said ->> 'disputed')::boolean)
            IS DISTINCT FROM (NEW.status::text, NEW.kind::text, NEW.as_of::text, NEW.days_past_due, NEW.disputed)
    THEN
        RAISE EXCEPTION 'A line says what its file and its text say.' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.kind = 'withdrawal' THEN
        NULL;  -- what was said can always be taken back
    ELSIF NEW.kind = 'month' AND coalesce((
        SELECT bureau FROM cases_bureaureporting WHERE portfolio_id = portfolio.id AND from_on <= today
        ORDER BY from_on DESC, id DESC LIMIT 1
    ), '') = '' THEN
        RAISE EXCEPTION 'This portfolio reports to no bureau.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.kind = 'month' AND NEW.status = 'late' THEN
        IF NOT EXISTS (
            SELECT FROM cases_bureaunotice n JOIN communications_message m ON m.id = n.message_id
            JOIN communications_templateversion v ON v.id = m.template_version_id
            JOIN communications_template t ON t.id = v.template_id
            WHERE n.loan_id = NEW.loan_id AND m.status = 'accepted' AND n.report_on <= today
                AND t.key = 'bureau_notice' AND NEW.loan_id = ANY (m.loans)
                AND m.details ->> 'report_on' = n.report_on::text
                AND (m.status_at AT TIME ZONE portfolio.zone)::date + 14 <= today
        ) THEN
            RAISE EXCEPTION 'Nothing late is reported of a borrower who was not told days before.'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        -- Every kind that stops legal steps (`compliance.holds`), but a dispute, which is marked.
        IF EXISTS (
            SELECT FROM compliance_hold h WHERE h.borrower_id = NEW.borrower_id AND h.ended_at IS NULL
                AND (h.loan_id IS NULL OR h.loan_id = NEW.loan_id) AND h.kind NOT IN ('cease', 'attorney', 'dispute')
                AND h.starts_on <= today + 1 AND (h.ends_on IS NULL OR h.ends_on >= today - 1)
        ) THEN
            RAISE EXCEPTION 'A hold protects this loan from being reported as late.' USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    IF NEW.kind <> 'withdrawal' AND NOT NEW.disputed AND EXISTS (
        SELECT FROM cases_creditdispute WHERE loan_id = NEW.loan_id AND state = 'open'
    ) THEN
        RAISE EXCEPTION 'What is disputed is reported with its mark, or not at all.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.corrects_id IS NOT NULL THEN
        SELECT * INTO before FROM cases_furnished WHERE id = NEW.corrects_id;
        IF before.loan_id IS DISTINCT FROM NEW.loan_id OR before.kind = 'withdrawal'
            OR EXISTS (SELECT FROM cases_furnished WHERE loan_id = NEW.loan_id AND id > before.id)
            OR NEW.kind = 'correction' AND NEW.status = 'late' AND before.status <> 'late'
        THEN
            RAISE EXCEPTION 'Only the newest line of the same loan is corrected, and never to the worse.'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER furnished_check BEFORE INSERT ON cases_furnished FOR EACH ROW EXECUTE FUNCTION furnished_check();
ALTER TABLE cases_furnished ENABLE ALWAYS TRIGGER furnished_check;

-- A dispute is answered once; its words and its clock stay, and nobody removes it.
REVOKE DELETE, TRUNCATE ON cases_creditdispute FROM forbear_app;
CREATE FUNCTION credit_dispute_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    answer text[] := '{state,answer_sealed,answered_at,answered_by}';
BEGIN
    IF TG_OP = 'INSERT' AND NEW.state = 'open' THEN
        RETURN NEW;
    END IF;
    IF TG_OP <> 'UPDATE' OR OLD.state <> 'open' OR NEW.state = 'open'
        OR to_jsonb(NEW) - answer IS DISTINCT FROM to_jsonb(OLD) - answer
    THEN
        RAISE EXCEPTION 'A dispute begins open and is answered once; its words and its clock stay.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_dispute_freeze BEFORE INSERT OR UPDATE OR DELETE ON cases_creditdispute
    FOR EACH ROW EXECUTE FUNCTION credit_dispute_freeze();
CREATE TRIGGER credit_dispute_kept BEFORE TRUNCATE ON cases_creditdispute
    FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE cases_creditdispute ENABLE ALWAYS TRIGGER credit_dispute_freeze;
ALTER TABLE cases_creditdispute ENABLE ALWAYS TRIGGER credit_dispute_kept;
