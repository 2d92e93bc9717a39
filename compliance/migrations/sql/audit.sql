-- The app is another role than the owner. It may use what the owner makes, unless a table says less.
-- Where the installation has not made the app role yet (a bare server), the migration stops here, in words.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'forbear_app') THEN
        RAISE EXCEPTION 'The database role forbear_app does not exist. Create it (LOGIN, not a member of the owner) and migrate again.';
    END IF;
    IF pg_has_role('forbear_app', current_user, 'MEMBER') THEN
        RAISE EXCEPTION 'forbear_app is a member of the owner %: then every grant could be undone. Revoke that first.', current_user;
    END IF;
END $$;

GRANT USAGE ON SCHEMA public TO forbear_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO forbear_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO forbear_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO forbear_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO forbear_app;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM forbear_app;

CREATE FUNCTION forbear_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: its rows are never changed or removed.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
GRANT EXECUTE ON FUNCTION forbear_refuse() TO forbear_app;

-- Append-only: the app has no right to change rows, and triggers that fire ALWAYS (also under the replica role)
-- stop whoever has one.
CREATE PROCEDURE forbear_append_only(target regclass) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON %s FROM forbear_app', target);
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse()', target);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse()', target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only_truncate', target);
END $$;

CALL forbear_append_only('compliance_auditevent');

-- A projected column that disagrees with its leaf would be a lie beside a proof.
CREATE FUNCTION audit_projection() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    leaf jsonb := convert_from(NEW.leaf, 'UTF8')::jsonb;
BEGIN
    IF leaf ->> 'id' IS DISTINCT FROM NEW.id::text
        OR leaf ->> 'type' IS DISTINCT FROM NEW.type
        OR (leaf ->> 'at')::timestamptz IS DISTINCT FROM NEW.at
        OR leaf #>> '{stream,ref}' IS DISTINCT FROM NEW.stream::text
        OR leaf #>> '{stream,kind}' IS DISTINCT FROM NEW.stream_kind
        OR (leaf #>> '{stream,seq}')::bigint IS DISTINCT FROM NEW.seq
        OR leaf #>> '{actor,kind}' IS DISTINCT FROM NEW.actor_kind
        OR leaf #>> '{actor,ref}' IS DISTINCT FROM NEW.actor
        OR leaf ->> 'case' IS DISTINCT FROM NEW.case_ref::text
        OR leaf ->> 'borrower' IS DISTINCT FROM NEW.borrower_ref::text
    THEN
        RAISE EXCEPTION 'The columns of audit event % do not say what its leaf says.', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    NEW.recorded_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER audit_projection BEFORE INSERT ON compliance_auditevent FOR EACH ROW EXECUTE FUNCTION audit_projection();
ALTER TABLE compliance_auditevent ENABLE ALWAYS TRIGGER audit_projection;

-- Counters only move forward, through this function; the row stays locked until the writing transaction ends.
REVOKE ALL ON compliance_auditstream FROM forbear_app;
GRANT SELECT ON compliance_auditstream TO forbear_app;
CREATE FUNCTION audit_take(stream_ref uuid, stream_kind text, how_many bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    last bigint;
BEGIN
    IF how_many < 1 THEN
        RAISE EXCEPTION 'A stream moves forward by at least one.';
    END IF;
    INSERT INTO compliance_auditstream (ref, kind, last_seq) VALUES (stream_ref, stream_kind, how_many)
    ON CONFLICT (ref) DO UPDATE SET last_seq = compliance_auditstream.last_seq + how_many
        WHERE compliance_auditstream.kind = stream_kind
    RETURNING last_seq INTO last;
    IF last IS NULL THEN
        RAISE EXCEPTION 'Stream % is not of kind %.', stream_ref, stream_kind;
    END IF;
    RETURN last - how_many + 1;
END $$;
REVOKE EXECUTE ON FUNCTION audit_take(uuid, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_take(uuid, text, bigint) TO forbear_app;

-- An event must carry a number that its stream has given out.
CREATE FUNCTION audit_numbered() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added LEFT JOIN compliance_auditstream s ON s.ref = added.stream AND s.kind = added.stream_kind
        WHERE s.last_seq IS NULL OR added.seq > s.last_seq OR added.seq < 1
    ) THEN
        RAISE EXCEPTION 'An audit event has a number its stream has not given out.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_numbered AFTER INSERT ON compliance_auditevent REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION audit_numbered();
ALTER TABLE compliance_auditevent ENABLE ALWAYS TRIGGER audit_numbered;

-- And every number that a stream has given out must have its event when the transaction ends: a stream has no gap.
CREATE FUNCTION audit_stream_filled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    before bigint := CASE WHEN TG_OP = 'UPDATE' THEN OLD.last_seq ELSE 0 END;
BEGIN
    IF NEW.last_seq - before <> (
        SELECT count(*) FROM compliance_auditevent
        WHERE stream = NEW.ref AND seq > before AND seq <= NEW.last_seq
    ) THEN
        RAISE EXCEPTION 'Stream % has given out numbers % to % and not all have an event.', NEW.ref, before + 1, NEW.last_seq
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER audit_stream_filled AFTER INSERT OR UPDATE ON compliance_auditstream
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_stream_filled();
ALTER TABLE compliance_auditstream ENABLE ALWAYS TRIGGER audit_stream_filled;

-- Counters of the owner's own hand: forward only, and never away.
CREATE FUNCTION audit_stream_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR NEW.ref <> OLD.ref OR NEW.kind <> OLD.kind OR NEW.last_seq <= OLD.last_seq THEN
        RAISE EXCEPTION 'A stream only moves forward.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_stream_forward BEFORE UPDATE OR DELETE ON compliance_auditstream
    FOR EACH ROW EXECUTE FUNCTION audit_stream_forward();
CREATE TRIGGER audit_stream_kept BEFORE TRUNCATE ON compliance_auditstream
    FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE compliance_auditstream ENABLE ALWAYS TRIGGER audit_stream_forward;
ALTER TABLE compliance_auditstream ENABLE ALWAYS TRIGGER audit_stream_kept;
