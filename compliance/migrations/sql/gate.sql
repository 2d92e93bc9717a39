-- Which outcome is stricter.
CREATE FUNCTION gate_strictness(outcome text) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT array_position('{permitted,permitted_with_flag,presumed_violation,prohibited}'::text[], outcome)
$$;

-- A decision says what its rules said, of what it was asked, by packs whose text is stored. What allows a contact knows its
-- jurisdictions, all those of the loans' portfolios among them, and has heard a rule.
CREATE FUNCTION gate_check(
    p_borrower uuid, p_contact_point uuid, p_channel text, p_purpose text, p_loans uuid[], p_outcome text, p_facts bytea,
    p_results jsonb, p_packs jsonb
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    facts jsonb := convert_from(p_facts, 'UTF8')::jsonb;
BEGIN
    IF gate_strictness(p_outcome) IS NULL THEN
        RAISE EXCEPTION 'The gate knows no outcome %.', p_outcome;
    END IF;
    IF jsonb_typeof(facts) IS DISTINCT FROM 'object' OR jsonb_typeof(facts -> 'debts') IS DISTINCT FROM 'array'
        OR jsonb_typeof(facts -> 'jurisdictions') IS DISTINCT FROM 'array'
        OR facts ->> 'channel' IS DISTINCT FROM p_channel OR facts ->> 'purpose' IS DISTINCT FROM p_purpose
        OR facts ->> 'contact_point' IS DISTINCT FROM p_contact_point::text
        OR loans_of(p_facts) IS DISTINCT FROM in_order(p_loans)
    THEN
        RAISE EXCEPTION 'These facts are not about the contact that was asked for.' USING ERRCODE = 'check_violation';
    END IF;
    IF jsonb_typeof(p_packs) IS DISTINCT FROM 'object' OR EXISTS (
        SELECT FROM jsonb_each_text(p_packs) named
        WHERE NOT EXISTS (SELECT FROM compliance_packversion WHERE digest = named.value AND pack = named.key)
    ) THEN
        RAISE EXCEPTION 'A decision names packs whose text is stored.' USING ERRCODE = 'check_violation';
    END IF;
    IF jsonb_typeof(p_results) IS DISTINCT FROM 'array' OR EXISTS (
        SELECT FROM jsonb_array_elements(p_results) result
        WHERE coalesce(result ->> 'rule', '') = '' OR gate_strictness(result ->> 'outcome') IS NULL
            OR NOT (result ->> 'pack' = '' AND result ->> 'rule' LIKE 'GATE.%' OR p_packs ? (result ->> 'pack')) IS TRUE
    ) THEN
        RAISE EXCEPTION 'Results name their rule, its pack and an outcome.' USING ERRCODE = 'check_violation';
    END IF;
    IF gate_strictness(p_outcome) IS DISTINCT FROM (
        SELECT coalesce(max(gate_strictness(result ->> 'outcome')), 4) FROM jsonb_array_elements(p_results) result
    ) THEN
        RAISE EXCEPTION 'The outcome is the strictest of the results.' USING ERRCODE = 'check_violation';
    END IF;
    IF p_outcome <> 'prohibited' AND (
        facts -> 'jurisdictions' = '[]' OR cardinality(p_loans) = 0
        OR EXISTS (
            SELECT FROM jsonb_array_elements_text(facts -> 'jurisdictions') place
            WHERE NOT EXISTS (
                SELECT FROM compliance_packversion v JOIN jsonb_each_text(p_packs) named ON v.digest = named.value
                WHERE v.jurisdiction = place
            )
        )
        OR (SELECT count(*) <> cardinality(p_loans) OR bool_or(
                NOT to_jsonb(f.jurisdictions) <@ (facts -> 'jurisdictions') OR facts ->> 'role' IS DISTINCT FROM f.our_role
            ) FROM accounts_loan l JOIN accounts_portfolio f ON f.id = l.portfolio_id
            WHERE l.id = ANY (p_loans) AND l.borrower_id = p_borrower)
    ) THEN
        RAISE EXCEPTION 'The law of these loans was not asked.' USING ERRCODE = 'check_violation';
    END IF;
END $$;

-- An override lets one contact happen that the same rules, and no others, presume to be a violation.
CREATE FUNCTION gate_override(
    p_override uuid, p_borrower uuid, p_contact_point uuid, p_channel text, p_purpose text, p_loans uuid[], p_outcome text,
    p_at timestamptz, p_results jsonb
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    given compliance_override;
BEGIN
    SELECT * INTO given FROM compliance_override WHERE id = p_override FOR UPDATE;
    IF p_outcome <> 'presumed_violation' OR given.approved IS NOT TRUE
        OR given.answered_by_id = given.requested_by_id
        OR (given.borrower_id, given.contact_point_id, given.channel::text, given.purpose::text)
            IS DISTINCT FROM (p_borrower, p_contact_point, p_channel, p_purpose)
        OR in_order(given.loans) IS DISTINCT FROM in_order(p_loans)
        OR clock_timestamp() >= given.expires_at
        OR p_at < given.answered_at OR p_at >= given.answered_at + interval '15 minutes'
        OR NOT override_covers(p_results, given.rules::text[], given.reasons::text[])
        OR EXISTS (SELECT FROM compliance_contactdecision WHERE override_id = p_override)
    THEN
        RAISE EXCEPTION 'No override lets this contact happen: none that is approved, unused, unexpired and for it.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

-- The gate's function as in permit.sql, which now checks what it is given, knows overrides, and stores when every channel opens.
DROP FUNCTION gate_decide;
CREATE FUNCTION gate_decide(
    p_decision uuid, p_permit uuid, p_borrower uuid, p_contact_point uuid, p_channel text, p_purpose text,
    p_loans uuid[], p_outcome text, p_at timestamptz, p_next_allowed timestamptz, p_facts bytea, p_results jsonb,
    p_packs jsonb, p_channels jsonb, p_actor text, p_life interval, p_override uuid
) RETURNS timestamptz LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    may boolean;
    born timestamptz := clock_timestamp();
    dies timestamptz := born + LEAST(p_life, interval '15 minutes');
BEGIN
    IF abs(extract(epoch FROM p_at - born)) > 120 AND NOT (SELECT simulated FROM compliance_legalclock) THEN
        RAISE EXCEPTION 'A contact is decided for now, not for %.', p_at USING ERRCODE = 'check_violation';
    END IF;
    -- Two requests for one borrower decide one after the other, whatever the caller forgot. Rows that only point to the
    -- borrower (a payment, an event) need not wait.
    PERFORM 1 FROM accounts_borrower WHERE id = p_borrower FOR NO KEY UPDATE;
    PERFORM gate_check(p_borrower, p_contact_point, p_channel, p_purpose, p_loans, p_outcome, p_facts, p_results, p_packs);
    may := p_outcome IN ('permitted', 'permitted_with_flag');
    IF p_override IS NOT NULL THEN
        PERFORM gate_override(
            p_override, p_borrower, p_contact_point, p_channel, p_purpose, p_loans, p_outcome, p_at, p_results);
        may := true;
    END IF;
    INSERT INTO compliance_contactdecision
        (id, borrower_id, contact_point_id, channel, purpose, outcome, allowed, at, next_allowed, facts, results,
         packs, channels, actor, recorded_at, override_id)
    VALUES
        (p_decision, p_borrower, p_contact_point, p_channel, p_purpose, p_outcome, may, p_at, p_next_allowed, p_facts,
         p_results, p_packs, p_channels, p_actor, born, p_override);
    IF NOT may OR p_permit IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO compliance_permit
        (id, decision_id, borrower_id, contact_point_id, channel, purpose, loans, at, issued_at, expires_at)
    VALUES
        (p_permit, p_decision, p_borrower, p_contact_point, p_channel, p_purpose, p_loans, p_at, born, dies);
    RETURN dies;
END $$;
REVOKE EXECUTE ON FUNCTION gate_decide FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gate_decide TO forbear_app;

-- A permit is spent as in permit.sql, and once more it is asked whether what stops contact has come since it was given: a hold,
-- the portfolio closed, the number or address taken out of use. Whoever opens a hold takes the borrower first, as here.
CREATE OR REPLACE FUNCTION permit_spend() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.direction <> 'out' OR NEW.reported THEN
        RETURN NEW;
    END IF;
    PERFORM 1 FROM accounts_borrower WHERE id = NEW.borrower_id FOR NO KEY UPDATE;
    UPDATE compliance_permit p SET used_at = clock_timestamp()
    WHERE p.id = NEW.permit_id AND p.borrower_id = NEW.borrower_id AND p.channel = NEW.channel
        AND p.contact_point_id = NEW.contact_point_id AND p.purpose = NEW.purpose AND p.loans = NEW.loans
        AND p.used_at IS NULL AND p.expires_at > clock_timestamp()
        AND NEW.at >= p.at AND NEW.at < p.at + (p.expires_at - p.issued_at)  -- its life by the legal clock as well
        AND NOT EXISTS (
            SELECT FROM compliance_hold h WHERE h.borrower_id = NEW.borrower_id AND h.ended_at IS NULL AND h.opened_at > p.at
        )
        AND NOT EXISTS (
            SELECT FROM accounts_loan l JOIN accounts_portfolio f ON f.id = l.portfolio_id
            WHERE l.id = ANY (NEW.loans) AND NOT f.contact_open
        )
        AND EXISTS (SELECT FROM accounts_contactpoint c WHERE c.id = NEW.contact_point_id AND c.status = 'active');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'No contact without a permit: none that is unused, unexpired and for this borrower, channel, address, purpose and these loans.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.recorded_at := clock_timestamp();
    RETURN NEW;
END $$;
