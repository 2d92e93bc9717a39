"""Roll rates of a portfolio between two dates: where the loans of each bucket have gone, by number and by money."""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.http import StaffRequest
from accounts.models import Portfolio
from accounts.rolls import Matrix
from accounts.standing import rolls_between
from cases.forms import RollForm

MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Cell:
    """`same`: the loans that stayed where they were."""

    loans: int
    rate: float | None
    money: float | None
    same: bool


@dataclass(frozen=True)
class Line:
    """One bucket of the beginning. Money in minor units of the portfolio's currency."""

    bucket: str
    began: int
    money: int
    cells: list[Cell]


@require_safe
@login_required
@permission_required("cases.see_board", raise_exception=True)
def rolls(request: StaffRequest) -> HttpResponse:
    """`?portfolio=&since=&until=`; without them the first portfolio over the last thirty days."""
    portfolios = Portfolio.objects.visible_to(request.user)
    first = portfolios.first()
    usual = _usual(first) if first else {}
    form = RollForm(portfolios, request.GET if "portfolio" in request.GET else usual)
    context: dict[str, object] = {"form": form, "portfolio": None}
    if first and form.is_valid():
        portfolio, since, until = (form.cleaned_data[name] for name in ("portfolio", "since", "until"))
        found = rolls_between(portfolio, since, until)
        context |= {"portfolio": portfolio, "buckets": found.buckets, "lines": _lines(found)}
    return render(request, "cases/rolls.html", context)


def _usual(portfolio: Portfolio) -> dict[str, object]:
    today: date = portfolio.business_date(timezone.now())
    return {"portfolio": portfolio.pk, "since": today - MONTH, "until": today}


def _lines(found: Matrix) -> list[Line]:
    return [
        Line(
            before,
            found.began(before),
            found.money_began(before),
            [
                Cell(
                    found.loans.get((before, after), 0),
                    _float(found.rate(before, after)),
                    _float(found.money_rate(before, after)),
                    before == after,
                )
                for after in found.buckets
            ],
        )
        for before in found.buckets
        if found.began(before)
    ]


def _float(share: Fraction | None) -> float | None:
    return None if share is None else float(share)
