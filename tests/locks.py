"""Who holds or waits for a lock, in this database alone: the server has others, in which other tests run."""

HERE = "pg_locks JOIN pg_stat_activity USING (pid) WHERE datname = current_database()"
WAITING = f"SELECT count(*) FROM {HERE} AND NOT granted"
