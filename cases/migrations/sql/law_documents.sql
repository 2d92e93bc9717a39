-- A step has its paper: a document of the case's own loan, still kept, of a kind that the step asks for. One paper stands
-- behind one step.
CREATE FUNCTION legal_step_paper() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wanted jsonb := (SELECT papers FROM cases_legalsteporder WHERE kind = NEW.kind);
BEGIN
    IF NEW.document_id IS NULL THEN
        IF NEW.kind <> 'withdrawal' AND wanted <> '[]' THEN
            RAISE EXCEPTION 'This legal step has its document.' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.kind = 'withdrawal' THEN
        RAISE EXCEPTION 'What is taken back has no document of its own.' USING ERRCODE = 'check_violation';
    END IF;
    -- Kept while the step is written down: nobody destroys it beside.
    PERFORM FROM accounts_document d JOIN cases_case c ON c.id = NEW.case_id
    WHERE d.id = NEW.document_id AND d.borrower_id = c.borrower_id AND d.loan_id = c.loan_id AND d.destroyed_at IS NULL
        AND (wanted = '[]' OR wanted ? d.kind)
    FOR SHARE OF d;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The document of a step is of its loan and of its kind.' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM cases_legalstep t WHERE t.document_id = NEW.document_id
            AND NOT EXISTS (SELECT FROM cases_legalstep w WHERE w.withdraws_id = t.id)
    ) THEN
        RAISE EXCEPTION 'This document stands behind another step.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER legal_step_paper BEFORE INSERT ON cases_legalstep FOR EACH ROW EXECUTE FUNCTION legal_step_paper();
ALTER TABLE cases_legalstep ENABLE ALWAYS TRIGGER legal_step_paper;

CALL forbear_append_only('cases_placementlift');

-- How many complaints about an agency's conduct came, since somebody last lifted the stop, within the days that the
-- portfolio's terms of the newest one's day give, where that is more than they bear; NULL where it never was. Whatever comes
-- of them later: once over, it stays until somebody lifts it. A test holds the categories equal to agency_upheld's.
CREATE FUNCTION placement_stop(p_agency bigint, p_portfolio bigint) RETURNS bigint LANGUAGE sql STABLE
    SET search_path = pg_catalog, public, pg_temp AS $$
    WITH conduct AS (
        SELECT DISTINCT k.id, k.received_at, (k.received_at AT TIME ZONE f.zone)::date AS day
        FROM cases_placement p
        JOIN cases_case c ON c.id = p.case_id
        JOIN accounts_portfolio f ON f.id = c.portfolio_id
        JOIN compliance_complaint k ON k.borrower_id = c.borrower_id AND (k.loan_id IS NULL OR k.loan_id = c.loan_id)
        WHERE p.agency_id = p_agency AND c.portfolio_id = p_portfolio
            AND k.category IN ('too_often', 'wrong_time', 'tone', 'third_party', 'privacy')
            AND k.received_at >= p.placed_at AND (p.ended_at IS NULL OR k.received_at < p.ended_at + interval '30 days')
            AND k.received_at > coalesce(
                (SELECT max(lifted_at) FROM cases_placementlift WHERE agency_id = p_agency AND portfolio_id = p_portfolio),
                '-infinity')
    ), counted AS (
        SELECT k.id, coalesce(t.agency_complaints_most, 5) AS most, (
            SELECT count(*) FROM conduct e
            WHERE e.received_at <= k.received_at
                AND e.received_at > k.received_at - make_interval(days => coalesce(t.agency_complaints_days, 90))
        ) AS number
        FROM conduct k LEFT JOIN LATERAL (
            SELECT agency_complaints_most, agency_complaints_days FROM accounts_terms
            WHERE portfolio_id = p_portfolio AND from_on <= k.day ORDER BY from_on DESC, id DESC LIMIT 1
        ) t ON true
    )
    SELECT max(number) FROM counted WHERE number > most
$$;
GRANT EXECUTE ON FUNCTION placement_stop(bigint, bigint) TO forbear_app;

-- Complaints stop new placements of the portfolio with the agency. The trigger of placement.sql, which has its name before
-- this one, has locked the agency: somebody who lifts the stop comes before or after.
CREATE FUNCTION placement_borne() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM accounts_agency WHERE id = NEW.agency_id FOR SHARE;
    IF placement_stop(NEW.agency_id, (SELECT portfolio_id FROM cases_case WHERE id = NEW.case_id)) IS NOT NULL THEN
        RAISE EXCEPTION 'Complaints stop new placements of this portfolio with this agency.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER placement_borne BEFORE INSERT ON cases_placement FOR EACH ROW EXECUTE FUNCTION placement_borne();
ALTER TABLE cases_placement ENABLE ALWAYS TRIGGER placement_borne;

-- A lift ends a stop that there is, and says over how many complaints; never one that is still to come.
CREATE FUNCTION placement_lift_begins() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM accounts_agency WHERE id = NEW.agency_id FOR NO KEY UPDATE;
    IF placement_stop(NEW.agency_id, NEW.portfolio_id) IS DISTINCT FROM NEW.complaints::bigint
        OR NEW.lifted_at > clock_timestamp() + interval '1 minute'
    THEN
        RAISE EXCEPTION 'Only a stop that there is is lifted.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER placement_lift_begins BEFORE INSERT ON cases_placementlift
    FOR EACH ROW EXECUTE FUNCTION placement_lift_begins();
ALTER TABLE cases_placementlift ENABLE ALWAYS TRIGGER placement_lift_begins;

-- While a case is with an agency the house asks for nothing in writing, unless the placement's terms say so: no text that
-- collects leaves but the agency's own. What must be announced all the same is named. The placement is locked: a recall comes
-- before the message or after it.
CREATE FUNCTION house_is_silent() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.purpose NOT IN ('first_notice', 'reminder', 'collect') OR EXISTS (
        SELECT FROM communications_templateversion v JOIN communications_template t ON t.id = v.template_id
        WHERE v.id = NEW.template_version_id AND t.key IN ('debit_notice', 'bureau_notice')
    ) THEN
        RETURN NEW;
    END IF;
    PERFORM FROM cases_placement p
    JOIN cases_placementbatch b ON b.id = p.batch_id
    JOIN cases_case c ON c.id = p.case_id
    WHERE c.borrower_id = NEW.borrower_id AND c.loan_id = ANY (NEW.loans) AND p.ended_at IS NULL AND NOT b.house_writes
        AND p.agency_id IS DISTINCT FROM agency_of_actor(
            (SELECT actor FROM compliance_contactattempt WHERE id = NEW.attempt_id))
    FOR SHARE OF p;
    IF FOUND THEN
        RAISE EXCEPTION 'The house is silent while an agency has the case.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER house_is_silent BEFORE UPDATE ON communications_message FOR EACH ROW
    WHEN (OLD.attempt_id IS DISTINCT FROM NEW.attempt_id AND NEW.attempt_id IS NOT NULL)
    EXECUTE FUNCTION house_is_silent();
CREATE TRIGGER house_is_silent_from_the_start BEFORE INSERT ON communications_message FOR EACH ROW
    WHEN (NEW.attempt_id IS NOT NULL) EXECUTE FUNCTION house_is_silent();
ALTER TABLE communications_message ENABLE ALWAYS TRIGGER house_is_silent;
ALTER TABLE communications_message ENABLE ALWAYS TRIGGER house_is_silent_from_the_start;
