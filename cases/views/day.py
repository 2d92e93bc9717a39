"""The runs of the business day: how far, how long, what they did, and what was different the day before."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.contrib.auth.decorators import login_required, permission_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.http import StaffRequest
from accounts.models import Portfolio
from cases.actions.day import COUNTS, STEPS
from cases.day_words import count_label, step_label
from cases.models import DayPart, DayRun

SHOWN = 60


@dataclass(frozen=True)
class Run:
    """One run as a person sees it: only the portfolios that are theirs. `seconds` are of work, whoever did it."""

    date: date
    done: int
    parts: int
    finished: bool
    counts: Counter[str]
    seconds: float

    @property
    def percent(self) -> int:
        return 100 * self.done // self.parts if self.parts else 100


@dataclass(frozen=True)
class CountLine:
    label: str
    now: int
    before: int | None

    @property
    def difference(self) -> int | None:
        return None if self.before is None else self.now - self.before


@dataclass(frozen=True)
class StepLine:
    label: str
    seconds: float
    percent: int


@require_safe
@login_required
@permission_required("cases.view_dayrun", raise_exception=True)
def days(request: StaffRequest) -> HttpResponse:
    """The last runs, the newest first."""
    runs = list(DayRun.objects.order_by("-date")[:SHOWN])
    codes = list(Portfolio.objects.visible_to(request.user).values_list("code", flat=True))
    # A run that is over has told what it came to; sixty of them would have very many parts.
    parts = _parts(request, [run for run in runs if run.finished_at is None])
    seen = [
        _told(run, codes)
        if run.finished_at
        else _seen(run, [part for part in parts if part.run_id == run.pk])
        for run in runs
    ]
    return render(request, "cases/days.html", {"runs": seen})


@require_safe
@login_required
@permission_required("cases.view_dayrun", raise_exception=True)
def day(request: StaffRequest, on: str) -> HttpResponse:
    """One run; while it works, its numbers grow."""
    run = get_object_or_404(DayRun, date=_date(on))
    earlier = DayRun.objects.filter(date=run.date - timedelta(days=1)).first()
    parts = _parts(request, [run, *([earlier] if earlier else [])])
    own = [part for part in parts if part.run_id == run.pk]
    seen = _seen(run, own)
    before = None
    if earlier:
        before = _seen(earlier, [part for part in parts if part.run_id == earlier.pk])
    context = {
        "run": seen,
        "before": before,
        "counts": [
            CountLine(count_label(name), seen.counts[name], before.counts[name] if before else None)
            for name in COUNTS
        ],
        "steps": _steps(own),
        "portfolios": _by_portfolio(run, own),
    }
    return render(request, "cases/day.html", context)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Http404 from None


def _parts(request: StaffRequest, runs: Iterable[DayRun]) -> list[DayPart]:
    mine = Portfolio.objects.visible_to(request.user)
    parts = DayPart.objects.filter(run__in=[run.pk for run in runs], portfolio__in=mine)
    return list(parts.select_related("portfolio").order_by("pk"))


def _seen(run: DayRun, parts: list[DayPart]) -> Run:
    counts: Counter[str] = Counter()
    done = [part for part in parts if part.finished_at]
    for part in done:
        counts.update(part.result["counts"])
    seconds = sum(part.result["seconds"] for part in done)
    return Run(run.date, len(done), len(parts), run.finished_at is not None, counts, round(seconds, 1))


def _told(run: DayRun, codes: Iterable[str]) -> Run:
    """The same of a run that is over, by its summary; its parts are not looked at."""
    told = [run.summary["portfolios"][code] for code in codes if code in run.summary["portfolios"]]
    counts = Counter({name: sum(own.get(name, 0) for own in told) for name in COUNTS})
    return Run(run.date, 0, 0, True, counts, round(sum(own["seconds"] for own in told), 1))


def _steps(parts: list[DayPart]) -> list[StepLine]:
    seconds: Counter[str] = Counter()
    for part in parts:
        seconds.update(part.result.get("steps", {}))
    total = sum(seconds.values()) or 1
    return [
        StepLine(step_label(name), round(seconds[name], 2), round(100 * seconds[name] / total))
        for name, _step in STEPS
    ]


def _by_portfolio(run: DayRun, parts: list[DayPart]) -> list[tuple[str, Run]]:
    codes = sorted({part.portfolio.code for part in parts})
    return [(code, _seen(run, [part for part in parts if part.portfolio.code == code])) for code in codes]
