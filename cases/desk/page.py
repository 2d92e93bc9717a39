"""The case page as one context: facts read in sets, each part made by its own module."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.ageing import extended
from accounts.http import StaffRequest
from accounts.models import ContactPoint, PointStatus, Terms
from accounts.standing import Standing, standing_at
from cases.actions.deciding import came_in
from cases.desk import talk
from cases.desk.agreements import agreements
from cases.desk.facts import Due, Facts, read_facts
from cases.desk.holds import ENDS, hold_lines
from cases.desk.money import Money, money
from cases.desk.offers import OfferLine, offer_lines, past_of, reason_lines
from cases.desk.strip import Strip, strip
from cases.desk.who import Who, who
from cases.forms import NoteForm
from cases.machine import OPEN_STATES
from cases.models import Call, Case, CaseState, Lease, PlanState, ScriptRun
from cases.reasons import grouped, suggest
from cases.timeline import timeline
from cases.words import amount, day
from compliance.audit_search import Cut


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
    def facts(self) -> Facts:
        return read_facts(self.row, self.request.user)

    @cached_property
    def points(self) -> list[ContactPoint]:
        """The borrower's own, those in use first."""
        own = [point for point in self.facts.points if point.related_person_id is None]
        return sorted(
            own, key=lambda point: (point.status != PointStatus.ACTIVE, point.kind != "phone", point.pk)
        )

    @cached_property
    def terms(self) -> Terms:
        """The portfolio's terms of today."""
        return self.row.portfolio.terms_on(self.on)

    @cached_property
    def standings(self) -> dict[UUID, Standing]:
        """Of this loan and of those of the borrower's other cases."""
        return standing_at([self.row.loan_id, *(case.loan_id for case in self.facts.others)], self.at)

    @property
    def standing(self) -> Standing:
        return self.standings[self.row.loan_id]

    @property
    def open_call(self) -> Call | None:
        """The call of this person on this case that waits for its outcome."""
        return self.facts.call

    @property
    def run(self) -> ScriptRun | None:
        """This person's open walk through a script on this case."""
        return self.facts.run

    # Parts

    @cached_property
    def strip(self) -> Strip:
        around = [point for point in self.facts.points if point.related_person_id is not None]
        usable = [point for point in (*self.points, *around) if point.status == PointStatus.ACTIVE]
        return strip(self.row, usable, self.at, self.request.user)

    @cached_property
    def money(self) -> Money:
        later = self.facts.extensions
        dues = [Due(extended(due.due_on, later, self.on), due.amount) for due in self.facts.instalments]
        return money(self.row, self.standing, self.facts.bookings, dues, self.on)

    @cached_property
    def who(self) -> Who:
        return who(self.request, self.row, self.points, self.facts, self.strip, self.at)

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
        closed_on = self.row.portfolio.business_date(self.row.closed_at)
        words = {"state": CaseState(self.row.state).label, "day": day(closed_on)}
        return _("This case is closed: %(state)s, on %(day)s.") % words

    @property
    def other_cases(self) -> list[dict[str, str]]:
        return [
            {
                "url": reverse("case", args=[case.id]),
                "text": _("%(state)s, %(amount)s, since %(day)s")
                % {
                    "state": CaseState(case.state).label,
                    "amount": amount(self.standings[case.loan_id].arrears, case.currency),
                    "day": day(case.opened_on),
                }
                if case.state in OPEN_STATES
                # What is late on the loan today belongs to a newer case, if to any.
                else _("%(state)s, opened %(day)s")
                % {"state": CaseState(case.state).label, "day": day(case.opened_on)},
            }
            for case in self.facts.others
        ]

    @property
    def suggested(self) -> list[str]:
        """What the reason told suggests; the portfolio's terms are read only where there is one."""
        reason = self.row.arrears_reason
        return suggest(reason, past_of(self.facts, self.standing, self.terms)) if reason else []

    @property
    def offers(self) -> list[OfferLine]:
        """The portfolio's terms are read only where there is an offer."""
        offers = self.facts.offers
        grace = self.terms.promise_grace_days if offers else 0
        return offer_lines(offers, self.row.portfolio.currency, self.on, grace)

    @property
    def script(self) -> talk.ScriptView | None:
        if self.run is None or not self.row.is_open:
            return None
        return talk.script_view(
            self.row,
            self.run,
            self.facts.steps,
            self.standing,
            self.who.name,
            self.request.user.first_name or self.request.user.display_name,
            self.request.user.acts_as or self.row.portfolio.our_role,
        )

    @property
    def scripts(self) -> list[talk.Offered]:
        if self.run is not None or not self.row.is_open or not self.request.user.has_perm("cases.talk_case"):
            return []
        return [talk.Offered("first_call", _("First call"), _("Who we are, why we call, what may help."))]

    @property
    def timeline(self):
        given = self.request.GET
        return timeline(
            self.row,
            self.request.user,
            kind=given.get("timeline", "all"),
            before=Cut.read(given.get("before", "")),
        )

    def context(self, **more: Any) -> dict[str, Any]:
        """For `cases/case.html` and its parts; `more` brings the open form."""
        works = self.request.user.has_perm("cases.talk_case")
        promises, plans = self.facts.promises, self.facts.plans
        active = next((plan for plan in plans if plan.state == PlanState.ACTIVE), None)
        came = came_in(case_ids=[self.row.pk], on=self.on) if promises or plans else {}
        currency = self.row.portfolio.currency
        return {
            "case": self.case,
            "zone": self.zone,
            "place": self.place,
            "lease": self.lease,
            "closed": self.closed,
            "strip": self.strip,
            "placed": self.facts.placement,
            "who": self.who,
            "money": self.money,
            "holds": hold_lines(self.row, self.on),
            "hold_ends": ENDS.items(),
            "may_end_holds": self.request.user.has_perm("compliance.end_hold"),
            "may_prove_holds": works,
            "agreements": agreements(promises, plans, self.facts.plan_instalments, came, currency, self.on),
            "offers": self.offers,
            "may_answer": works and self.row.is_open,
            "reasons": reason_lines(self.facts.reasons),
            "reason_groups": grouped() if works and self.row.is_open else [],
            "other_cases": self.other_cases,
            "script": self.script,
            "scripts": self.scripts,
            "note": NoteForm(auto_id="note_%s") if works else None,
            "actions": talk.actions(
                self.row, self.request.user, self.open_call, self.strip, self.facts.placement
            ),
            "next_steps": [
                step
                for step in talk.next_steps(
                    self.row, self.standing, promises, active, self.strip, self.on, self.suggested
                )
                if not self.request.user.agency_id or step.open in talk.OF_AGENCY
            ],
            "timeline": self.timeline,
            "call": talk.call_now(self.open_call, self.facts.called),
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
        .select_related("borrower__key", "portfolio__entity", "lease__holder")
        .filter(pk=case_id)
        .first()
    )
