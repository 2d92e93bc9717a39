-- What the planner knows of tables that grew or changed by much since it last looked, so that a day that follows a large
-- import goes by index. The app may not analyze what it does not own; autovacuum comes when it comes.
CREATE FUNCTION day_statistics() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE grown regclass;
BEGIN
    FOR grown IN
        SELECT relid FROM pg_stat_user_tables
        WHERE schemaname = 'public' AND n_mod_since_analyze > 500 + n_live_tup / 10
    LOOP
        EXECUTE format('ANALYZE (SKIP_LOCKED) %s', grown);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION day_statistics() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION day_statistics() TO forbear_app;
