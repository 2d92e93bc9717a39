"""The supervisor's board: queues, load, promises due, and the three measures side by side."""

from datetime import timedelta

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
    today = now.date()
    portfolios = list(Portfolio.objects.visible_to(request.user).values_list("pk", flat=True))
    weeks = measures.by_week(portfolios, on=today)
    context = {
        "queues": measures.queues(portfolios, at=now),
        "agents": measures.load(
            portfolios, since=now.replace(hour=0, minute=0, second=0, microsecond=0), at=now
        ),
        "measures": measures.by_portfolio(portfolios, on=today),
        "weeks": weeks,
        "chart": _chart(weeks),
        "promises": _promises(portfolios, today),
        "complaints": Complaint.objects.open()
        .filter(portfolio__in=portfolios)
        .aggregate(
            open=Count("pk"),
            overdue=Count("pk", filter=Q(due_on__lt=today)),
            soon=Count("pk", filter=Q(due_on__range=(today, today + timedelta(days=3)))),
        ),
    }
    return render(request, "cases/board.html", context)


def _promises(portfolios: list[int], today) -> dict[str, int]:
    week_ago = today - timedelta(days=7)
    return Promise.objects.filter(case__portfolio__in=portfolios).aggregate(
        today=Count("pk", filter=Q(state=PromiseState.OPEN, due_on=today)),
        week=Count("pk", filter=Q(state=PromiseState.OPEN, due_on__range=(today, today + timedelta(days=6)))),
        kept=Count("pk", filter=Q(state=PromiseState.KEPT, due_on__gte=week_ago)),
        broken=Count(
            "pk", filter=Q(state__in=[PromiseState.BROKEN, PromiseState.PART_KEPT], due_on__gte=week_ago)
        ),
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
