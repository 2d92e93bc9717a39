"""The sentences of the timeline, by what they are about. An event type without one is not shown."""

from cases.story import agreements, contacts, law, money, work
from cases.story.line import Maker

SENTENCES: dict[str, tuple[str, Maker]] = {
    **work.SENTENCES,
    **contacts.SENTENCES,
    **money.SENTENCES,
    **agreements.SENTENCES,
    **law.SENTENCES,
}
"""By event type: the kind of line it is, and who makes its sentence."""
