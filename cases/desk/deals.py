"""What the forms of promises and plans show besides their fields: whether it is realistic, and what would be affordable."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core import signing
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import money
from accounts.models import Authority, Role
from accounts.money import decimal_text
from cases.actions.affordability import household_of
from cases.actions.agreements import told
from cases.affordability import Alternative, alternatives, sustainable
from cases.desk.page import CasePage
from cases.models import PromiseState
from cases.words import amount, day

PLAN_FIELDS = ("count", "first_on", "every", "rise", "down", "waives")
FIRST_IN = timedelta(days=7)
SALT = "cases.plan.shown"


@dataclass(frozen=True)
class Way:
    """One of the ways to pay, side by side. `query` fills the form with it."""

    label: str
    parts: int
    first: int
    largest: int
    last_on: date
    query: str
    approval: bool  # more parts than an agent agrees alone


@dataclass(frozen=True)
class Offered:
    """`monthly` is what is sustainable; `shown` the signed record of the alternatives, given back with the form."""

    monthly: int
    taken_on: date
    alternatives: list[Way]
    shown: str


def offered(page: CasePage) -> Offered | None:
    """What the affordability form allows; None where there is none."""
    found = household_of(page.row)
    if found is None:
        return None
    row, household = found
    monthly = sustainable(household)
    most = page.terms.limit(Role.SUPERVISOR, Authority.PLAN_INSTALMENTS)
    ways = alternatives(page.standing.outstanding, monthly, page.on + FIRST_IN, most)
    own = page.terms.limit(Role.AGENT, Authority.PLAN_INSTALMENTS)
    record = [{"code": way.code, **told(way.shape, way.instalments)} for way in ways]
    return Offered(
        monthly,
        row.taken_on,
        [_way(way, own) for way in ways],
        signing.dumps(record, salt=SALT, compress=True),
    )


def shown(sent: str) -> list[dict[str, Any]]:
    """The alternatives that the sent form had beside it; none where it had none, or where they are not ours."""
    try:
        return signing.loads(sent, salt=SALT) if sent else []
    except signing.BadSignature:
        return []


def way_label(code: str) -> str:
    labels = {
        "equal": _("equal parts, every month"),
        "stepped": _("small at first, then rising"),
        "paydays": _("on paydays"),
    }
    return labels.get(code, code)


def _way(way: Alternative, own: int) -> Way:
    amounts = [part.amount for part in way.instalments]
    every = "paydays" if way.shape.paydays else "month"
    rise = way.shape.rise or ""
    query = f"&count={way.shape.count}&first_on={way.shape.first_due_on}&every={every}&rise={rise}"
    return Way(
        way_label(way.code),
        len(amounts),
        amounts[0],
        max(amounts),
        way.instalments[-1].due_on,
        query,
        way.shape.count > own,
    )


def promise_warnings(page: CasePage, form: forms.Form) -> list[str]:
    """What speaks against the promise in the fields; nothing of it stops anybody."""
    warnings = []
    broken = sum(promise.state == PromiseState.BROKEN for promise in page.facts.promises)
    if broken:
        text = ngettext(
            "%(count)s earlier promise on this case was not kept. A smaller amount or a later day may be kinder.",
            "%(count)s earlier promises on this case were not kept. A smaller amount or a later day may be kinder.",
            broken,
        )
        warnings.append(text % {"count": broken})
    found = household_of(page.row)
    if found is None:
        return warnings
    row, household = found
    monthly, currency = sustainable(household), page.row.portfolio.currency
    asked = _minor(form["amount"].value(), currency)
    if asked is not None and asked > monthly:
        words = {"monthly": amount(monthly, currency), "day": day(row.taken_on)}
        warnings.append(
            _("By what was told on %(day)s, %(monthly)s a month is sustainable; this is more.") % words
        )
    return warnings


def _minor(text: Any, currency: str) -> int | None:
    try:
        return money.parse(str(text), currency)
    except ValueError:
        return None


def halves(page: CasePage) -> str:
    """The query of two promises, half of what is late each."""
    currency = page.row.portfolio.currency
    first = (page.standing.arrears + 1) // 2
    second = page.standing.arrears - first
    return (
        f"&amount={decimal_text(first, currency)}&due_on={page.on + timedelta(days=7)}"
        f"&amount_2={decimal_text(second, currency)}&due_on_2={page.on + timedelta(days=21)}"
    )
