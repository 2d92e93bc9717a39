-- A hold is opened, shown to be right once, looked at as often as is due, and ended once. Nothing else of it ever changes.
CREATE OR REPLACE FUNCTION hold_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changing text[] := '{ended_at,ended_by,evidence,evidence_ref,review_on}';
BEGIN
    IF OLD.ended_at IS NOT NULL OR (NEW.ended_at IS NULL) <> (NEW.ended_by = '')
        OR to_jsonb(NEW) - changing IS DISTINCT FROM to_jsonb(OLD) - changing
        OR (OLD.evidence <> '' AND (NEW.evidence, NEW.evidence_ref) IS DISTINCT FROM (OLD.evidence, OLD.evidence_ref))
    THEN
        RAISE EXCEPTION 'A hold can only be ended, once, and shown to be right, once.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
