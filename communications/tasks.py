"""Jobs: ids in, one action called. Cases send what belongs to them by their own job; these are for what does
not.
"""

from uuid import UUID

from django.utils import timezone

from communications.actions import messages


def send_message(message_id: str) -> str:
    """The status the message has then."""
    return messages.send(message_id=UUID(message_id), at=timezone.now()).status


def sweep_messages() -> int:
    """How many messages were found lost on the wire."""
    return messages.sweep(at=timezone.now())
