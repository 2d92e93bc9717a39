"""The holds on a case in words: what each stops, until when, what shows that it is right, and when it is looked at again."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from cases.desk.strip import STOPS
from cases.models import Case
from cases.words import day
from compliance.holds import COLLECTING, EVERYTHING, HOLDS, UNASKED
from compliance.models import Evidence, Hold, HoldKind

CONTACT = {
    EVERYTHING: gettext_lazy("every contact"),
    UNASKED: gettext_lazy("every contact but answers to what is asked"),
    COLLECTING: gettext_lazy("asking for payment, by every channel"),
}
# Why a person ends a hold; the codes are those of `cases.actions.holds.ENDS`.
ENDS: dict[str, str | Promise] = {
    "cleared_up": gettext_lazy("It is cleared up"),
    "answered": gettext_lazy("The request was answered"),
    "asked_to_go_on": gettext_lazy("The borrower asked to go on"),
    "expired": gettext_lazy("It has run out"),
    "opened_in_error": gettext_lazy("It was opened in error"),
}


@dataclass(frozen=True)
class HoldLine:
    """`proofs` is what may show it is right, where nothing does yet; `due`: it is to be looked at now."""

    id: UUID
    label: str
    why: str
    of_loan: bool
    lasts: str
    stops: list[str]
    proof: str
    proofs: list[tuple[str, str]]
    review: str
    due: bool


def hold_lines(case: Case, on: date) -> list[HoldLine]:
    """Those that last on a day or begin later, and have not been ended."""
    holds = Hold.objects.filter(Q(loan=None) | Q(loan=case.loan_id), borrower=case.borrower_id, ended_at=None)
    return [_line(hold, on) for hold in holds.exclude(ends_on__lt=on).order_by("starts_on", "pk")]


def _line(hold: Hold, on: date) -> HoldLine:
    row = HOLDS[hold.kind]
    proofs = (
        [] if hold.evidence else [(each.value, str(each.label)) for each in Evidence if each in row.proof]
    )
    return HoldLine(
        id=hold.pk,
        label=str(HoldKind(hold.kind).label),
        why=str(row.why),
        of_loan=hold.loan_id is not None,
        lasts=_lasts(hold),
        stops=[str(CONTACT[row.purposes]), *(str(STOPS[stop]) for stop in sorted(row.stops))],
        proof=f"{Evidence(hold.evidence).label}: {hold.evidence_ref}" if hold.evidence else "",
        proofs=proofs,
        review=day(hold.review_on) if hold.review_on else "",
        due=hold.review_on is not None and hold.review_on <= on,
    )


def _lasts(hold: Hold) -> str:
    words = {"first": day(hold.starts_on), "last": hold.ends_on and day(hold.ends_on)}
    if hold.ends_on:
        return _("%(first)s to %(last)s") % words
    return pgettext("a hold", "from %(first)s, until somebody ends it") % words
