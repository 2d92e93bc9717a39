"""Whom we speak with: masks, or for two minutes what a person with a reason has opened."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts.actions.borrowers import read_opened
from accounts.http import StaffRequest
from accounts.models import ContactKind, ContactPoint, Place, PointStatus, Relation
from cases.desk.facts import Facts, Person
from cases.desk.strip import Strip
from cases.desk.wishes import WishLine, wish_lines
from cases.models import Case
from cases.reasons import ArrearsReason
from cases.words import day

OPEN_FOR = timedelta(minutes=2)
REASONS: tuple[tuple[str, str | Promise], ...] = (
    ("right_party", gettext_lazy("To check that I speak with the right person")),
    ("asked_by_borrower", gettext_lazy("The borrower asks what we hold")),
    ("correct_data", gettext_lazy("To correct a number or a name")),
    ("complaint", gettext_lazy("For a complaint or a dispute")),
)
LANGUAGES = {
    "en": pgettext_lazy("borrower", "speaks English"),
    "zh-hans": pgettext_lazy("borrower", "speaks Chinese"),
}
KINDS = {
    "mobile": gettext_lazy("Mobile"),
    "fixed": gettext_lazy("Landline"),
}


@dataclass(frozen=True)
class Contact:
    id: UUID
    label: str
    value: str
    verified: str
    call_url: str
    allowed: bool
    why: str
    from_: datetime | None
    may_ask: bool = False  # only presumed to be a violation: a second person may be asked
    asked: bool = False


@dataclass(frozen=True)
class Related:
    relation: str
    name: str
    may_contact: bool
    why: str
    contact_id: UUID | None = None
    call_url: str = ""


@dataclass(frozen=True)
class Who:
    name: str
    open_for: int | None
    facts: list[str]
    contacts: list[Contact]
    flags: list[str]
    related: list[Related]
    wishes: list[WishLine] = field(default_factory=list)
    may_change: bool = False
    unseal_reasons: list[tuple[str, str]] = field(default_factory=list)


def note_open(request: StaffRequest, case: Case, at: datetime) -> None:
    """Remember in the person's session that they opened this seal; what was opened is never kept."""
    request.session["open_seal"] = {"case": str(case.pk), "until": (at + OPEN_FOR).isoformat()}


def seconds_open(request: StaffRequest, case: Case, at: datetime) -> int | None:
    """How long the seal that this person opened stays open on this case; None when it is closed."""
    opened = request.session.get("open_seal")
    if not opened or opened["case"] != str(case.pk):
        return None
    until = parse_datetime(opened["until"])
    left = (until - at).total_seconds() if until else 0
    return int(left) or None if left > 0 else None


def who(
    request: StaffRequest,
    case: Case,
    points: Sequence[ContactPoint],
    facts: Facts,
    strip: Strip,
    at: datetime,
) -> Who:
    """`points` are all of the borrower's own, also retired ones; `facts` those of the page."""
    open_for = seconds_open(request, case, at)
    opened = read_opened(case.borrower, points) if open_for else None
    may_call = request.user.has_perm("compliance.place_contact") and case.is_open
    contacts = []
    for point in points:
        call = strip.calls.get(point.pk)
        contacts.append(
            Contact(
                id=point.pk,
                label=_label(point),
                value=opened.values[point.pk] if opened else point.mask,
                verified=_("verified %(day)s") % {"day": day(point.verified_on)} if point.verified_on else "",
                call_url=reverse("case_dial", args=[case.pk]) if call and may_call else "",
                allowed=bool(call and call.allowed),
                why=call.why if call else "",
                from_=call.from_ if call else None,
                may_ask=bool(call and call.overridable and not call.asked)
                and request.user.has_perm("compliance.ask_override"),
                asked=bool(call and call.asked),
            )
        )
    return Who(
        name=opened.name if opened else case.borrower.name_mask or _("name not given"),
        open_for=open_for,
        facts=[str(LANGUAGES.get(case.borrower.language, case.borrower.language))],
        contacts=contacts,
        flags=_flags(case, strip),
        related=[_related(person, facts, strip, case if may_call else None) for person in facts.persons],
        wishes=wish_lines(
            facts.designations, facts.wishes, facts.consents, facts.points, case.portfolio.business_date(at)
        ),
        may_change=request.user.has_perm("cases.talk_case"),
        unseal_reasons=[(code, str(label)) for code, label in REASONS]
        if request.user.has_perm("accounts.unseal")
        else [],
    )


def _label(point: ContactPoint) -> str:
    kind = KINDS.get(point.line_type) or ContactKind(point.kind).label
    parts = [str(kind)]
    if point.place:
        parts.append(str(Place(point.place).label))
    if point.status != PointStatus.ACTIVE:
        parts.append(str(PointStatus(point.status).label))
    return " · ".join(parts)


def _flags(case: Case, strip: Strip) -> list[str]:
    flags = []
    if case.arrears_reason:
        flags.append(_("late because: %(reason)s") % {"reason": ArrearsReason(case.arrears_reason).label})
    if strip.unreachable:
        flags.append(_("cannot be reached: every own number is wrong, or the last three calls all failed"))
    return flags


def _related(person: Person, facts: Facts, strip: Strip, case: Case | None) -> Related:
    """Somebody around the borrower, with the gate's answer for their number; `case` where the reader may call."""
    own = [point for point in facts.points if str(point.related_person_id) == person.id]
    call = next((strip.calls[point.pk] for point in own if point.pk in strip.calls), None)
    point = next((point for point in own if point.pk in strip.calls), None)
    if person.refused:
        why = _("This person does not want to be contacted.")
    elif call is None:
        why = _("No number of this person is known.")
    else:
        why = call.why
    may = bool(call and call.allowed and not person.refused)
    return Related(
        relation=str(Relation(person.relation).label),
        name=person.name_mask,
        may_contact=may,
        why="" if may else why,
        contact_id=point.pk if point else None,
        call_url=reverse("case_dial", args=[case.pk]) if may and case else "",
    )
