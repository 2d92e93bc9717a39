"""Documents whose time has come: the legal minimum first, then open matters, then the end."""

from datetime import datetime
from itertools import islice

from django.db.models import Exists, OuterRef, Q

from accounts.actions.documents import LAST_DAY_ENDS, destroy_documents, retention, years_after
from accounts.models import Document
from cases.models import Case
from compliance.audit import Actor
from compliance.models import Complaint, Hold

BATCH = 500


def destroy_expired(*, by: Actor, at: datetime) -> int:
    """Destroy every document that is kept no longer; how many it were. What somebody may still ask about stays: documents of
    borrowers with an open case, hold or complaint, and those that count their years from the last case. Each batch is a
    transaction of its own, so that a stop half-way loses nothing and the next run goes on."""
    today = at.astimezone(LAST_DAY_ENDS).date()
    count = 0
    for kind, term in retention().items():
        due = Document.objects.past_retention(today).kind(kind)
        cases = Case.objects.filter(borrower=OuterRef("borrower"))
        holds = Hold.objects.filter(borrower=OuterRef("borrower"), ended_at=None)
        due = due.exclude(Exists(cases.open()))
        due = due.exclude(Exists(holds.filter(Q(ends_on=None) | Q(ends_on__gte=today))))
        due = due.exclude(Exists(Complaint.objects.filter(borrower=OuterRef("borrower")).open()))
        if term.after == "last_case":
            since = years_after(today, -term.years)
            due = due.exclude(Exists(cases.filter(closed_at__date__gte=since)))
        found = iter(due.order_by("borrower", "pk").values_list("pk", flat=True))
        while batch := list(islice(found, BATCH)):
            count += destroy_documents(documents=batch, by=by, at=at)
    return count
