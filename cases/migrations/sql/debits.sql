CALL forbear_append_only('cases_debitmessage');

-- Stores a decision about a debit. It is what its rules said, of the facts it names; where all say yes, the numbers must too.
CREATE FUNCTION debit_decide(
    p_decision uuid, p_notice uuid, p_amount bigint, p_on date, p_at timestamptz, p_facts bytea, p_results jsonb, p_actor text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    facts jsonb := convert_from(p_facts, 'UTF8')::jsonb;
    rules text[] := '{due,dates,floor,hold,known,mandate,month,most,notice,open,portfolio,tries}';
    notice accounts_debitnotice;
    mandate accounts_mandate;
    may boolean;
BEGIN
    IF abs(extract(epoch FROM p_at - clock_timestamp())) > 120 AND NOT (SELECT simulated FROM compliance_legalclock) THEN
        RAISE EXCEPTION 'A debit is decided for now, not for %.', p_at USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO STRICT notice FROM accounts_debitnotice WHERE id = p_notice;
    SELECT * INTO STRICT mandate FROM accounts_mandate WHERE id = notice.mandate_id;
    IF facts ->> 'notice' IS DISTINCT FROM p_notice::text OR facts ->> 'mandate' IS DISTINCT FROM mandate.id::text
        OR facts ->> 'loan' IS DISTINCT FROM mandate.loan_id::text OR facts ->> 'on' IS DISTINCT FROM p_on::text
        OR (facts ->> 'amount')::bigint IS DISTINCT FROM p_amount
        OR (facts ->> 'floor')::bigint IS DISTINCT FROM mandate.floor
    THEN
        RAISE EXCEPTION 'These facts are not about this debit.' USING ERRCODE = 'check_violation';
    END IF;
    IF jsonb_typeof(p_results) IS DISTINCT FROM 'array' OR (
        SELECT array_agg(result ->> 'rule' ORDER BY result ->> 'rule') FROM jsonb_array_elements(p_results) result
    ) IS DISTINCT FROM (SELECT array_agg(rule ORDER BY rule) FROM unnest(rules) rule) OR EXISTS (
        SELECT FROM jsonb_array_elements(p_results) result WHERE jsonb_typeof(result -> 'ok') IS DISTINCT FROM 'boolean'
    ) THEN
        RAISE EXCEPTION 'A debit is decided by every rule, each once.' USING ERRCODE = 'check_violation';
    END IF;
    SELECT bool_and((result -> 'ok')::boolean) INTO may FROM jsonb_array_elements(p_results) result;
    IF may AND (
        p_amount <= 0 OR ((facts ->> 'due')::bigint >= p_amount) IS NOT TRUE
        OR mandate.floor IS NOT NULL AND ((facts ->> 'balance')::bigint - p_amount >= mandate.floor) IS NOT TRUE
    ) THEN
        RAISE EXCEPTION 'The facts do not allow this debit.' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO accounts_debitdecision
        (id, mandate_id, notice_id, loan_id, amount, "on", at, allowed, facts, results, actor, recorded_at)
    VALUES
        (p_decision, mandate.id, p_notice, mandate.loan_id, p_amount, p_on, p_at, may, p_facts, p_results, p_actor,
         clock_timestamp());
    RETURN may;
END $$;
REVOKE EXECUTE ON FUNCTION debit_decide FROM PUBLIC;
GRANT EXECUTE ON FUNCTION debit_decide TO forbear_app;

-- The portfolio's date on which a debit's announcement really left by its provider, in the text for it, with this amount and
-- day, about this loan; null where none did.
CREATE FUNCTION debit_notice_sent(p_notice uuid, p_zone text) RETURNS date LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT (m.status_at AT TIME ZONE p_zone)::date FROM cases_debitmessage l
    JOIN accounts_debitnotice n ON n.id = l.notice_id
    JOIN accounts_mandate a ON a.id = n.mandate_id
    JOIN communications_message m ON m.id = l.message_id
    JOIN communications_templateversion v ON v.id = m.template_version_id
    JOIN communications_template t ON t.id = v.template_id
    WHERE l.notice_id = p_notice AND m.status = 'accepted' AND t.key = 'debit_notice' AND a.loan_id = ANY (m.loans)
        AND (m.details ->> 'debit_amount')::bigint = n.amount AND m.details ->> 'debit_on' = n.collect_on::text
$$;
GRANT EXECUTE ON FUNCTION debit_notice_sent TO forbear_app;

-- No debit without an allowing, unused decision of minutes ago; and once more what may have changed since is asked: the mandate,
-- its sums and failures, the announcement, holds, other debits. Whoever opens a hold takes the borrower first, as here.
CREATE FUNCTION debit_spend() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    decision accounts_debitdecision;
    mandate accounts_mandate;
    notice accounts_debitnotice;
    portfolio accounts_portfolio;
BEGIN
    SELECT * INTO mandate FROM accounts_mandate WHERE id = NEW.mandate_id FOR NO KEY UPDATE;
    PERFORM 1 FROM accounts_borrower WHERE id = NEW.borrower_id FOR NO KEY UPDATE;
    SELECT * INTO decision FROM accounts_debitdecision WHERE id = NEW.decision_id;
    SELECT * INTO notice FROM accounts_debitnotice WHERE id = NEW.notice_id FOR SHARE;
    SELECT f.* INTO portfolio FROM accounts_loan l JOIN accounts_portfolio f ON f.id = l.portfolio_id WHERE l.id = NEW.loan_id;
    IF decision.allowed IS NOT TRUE
        OR (decision.mandate_id, decision.notice_id, decision.loan_id, decision.amount, decision."on")
            IS DISTINCT FROM (NEW.mandate_id, NEW.notice_id, NEW.loan_id, NEW.amount, NEW."on")
        OR NEW.borrower_id IS DISTINCT FROM mandate.borrower_id
        OR decision.recorded_at < clock_timestamp() - interval '5 minutes'
        OR NEW.at < decision.at OR NEW.at >= decision.at + interval '5 minutes'
        OR NEW."on" IS DISTINCT FROM (NEW.at AT TIME ZONE portfolio.zone)::date
        OR EXISTS (SELECT FROM accounts_debit WHERE decision_id = NEW.decision_id)
    THEN
        RAISE EXCEPTION 'No debit without a decision: none that allows it, is of minutes ago and unused.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF mandate.ended_at IS NOT NULL OR NEW."on" < mandate.from_on OR NEW."on" > mandate.to_on
        OR debit_failures(mandate.id) >= mandate.failures_end
        OR NEW.amount > mandate.most_per_debit OR NEW.amount + debit_drawn(mandate.id, NEW."on") > mandate.most_per_month
    THEN
        RAISE EXCEPTION 'No debit without a mandate: it has ended, or does not go so far.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF notice.withdrawn_at IS NOT NULL OR NEW.amount > notice.amount OR NEW."on" < notice.collect_on
        OR NEW."on" > notice.collect_on + 5
        OR (debit_notice_sent(notice.id, portfolio.zone) + mandate.notice_days <= NEW."on") IS NOT TRUE
    THEN
        RAISE EXCEPTION 'No debit without its announcement, days before.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT portfolio.contact_open OR debit_held(NEW.borrower_id, NEW.loan_id, NEW."on") OR EXISTS (
        SELECT FROM accounts_debit d WHERE d.loan_id = NEW.loan_id AND NOT EXISTS (
            SELECT FROM accounts_debitoutcome o WHERE o.debit_id = d.id AND o.state <> 'uncertain'
        )
    ) THEN
        RAISE EXCEPTION 'A hold, or another debit of the loan, stops this one.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.recorded_at := clock_timestamp();
    RETURN NEW;
END $$;

-- What a mandate has drawn in a date's month, or may have: all but what certainly did not come.
CREATE FUNCTION debit_drawn(p_mandate uuid, p_on date) RETURNS bigint LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(sum(d.amount), 0)::bigint FROM accounts_debit d
    WHERE d.mandate_id = p_mandate AND date_trunc('month', d."on"::timestamp) = date_trunc('month', p_on::timestamp)
        AND NOT EXISTS (SELECT FROM accounts_debitoutcome o WHERE o.debit_id = d.id AND o.state IN ('failed', 'withdrawn'))
$$;
GRANT EXECUTE ON FUNCTION debit_drawn TO forbear_app;

-- Whether a hold stops collecting from a loan on a date. Every kind does (`compliance.holds`). A hold's dates are the borrower's
-- own, which may be a day ahead of the portfolio's or behind: the stricter counts.
CREATE FUNCTION debit_held(p_borrower uuid, p_loan uuid, p_on date) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM compliance_hold h
        WHERE h.borrower_id = p_borrower AND (h.loan_id IS NULL OR h.loan_id = p_loan) AND h.ended_at IS NULL
            AND h.starts_on <= p_on + 1 AND (h.ends_on IS NULL OR h.ends_on >= p_on - 1)
    )
$$;
GRANT EXECUTE ON FUNCTION debit_held TO forbear_app;

CREATE TRIGGER debit_spend BEFORE INSERT ON accounts_debit FOR EACH ROW EXECUTE FUNCTION debit_spend();
ALTER TABLE accounts_debit ENABLE ALWAYS TRIGGER debit_spend;
