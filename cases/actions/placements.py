"""Cases given to a collection agency for a term, and taken back: at any time by a person, at the term's end by the day's
run, at once where a case closes or goes to law."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Agency, Borrower, Portfolio, User
from accounts.standing import standing_of
from cases.actions.silence import withdraw_messages
from cases.actions.work import release_many
from cases.agency_figures import of_year
from cases.chronicle import tell
from cases.machine import OPEN_STATES
from cases.models import (
    AgencyEvaluation,
    Call,
    Case,
    CaseState,
    DayRun,
    EndReason,
    EvaluationDecision,
    Placement,
    PlacementBatch,
    PlacementLift,
    WorkItem,
)
from cases.slices import EVERYBODY, Slice, within
from compliance.actions import contacts
from compliance.audit import Actor, Stream, record
from compliance.holds import HOLDS, Stop
from compliance.models import Hold

MOST_WORDS = 4000
LONGEST = timedelta(days=366)
STOPPING = frozenset(kind for kind, row in HOLDS.items() if Stop.PLACEMENT in row.stops)
UNKNOWN = "not_told"
"""The outcome of a call that an agency had begun when its case was recalled: nobody told us, so rules count it strictly."""

WHY_NOT: dict[str, str | Promise] = {
    "closed": gettext_lazy("The case is closed."),
    "legal": gettext_lazy("The case is with legal."),
    "placed": gettext_lazy("The case is with an agency already."),
    "hold": gettext_lazy("A hold stops it."),
    "days": gettext_lazy("It is not late enough: the portfolio says from which day on."),
    "unseen": gettext_lazy("The case is not one of yours."),
    "empty": gettext_lazy("Please choose at least one case."),
    "term": gettext_lazy("The term ends after today and within a year."),
    "commission": gettext_lazy("The commission is between 0 and 100 percent."),
    "words": gettext_lazy("Please say in your own words how the agency works."),
    "year": gettext_lazy("Please choose a year in which the agency worked for us."),
    "ended": gettext_lazy("This agency does not work for us on this day."),
    "barred": gettext_lazy("This agency is barred from new cases."),
    "complaints": gettext_lazy("Complaints about this agency were upheld; it gets no new cases."),
    "stopped": gettext_lazy("Too many complaints came: this agency gets no more of this portfolio's cases."),
    "not_stopped": gettext_lazy("Nothing is stopped here."),
}


class PlacementRefused(Exception):
    """Nothing was placed. `code` is a key of `WHY_NOT`, `case` the first case it is about, where it is about one."""

    def __init__(self, code: str, case: UUID | None = None) -> None:
        super().__init__(str(WHY_NOT[code]))
        self.code, self.case = code, case


def stop_of(agency: Agency, *, at: datetime, on: date) -> str | None:
    """Why the agency gets no case now, a key of `WHY_NOT`; None where nothing stands against it. The
    database's own answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT agency_stop(%s, %s, %s)", [agency.pk, at, on])
        return cursor.fetchone()[0]


def stopped_portfolios(agency: Agency, portfolios: Sequence[int]) -> dict[int, int]:
    """Of these portfolios those of which the agency gets no more cases until somebody lifts it (`lift_stop`), each with how
    many complaints it was. The database's own answer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT each, placement_stop(%s, each) FROM unnest(%s::bigint[]) each",
            [agency.pk, list(portfolios)],
        )
        return {portfolio: number for portfolio, number in cursor.fetchall() if number is not None}


def reasons_against(cases: Sequence[Case], *, at: datetime) -> dict[UUID, str]:
    """Of these cases (with portfolio) those that may not be placed now, and why, a key of `WHY_NOT`."""
    placed = set(Placement.objects.live().filter(case__in=cases).values_list("case", flat=True))
    holds = list(
        Hold.objects.filter(
            borrower__in=[case.borrower_id for case in cases], kind__in=STOPPING, ended_at=None
        ).values_list("borrower", "loan", "starts_on", "ends_on")
    )
    by_date: dict[date, list[Case]] = {}
    for case in cases:
        by_date.setdefault(case.portfolio.business_date(at), []).append(case)
    found = {}
    for on, group in by_date.items():
        standings = standing_of([case.loan_id for case in group], on)
        terms = {
            case.portfolio_id: case.portfolio.terms_on(on)
            for case in {c.portfolio_id: c for c in group}.values()
        }
        for case in group:
            held = any(
                borrower == case.borrower_id
                and loan in (None, case.loan_id)
                and first <= on
                and (last is None or last >= on)
                for borrower, loan, first, last in holds
            )
            why = (
                "closed" if case.state not in OPEN_STATES
                else "legal" if case.state == CaseState.LEGAL
                else "placed" if case.pk in placed
                else "hold" if held
                else "days" if standings[case.loan_id].days_past_due < terms[case.portfolio_id].placement_after_days
                else None
            )  # fmt: skip
            if why:
                found[case.pk] = why
    return found


@transaction.atomic
def place_cases(
    *,
    cases: Sequence[UUID],
    agency: Agency,
    return_on: date,
    commission_percent: Decimal,
    by: Actor,
    at: datetime,
    house_writes: bool = False,
) -> PlacementBatch:
    """Give these cases to an agency until a business day (included), all or none. Our own people let go of them, and
    what was planned is the agency's to do; our own reminders go on only where the terms say so (`house_writes`). Needs
    `cases.place_case` (`PermissionDenied`); raises `PlacementRefused`."""
    if not by.may("cases.place_case") or by.user is None:
        raise PermissionDenied(_("Placing cases is not part of your role."))
    wanted = sorted(set(cases))
    if not wanted:
        raise PlacementRefused("empty")
    if not 0 <= commission_percent <= 100:
        raise PlacementRefused("commission")
    locked = list(
        Case.objects.visible_to(by.user).filter(pk__in=wanted).select_for_update(of=("self",), no_key=True)
        .select_related("portfolio").order_by("pk")
    )  # fmt: skip
    if missing := set(wanted) - {case.pk for case in locked}:
        raise PlacementRefused("unseen", min(missing))
    borrowers = Borrower.objects.filter(pk__in=[case.borrower_id for case in locked])
    list(borrowers.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    Agency.objects.select_for_update(no_key=True).get(pk=agency.pk)
    for on in sorted({case.portfolio.business_date(at) for case in locked}):
        if not on < return_on <= on + LONGEST:
            raise PlacementRefused("term")
        if stop := stop_of(agency, at=at, on=on):
            raise PlacementRefused(stop)
    if stopped := stopped_portfolios(agency, sorted({case.portfolio_id for case in locked})):
        raise PlacementRefused("stopped", min(case.pk for case in locked if case.portfolio_id in stopped))
    if against := reasons_against(locked, at=at):
        first = min(against)
        raise PlacementRefused(against[first], first)
    batch = PlacementBatch.objects.create(
        agency=agency,
        return_on=return_on,
        commission_percent=commission_percent,
        house_writes=house_writes,
        placed_by=by.user,
        placed_at=at,
    )
    placements = Placement.objects.bulk_create(
        Placement(
            batch=batch, case=case, agency=agency, commission_percent=commission_percent, placed_at=at,
            placed_on=case.portfolio.business_date(at), return_on=return_on,
        )
        for case in locked
    )  # fmt: skip
    _let_go(wanted, "placed", by, at)
    if not house_writes:
        withdraw_messages(case_ids=wanted, of_agency=False, reason="placed", by=by, at=at)
    tell(
        "case.placed",
        rows=[
            {"case": each.case_id, "borrower": each.case.borrower_id, "placement": each.pk, "batch": batch.pk,
             "agency": agency.ref, "until": return_on, "house_writes": house_writes}
            for each in placements
        ],
        by=by,
        at=at,
    )  # fmt: skip
    return batch


def _let_go(cases: Sequence[UUID], reason: str, by: Actor, at: datetime, run: DayRun | None = None) -> None:
    """Nobody in particular has these cases or their steps any more; who comes next finds them in the queue."""
    Case.objects.filter(pk__in=cases, assignee__isnull=False).update(assignee=None)
    WorkItem.objects.filter(case__in=cases, done_at=None, assignee__isnull=False).update(assignee=None)
    release_many(case_ids=cases, reason=reason, by=by, at=at, run=run)


@transaction.atomic
def recall(*, cases: Sequence[UUID], by: Actor, at: datetime) -> int:
    """Take cases back from their agencies, now; returns how many were with one. Calls that an agency has open are over for
    us. Needs `cases.place_case` (`PermissionDenied`)."""
    if not by.may("cases.place_case") or by.user is None:
        raise PermissionDenied(_("Recalling cases is not part of your role."))
    seen = Case.objects.visible_to(by.user).filter(pk__in=cases).order_by("pk")
    locked = list(seen.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    return end_placements(case_ids=locked, reason=EndReason.RECALLED, by=by, at=at)


END = """
UPDATE cases_placement p SET ended_at = %(at)s, end_reason = %(reason)s, ended_by = %(by)s,
    ended_on = GREATEST(p.placed_on, (%(at)s::timestamptz AT TIME ZONE f.zone)::date)
FROM cases_case c JOIN accounts_portfolio f ON f.id = c.portfolio_id, accounts_agency a
WHERE c.id = p.case_id AND a.id = p.agency_id AND p.case_id = ANY(%(cases)s) AND p.ended_at IS NULL
RETURNING p.id, c.id, c.borrower_id, a.ref
"""


def end_placements(
    *, case_ids: Sequence[UUID], reason: str, by: Actor, at: datetime, run: DayRun | None = None
) -> int:
    """End what is live of these cases, which the caller has locked; returns how many."""
    if not case_ids:
        return 0
    # Whoever is just sending or calling has the borrower's events first and then the placement; so it is here.
    withdraw_messages(case_ids=case_ids, of_agency=True, reason=str(reason), by=by, at=at)
    _close_calls(case_ids, by, at)
    values: dict[str, Any] = {"cases": list(case_ids), "reason": str(reason), "by": by.ref, "at": at}
    with connection.cursor() as cursor:
        cursor.execute(END, values)
        rows = [
            {"placement": pk, "case": case, "borrower": borrower, "agency": agency, "reason": str(reason)}
            for pk, case, borrower, agency in cursor.fetchall()
        ]
    ended = [row["case"] for row in rows]
    if not ended:
        return 0
    _let_go(ended, str(reason), by, at, run)
    _close_calls(ended, by, at)  # one that was placed meanwhile
    tell("case.unplaced", rows=rows, by=by, at=at, run=run)
    return len(ended)


def _close_calls(cases: Sequence[UUID], by: Actor, at: datetime) -> None:
    """Whoever had a call open for the agency sees the case no more: its outcome is not known, and they are free to
    call again."""
    calls = Call.objects.filter(case__in=cases, logged_at=None, agent__agency__isnull=False)
    for call in calls.select_for_update(of=("self",)).select_related("attempt").order_by("pk"):
        contacts.note_outcome(
            attempt=call.attempt, disposition=UNKNOWN, connected=None, answered=None, right_party=None, conversation=None,
            by=by, at=at, case=call.case_id,
        )  # fmt: skip
        call.logged_at, call.disposition = at, UNKNOWN
        call.save(update_fields=["logged_at", "disposition"])
        call.script_runs.filter(finished_at=None).update(finished_at=at)


TERM_OVER = f"""
SELECT c.id FROM cases_case c JOIN cases_placement p ON p.case_id = c.id
WHERE c.portfolio_id = %(portfolio)s AND {within("c.borrower_id")} AND p.ended_at IS NULL AND p.return_on < %(on)s
ORDER BY c.id FOR NO KEY UPDATE OF c
"""


def return_due(
    *,
    portfolio: int,
    on: date,
    by: Actor,
    at: datetime,
    run: DayRun | None = None,
    part: Slice = EVERYBODY,
) -> int:
    """By the day's run: what was placed until a day before `on` comes back; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(TERM_OVER, {"portfolio": portfolio, "on": on, **part.values})
        over = [case for (case,) in cursor.fetchall()]
    return end_placements(case_ids=over, reason=EndReason.TERM, by=by, at=at, run=run)


@transaction.atomic
def lift_stop(
    *, agency: Agency, portfolio: Portfolio, words: str, person: User, at: datetime
) -> PlacementLift:
    """Let the agency have a portfolio's cases again after complaints had stopped that; they count no more. Needs
    `accounts.bar_agency` (`PermissionDenied`); raises `PlacementRefused` (words, not_stopped)."""
    by = Actor.staff(person)
    if (
        not by.may("accounts.bar_agency")
        or not Portfolio.objects.visible_to(person).filter(pk=portfolio.pk).exists()
    ):
        raise PermissionDenied(_("Letting an agency have cases again is not part of your role."))
    words = words.replace("\0", "").strip()
    if not words or len(words) > MOST_WORDS:
        raise PlacementRefused("words")
    # Whoever is just placing cases with it, or lifting the same stop, comes before or after, never beside.
    Agency.objects.select_for_update(no_key=True).get(pk=agency.pk)
    complaints = stopped_portfolios(agency, [portfolio.pk]).get(portfolio.pk)
    if complaints is None:
        raise PlacementRefused("not_stopped")
    lift = PlacementLift.objects.create(
        agency=agency, portfolio=portfolio, complaints=complaints, words=words, lifted_by=person, lifted_at=at
    )
    record(
        "agency.stop_lifted", stream=Stream.system(), by=by, at=at, agency=agency.ref, portfolio=portfolio.ref,
        complaints=complaints,
    )  # fmt: skip
    return lift


@transaction.atomic
def evaluate_agency(
    *, agency: Agency, year: int, words: str, decision: str, person: User, at: datetime
) -> AgencyEvaluation:
    """Store what a person thinks of an agency's year beside the figures as they are now. Needs `cases.evaluate_agency`
    (`PermissionDenied`); raises `PlacementRefused` (words, year)."""
    by = Actor.staff(person)
    if not by.may("cases.evaluate_agency"):
        raise PermissionDenied(_("Evaluating agencies is not part of your role."))
    words = words.replace("\0", "").strip()
    if not words or len(words) > MOST_WORDS:
        raise PlacementRefused("words")
    if not agency.since.year <= year <= at.year:
        raise PlacementRefused("year")
    portfolios = list(Portfolio.objects.visible_to(person).values_list("pk", flat=True))
    evaluation = AgencyEvaluation.objects.create(
        agency=agency, year=year, figures=of_year(agency, portfolios=portfolios, year=year), words=words,
        decision=EvaluationDecision(decision), person=person, at=at,
    )  # fmt: skip
    record(
        "agency.evaluated", stream=Stream.system(), by=by, at=at, agency=agency.ref, evaluation=evaluation.pk, year=year,
        decision=evaluation.decision,
    )  # fmt: skip
    return evaluation
