"""The audit log: ground floor, imports nothing of ours.

`record` and `record_many` write events inside the caller's transaction; nothing else writes here.
"""

from compliance.audit.actor import Actor
from compliance.audit.log import Stream, record, record_many

__all__ = ["Actor", "Stream", "record", "record_many"]
