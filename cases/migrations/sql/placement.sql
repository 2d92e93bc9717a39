CALL forbear_append_only('cases_placementbatch');
CALL forbear_append_only('cases_agencyevaluation');
REVOKE DELETE, TRUNCATE ON cases_placement FROM forbear_app;

-- Complaints about conduct that were upheld since a moment, received while the agency had the case or soon after.
CREATE FUNCTION agency_upheld(p_agency bigint, p_since timestamptz) RETURNS bigint LANGUAGE sql STABLE
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT count(DISTINCT complaint.id)
    FROM cases_placement p
    JOIN cases_case c ON c.id = p.case_id
    JOIN compliance_complaint complaint ON complaint.borrower_id = c.borrower_id
        AND (complaint.loan_id IS NULL OR complaint.loan_id = c.loan_id)
    WHERE p.agency_id = p_agency AND complaint.state IN ('upheld', 'partly_upheld') AND complaint.resolved_at >= p_since
        AND complaint.category IN ('too_often', 'wrong_time', 'tone', 'third_party', 'privacy')
        AND complaint.received_at >= p.placed_at
        AND (p.ended_at IS NULL OR complaint.received_at < p.ended_at + interval '30 days')
$$;
GRANT EXECUTE ON FUNCTION agency_upheld(bigint, timestamptz) TO forbear_app;

-- Why an agency gets no case at a moment and on a business date; NULL where nothing stands against it.
CREATE FUNCTION agency_stop(p_agency bigint, p_at timestamptz, p_on date) RETURNS text LANGUAGE sql STABLE
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE
        WHEN a.since > p_on OR a.until < p_on THEN 'ended'
        WHEN EXISTS (
            SELECT FROM accounts_agencybar b
            WHERE b.agency_id = a.id AND b.lifted_at IS NULL AND b.from_on <= p_on AND (b.ends_on IS NULL OR b.ends_on >= p_on)
        ) THEN 'barred'
        WHEN agency_upheld(a.id, p_at - make_interval(days => a.upheld_days)) >= a.upheld_most THEN 'complaints'
    END
    FROM accounts_agency a WHERE a.id = p_agency
$$;
GRANT EXECUTE ON FUNCTION agency_stop(bigint, timestamptz, date) TO forbear_app;

-- A case is placed only where it is open and not at law, no hold stops it, and nothing stands against the agency. The case,
-- its borrower and the agency are locked, so that none of that changes beside it.
CREATE FUNCTION placement_begins() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    placed cases_case;
    stop text;
BEGIN
    IF NEW.ended_at IS NOT NULL OR NOT EXISTS (
        SELECT FROM cases_placementbatch b
        WHERE b.id = NEW.batch_id AND (b.agency_id, b.return_on, b.commission_percent, b.placed_at)
            = (NEW.agency_id, NEW.return_on, NEW.commission_percent, NEW.placed_at)
    ) THEN
        RAISE EXCEPTION 'A placement begins live, on the terms of its batch.' USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO placed FROM cases_case WHERE id = NEW.case_id FOR NO KEY UPDATE;
    IF placed.state NOT IN ('overdue', 'notified', 'negotiating', 'installment_plan') THEN
        RAISE EXCEPTION 'Only an open case that is not at law is placed.' USING ERRCODE = 'check_violation';
    END IF;
    PERFORM FROM accounts_borrower WHERE id = placed.borrower_id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT FROM compliance_hold h
        WHERE h.borrower_id = placed.borrower_id AND (h.loan_id IS NULL OR h.loan_id = placed.loan_id)
            AND h.kind NOT IN ('cease', 'attorney')
            AND h.ended_at IS NULL AND h.starts_on <= NEW.placed_on AND (h.ends_on IS NULL OR h.ends_on >= NEW.placed_on)
    ) THEN
        RAISE EXCEPTION 'A hold stops the placement.' USING ERRCODE = 'check_violation';
    END IF;
    PERFORM FROM accounts_agency WHERE id = NEW.agency_id FOR SHARE;
    stop := agency_stop(NEW.agency_id, NEW.placed_at, NEW.placed_on);
    IF stop IS NOT NULL THEN
        RAISE EXCEPTION 'This agency gets no case: %.', stop USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER placement_begins BEFORE INSERT ON cases_placement FOR EACH ROW EXECUTE FUNCTION placement_begins();
ALTER TABLE cases_placement ENABLE ALWAYS TRIGGER placement_begins;

-- A placement ends once, and nothing else of it ever changes.
CREATE FUNCTION placement_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ending text[] := '{ended_at,ended_on,end_reason,ended_by}';
BEGIN
    IF TG_OP = 'DELETE' OR OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL
        OR to_jsonb(NEW) - ending IS DISTINCT FROM to_jsonb(OLD) - ending
    THEN
        RAISE EXCEPTION 'A placement ends once, and nothing else of it changes.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER placement_freeze BEFORE UPDATE OR DELETE ON cases_placement FOR EACH ROW EXECUTE FUNCTION placement_freeze();
ALTER TABLE cases_placement ENABLE ALWAYS TRIGGER placement_freeze;
CREATE TRIGGER placement_kept BEFORE TRUNCATE ON cases_placement FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE cases_placement ENABLE ALWAYS TRIGGER placement_kept;

-- A case that closes or goes to law has left its agency when the transaction commits.
CREATE FUNCTION placement_leaves() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM cases_placement p JOIN cases_case c ON c.id = p.case_id
        WHERE p.case_id = NEW.id AND p.ended_at IS NULL
            AND c.state NOT IN ('overdue', 'notified', 'negotiating', 'installment_plan')
    ) THEN
        RAISE EXCEPTION 'A case at law, or over, is with no agency.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER placement_leaves AFTER UPDATE OF state ON cases_case DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION placement_leaves();
ALTER TABLE cases_case ENABLE ALWAYS TRIGGER placement_leaves;

-- The agency that a member of staff works for, by the pseudonym that stands on contacts; NULL for our own and for the system.
CREATE FUNCTION agency_of_actor(p_actor text) RETURNS bigint LANGUAGE sql STABLE
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT u.agency_id FROM accounts_user u
    WHERE u.ref = CASE WHEN p_actor ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN p_actor::uuid END
$$;
GRANT EXECUTE ON FUNCTION agency_of_actor(text) TO forbear_app;

-- Whoever collects for an agency contacts borrowers about what is placed with it, and about nothing else. The placement is
-- locked: a recall comes before the contact or after it.
CREATE FUNCTION agency_contacts() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    of_agency bigint;
    loan uuid;
BEGIN
    IF NEW.direction <> 'out' OR NEW.reported THEN
        RETURN NEW;
    END IF;
    of_agency := agency_of_actor(NEW.actor);
    IF of_agency IS NULL THEN
        RETURN NEW;
    END IF;
    IF cardinality(NEW.loans) = 0 THEN
        RAISE EXCEPTION 'An agency contacts borrowers about what is placed with it.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOREACH loan IN ARRAY NEW.loans LOOP
        PERFORM FROM cases_placement p JOIN cases_case c ON c.id = p.case_id
        WHERE p.agency_id = of_agency AND p.ended_at IS NULL AND c.loan_id = loan AND c.borrower_id = NEW.borrower_id
        FOR SHARE OF p;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'An agency contacts borrowers about what is placed with it.'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;
CREATE TRIGGER agency_contacts BEFORE INSERT ON compliance_contactattempt FOR EACH ROW EXECUTE FUNCTION agency_contacts();
ALTER TABLE compliance_contactattempt ENABLE ALWAYS TRIGGER agency_contacts;

-- The gate judges what an agency's staff want to do as a third-party collector's contact, and what everybody else does as the
-- portfolio says we are: gate_check as in compliance's gate.sql, but for the role, which hangs on who asks and is judged below.
CREATE OR REPLACE FUNCTION gate_check(
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
                NOT to_jsonb(f.jurisdictions) <@ (facts -> 'jurisdictions') OR (facts ->> 'role' IN (f.our_role, 'third_party_debt_collector')) IS NOT TRUE
            ) FROM accounts_loan l JOIN accounts_portfolio f ON f.id = l.portfolio_id
            WHERE l.id = ANY (p_loans) AND l.borrower_id = p_borrower)
    ) THEN
        RAISE EXCEPTION 'The law of these loans was not asked.' USING ERRCODE = 'check_violation';
    END IF;
END $$;
CREATE FUNCTION agency_judged() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    role text := convert_from(NEW.facts, 'UTF8')::jsonb ->> 'role';
BEGIN
    IF agency_of_actor(NEW.actor) IS NOT NULL THEN
        IF role IS DISTINCT FROM 'third_party_debt_collector' THEN
            RAISE EXCEPTION 'Whoever collects for an agency is judged as a third-party collector.'
                USING ERRCODE = 'check_violation';
        END IF;
    ELSIF NEW.outcome <> 'prohibited' AND EXISTS (
        SELECT FROM accounts_loan l JOIN accounts_portfolio f ON f.id = l.portfolio_id
        WHERE l.id = ANY (loans_of(NEW.facts)) AND f.our_role IS DISTINCT FROM role
    ) THEN
        RAISE EXCEPTION 'The law of these loans was not asked.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER agency_judged BEFORE INSERT ON compliance_contactdecision FOR EACH ROW EXECUTE FUNCTION agency_judged();
ALTER TABLE compliance_contactdecision ENABLE ALWAYS TRIGGER agency_judged;
