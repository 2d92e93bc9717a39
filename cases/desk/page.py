"""The case page as one context: facts read in sets, each part made by its own module."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location
from django.db.models import Exists, OuterRef, Prefetch
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.http import StaffRequest
from accounts.models import ContactPoint, PointStatus, RelatedPerson, RelatedPersonRefusal
from accounts.standing import Standing, standing_of
from cases.actions.deciding import progress
from cases.desk import talk
from cases.desk.agreements import agreements
from cases.desk.money import Money, money
from cases.desk.strip import Strip, strip
from cases.desk.who import Who, who
from cases.forms import NoteForm
from cases.models import Call, Case, CaseState, Lease, Plan, Promise, ScriptRun
from cases.timeline import timeline
from cases.words import amount, day


@dataclass(frozen=True)
class LeaseView:
    mine: bool
    holder: str
    until: datetime


class CasePage:
    """Everything the templates of one case may ask for. Each fact is read once, and only when a part needs it."""

    def __init__(self, request: StaffRequest, case: Case, at: datetime) -> None:
        self.request, self.row, self.at = request, case, at

    @cached_property
    def on(self) -> date:
        return self.row.portfolio.business_date(self.at)

    # Facts

    @cached_property
    def points(self) -> list[ContactPoint]:
        """The borrower's own, those in use first."""
        points = ContactPoint.objects.filter(borrower=self.row.borrower_id, related_person=None)
        return sorted(
            points, key=lambda point: (point.status != PointStatus.ACTIVE, point.kind != "phone", point.pk)
        )

    @cached_property
    def persons(self) -> list[RelatedPerson]:
        refused = RelatedPersonRefusal.objects.filter(person=OuterRef("pk"))
        return list(
            RelatedPerson.objects.filter(borrower=self.row.borrower_id).annotate(refused=Exists(refused))
        )

    @cached_property
    def siblings(self) -> list[Case]:
        """The borrower's other cases this person may see."""
        return list(
            Case.objects.visible_to(self.request.user)
            .filter(borrower=self.row.borrower_id)
            .exclude(pk=self.row.pk)
            .select_related("portfolio", "loan")
            .order_by("-opened_on")
        )

    @cached_property
    def standings(self) -> dict[UUID, Standing]:
        return standing_of([self.row.loan_id, *(case.loan_id for case in self.siblings)], on=self.on)

    @property
    def standing(self) -> Standing:
        return self.standings[self.row.loan_id]

    @cached_property
    def promises(self) -> list[Promise]:
        return list(self.row.promises.order_by("-made_at"))

    @cached_property
    def plans(self) -> list[Plan]:
        return list(self.row.plans.order_by("-agreed_at").prefetch_related("instalments"))

    @cached_property
    def open_call(self) -> Call | None:
        """The call of this person on this case that waits for its outcome."""
        return (
            Call.objects.filter(agent=self.request.user.pk, case=self.row, logged_at=None)
            .select_related("attempt__contact_point")
            .first()
        )

    @cached_property
    def run(self) -> ScriptRun | None:
        return (
            ScriptRun.objects.filter(case=self.row, agent=self.request.user.pk, finished_at=None)
            .select_related("version__script")
            .prefetch_related(Prefetch("steps"))
            .first()
        )

    # Parts

    @cached_property
    def strip(self) -> Strip:
        usable = [point for point in self.points if point.status == PointStatus.ACTIVE]
        return strip(self.row, usable, self.at)

    @cached_property
    def money(self) -> Money:
        entries = list(self.row.loan.entries.values("kind", "value_date", "amount"))
        instalments = list(self.row.loan.instalments.values_list("due_on", "amount"))
        return money(self.row, self.standing, entries, instalments, self.on)

    @cached_property
    def who(self) -> Who:
        return who(self.request, self.row, self.points, self.persons, self.strip, self.at)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The borrower's clock: of the address, else of the first number, else the portfolio's."""
        known = [*self.row.borrower.zones, *(zone for point in self.points for zone in point.zones)]
        return ZoneInfo(known[0] if known else self.row.portfolio.zone)

    @cached_property
    def place(self) -> str:
        return place_of(self.zone)

    @property
    def case(self) -> dict[str, Any]:
        row = self.row
        return {
            "id": row.pk,
            "currency": row.portfolio.currency,
            "portfolio": row.portfolio.name,
            "state": row.state,
            "state_label": str(CaseState(row.state).label),
            "is_open": row.is_open,
            "days_late": self.standing.days_past_due,
            "bucket": "" if self.standing.bucket == "current" else self.standing.bucket.replace("-", "–"),
        }

    @cached_property
    def lease(self) -> LeaseView | None:
        lease: Lease = self.row.lease
        if lease.until is None or lease.until <= self.at or lease.holder is None:
            return None
        mine = lease.holder_id == self.request.user.pk
        return LeaseView(mine, lease.holder.display_name, lease.until)

    @property
    def closed(self) -> str:
        if self.row.is_open or self.row.closed_at is None:
            return ""
        words = {"state": CaseState(self.row.state).label, "day": day(self.row.closed_at.date())}
        return _("This case is closed: %(state)s, on %(day)s.") % words

    @property
    def other_cases(self) -> list[dict[str, str]]:
        return [
            {
                "url": reverse("case", args=[case.pk]),
                "text": _("%(state)s, %(amount)s, since %(day)s")
                % {
                    "state": CaseState(case.state).label,
                    "amount": amount(self.standings[case.loan_id].arrears, case.portfolio.currency),
                    "day": day(case.opened_on),
                },
            }
            for case in self.siblings
        ]

    @property
    def script(self) -> talk.ScriptView | None:
        if self.run is None or not self.row.is_open:
            return None
        return talk.script_view(
            self.row,
            self.run,
            sorted(self.run.steps.all(), key=lambda step: step.seq),
            self.standing,
            self.who.name,
            self.request.user.first_name or self.request.user.username,
        )

    @property
    def scripts(self) -> list[talk.Offered]:
        if self.run is not None or not self.row.is_open or not self.request.user.has_perm("cases.work_case"):
            return []
        return [talk.Offered("first_call", _("First call"), _("Who we are, why we call, what may help."))]

    @property
    def timeline(self):
        before = self.request.GET.get("before", "")
        return timeline(
            self.row,
            self.request.user,
            kind=self.request.GET.get("timeline", "all"),
            before=parse_datetime(before.replace(" ", "+")) if before else None,
        )

    def context(self, **more: Any) -> dict[str, Any]:
        """For `cases/case.html` and its parts; `more` brings the open form."""
        works = self.request.user.has_perm("cases.work_case")
        paid = progress(case_ids=[self.row.pk], on=self.on) if self.promises or self.plans else {}
        currency = self.row.portfolio.currency
        active = next((plan for plan in self.plans if plan.state == "active"), None)
        return {
            "case": self.case,
            "zone": self.zone,
            "place": self.place,
            "lease": self.lease,
            "closed": self.closed,
            "strip": self.strip,
            "who": self.who,
            "money": self.money,
            "agreements": agreements(self.promises, self.plans, paid, currency, self.on),
            "other_cases": self.other_cases,
            "script": self.script,
            "scripts": self.scripts,
            "note": NoteForm(auto_id="note_%s") if works else None,
            "actions": talk.actions(self.row, self.request.user, self.open_call, self.strip),
            "next_steps": talk.next_steps(
                self.row, self.standing, self.promises, active, self.strip, self.on
            ),
            "timeline": self.timeline,
            "call": talk.call_now(self.open_call),
            "open": "",
            "form": None,
            **more,
        }


def place_of(zone: ZoneInfo) -> str:
    """The city that a zone is named after, in the reader's language."""
    locale = "zh_Hans_CN" if (get_language() or "en").startswith("zh") else "en_GB"
    return get_timezone_location(zone.key, locale=locale, return_city=True)


def desk_case(user, case_id: UUID) -> Case | None:
    """The case with all that every part needs of it, if this person may see it."""
    return (
        Case.objects.visible_to(user)
        .select_related("borrower__key", "loan", "portfolio__entity", "assignee", "lease__holder")
        .filter(pk=case_id)
        .first()
    )
