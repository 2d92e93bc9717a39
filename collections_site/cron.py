"""Everything that runs by the clock, in one place: `manage.py rqcron collections_site.cron`.

A job that nobody could take before the next one comes is dropped (`ttl`): the next finds the same work in the database.
"""

from rq import cron

from cases import tasks

MINUTE, HOUR = 60, 3600

# Messages whose lawful moment has come.
cron.register(tasks.dispatch, "outreach", interval=MINUTE, ttl=MINUTE)
# Announced debits whose day has come.
cron.register(tasks.dispatch_debits, "outreach", interval=15 * MINUTE, ttl=15 * MINUTE)
# What a dead worker or a flushed queue has left lying.
cron.register(tasks.sweep, "default", interval=5 * MINUTE, ttl=5 * MINUTE)
# The business day, once it has begun in every portfolio's zone; missed days first.
cron.register(tasks.run_due_day, "bulk", interval=HOUR, ttl=HOUR)
# Files of imports older than seven days.
cron.register(tasks.destroy_expired_files, "default", cron="20 3 * * *", ttl=HOUR)
# Documents that are kept no longer.
cron.register(tasks.destroy_expired_documents, "default", cron="40 3 * * *", ttl=HOUR)
