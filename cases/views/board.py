"""The supervisor's board: queues, load, promises due, and the three measures side by side, by each portfolio's calendar."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.contrib.auth.decorators import login_required, permission_required
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.http import StaffRequest
from accounts.models import Portfolio
from cases import measures
from cases.models import Promise, PromiseState
from compliance.models import Complaint


@require_safe
@login_required
@permission_required("cases.see_board", raise_exception=True)
def board(request: StaffRequest) -> HttpResponse:
    now = timezone.now()
    portfolios = list(Portfolio.objects.visible_to(request.user))
    ids = [portfolio.pk for portfolio in portfolios]
    dates = _by_date(portfolios, now)
    weeks = measures.by_week(ids, on=max(dates, default=now.date()))
    lines = [line for on, group in dates.items() for line in measures.by_portfolio(group, on=on)]
    context = {
        "queues": measures.queues(ids, at=now),
        "agents": measures.load(ids, since=now.replace(hour=0, minute=0, second=0, microsecond=0), at=now),
        "measures": sorted(lines, key=lambda line: line.label),
        "weeks": weeks,
        "chart": _chart(weeks),
        "promises": _together(_promises(group, on, now) for on, group in dates.items()),
        "complaints": _together(_complaints(group, on) for on, group in dates.items()),
    }
    return render(request, "cases/board.html", context)


def _by_date(portfolios: Iterable[Portfolio], now: datetime) -> dict[date, list[int]]:
    """Ids of the portfolios by the date on their own wall: at most three at one moment."""
    dates: dict[date, list[int]] = defaultdict(list)
    for portfolio in portfolios:
        dates[portfolio.business_date(now)].append(portfolio.pk)
    return dates


def _together(parts: Iterable[dict[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total


def _promises(portfolios: list[int], today: date, now: datetime) -> dict[str, int]:
    week_ago = now - timedelta(days=7)
    return Promise.objects.filter(case__portfolio__in=portfolios).aggregate(
        today=Count("pk", filter=Q(state=PromiseState.OPEN, due_on=today)),
        week=Count("pk", filter=Q(state=PromiseState.OPEN, due_on__range=(today, today + timedelta(days=6)))),
        kept=Count("pk", filter=Q(state=PromiseState.KEPT, decided_at__gte=week_ago)),
        broken=Count(
            "pk", filter=Q(state__in=[PromiseState.BROKEN, PromiseState.PART_KEPT], decided_at__gte=week_ago)
        ),
    )


def _complaints(portfolios: list[int], today: date) -> dict[str, int]:
    return (
        Complaint.objects.open()
        .filter(portfolio__in=portfolios)
        .aggregate(
            open=Count("pk"),
            overdue=Count("pk", filter=Q(due_on__lt=today)),
            soon=Count("pk", filter=Q(due_on__range=(today, today + timedelta(days=3)))),
        )
    )


def _chart(weeks: list[measures.Week]) -> dict:
    def percent(rate: float | None) -> float | None:
        return None if rate is None else round(100 * rate, 1)

    return {
        "categories": [week.last_day.isoformat()[5:] for week in weeks],
        "axes": [{"name": _("recovery"), "unit": "%"}, {"name": _("complaints per 1,000 cases"), "unit": ""}],
        "series": [
            {"name": _("Recovery rate"), "values": [percent(week.recovery) for week in weeks], "axis": 0},
            {
                "name": _("Complaints per 1,000 cases"),
                "values": [None if week.complaints is None else round(week.complaints, 1) for week in weeks],
                "axis": 1,
            },
        ],
    }
