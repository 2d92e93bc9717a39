"""What the worker runs for compliance: ids in, one call into an action. May run twice, or be lost and run later."""

from datetime import datetime
from uuid import UUID

import django_rq
from django.utils import timezone

from compliance.actions import what_ifs


def perform_what_if(what_if_id: str) -> None:
    what_ifs.perform(what_if_id=UUID(what_if_id), at=timezone.now())


def queue_what_if(what_if_id: UUID) -> None:
    """Put a trial in the queue, once the transaction has committed."""
    django_rq.get_queue("bulk").enqueue("compliance.tasks.perform_what_if", str(what_if_id))


def requeue_what_ifs(at: datetime) -> None:
    """Take up again what a dead worker or a flushed queue has left lying."""
    for what_if_id in what_ifs.unfinished(at):
        queue_what_if(what_if_id)
