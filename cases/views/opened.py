"""The form that is open in the conversation column: made empty or from the address, or bound where it was refused."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Authority, PointStatus, Role, User
from accounts.money import decimal_text
from accounts.schedules import most_in_a_month
from cases.actions.agreements import AgreementRefused, propose_plan
from cases.actions.writing import text_for
from cases.desk import deals
from cases.desk.offers import offer_context, offer_form
from cases.desk.page import CasePage
from cases.desk.wish_form import LABELS, NEEDS, WishForm
from cases.dispositions import DISPOSITIONS, Group
from cases.forms import (
    AffordabilityForm,
    CallForm,
    ComplaintForm,
    EndForm,
    HoldForm,
    OverrideForm,
    PassForm,
    PaymentForm,
    PlanForm,
    PromiseForm,
    WriteForm,
)
from cases.legal_forms import AskLegalForm, LegalForm
from compliance.actions import complaints
from compliance.sentences import override_reason

OFFERS = ("extension", "waiver", "settlement")
PERMISSIONS = {
    "call": "cases.talk_case",
    "promise": "cases.talk_case",
    "plan": "cases.work_case",
    "affordability": "cases.work_case",
    "extension": "cases.work_case",
    "waiver": "cases.work_case",
    "settlement": "cases.work_case",
    "payment": "accounts.add_payment",
    "complaint": "compliance.log_complaint",
    "hold": "cases.talk_case",
    "override": "compliance.ask_override",
    "pass": "cases.work_case",
    "wish": "cases.talk_case",
    "end": "cases.close_case",
    "legal": "cases.propose_legal",
    "ask_legal": "cases.ask_legal",
    "write": "compliance.place_contact",
}


def form_for(page: CasePage, name: str, data: QueryDict | None = None) -> forms.Form:
    """The form of this name for a case; with `data` bound."""
    given = page.request.GET
    portfolio = page.row.portfolio
    match name:
        case "call":
            proposed = page.run and _proposed(page)
            return CallForm(
                portfolio,
                page.zone,
                data,
                initial={
                    "call": page.open_call and page.open_call.pk,
                    "disposition": given.get("disposition", proposed),
                },
            )
        case "promise":
            owed = decimal_text(page.standing.arrears, portfolio.currency)
            initial = {
                "amount": given.get("amount", owed),
                "due_on": given.get("due_on", page.on + timedelta(days=7)),
            }
            at_once = page.terms.promises_at_once
            for number in range(2, at_once + 1):
                for field in (f"amount_{number}", f"due_on_{number}"):
                    initial[field] = given.get(field, "")
            return PromiseForm(portfolio, at_once, data, initial=initial)
        case "plan":
            initial = {
                "total": decimal_text(page.standing.outstanding, portfolio.currency),
                "count": given.get("count", "3"),
                "first_on": given.get("first_on", page.on + timedelta(days=7)),
                "every": given.get("every", "month"),
                "rise": given.get("rise", ""),
                "down": given.get("down", ""),
                "waives": given.get("waives", ""),
            }
            return PlanForm(portfolio, page.terms, data, initial=initial)
        case "affordability":
            return AffordabilityForm(portfolio, page.on, data, initial={"taken_on": page.on, "dependants": 0})
        case "extension" | "waiver" | "settlement":
            return offer_form(page, name, data)
        case "payment":
            return PaymentForm(portfolio, page.on, data, initial={"paid_on": page.on})
        case "complaint":
            return ComplaintForm(data, initial={"channel": "call"})
        case "hold":
            return HoldForm(data, initial={"since": page.on})
        case "override":
            point = (page.request.POST if data is not None else given).get("contact_point", "")
            return OverrideForm(_override_reasons(page, point), data, initial={"contact_point": point})
        case "wish":
            points = [point for point in page.points if point.status == PointStatus.ACTIVE]
            # What is said on a call can be heard there.
            evidence = f"attempt:{page.open_call.attempt_id}" if page.open_call else ""
            what = given.get("what", "")
            return WishForm(points, data, initial={"what": what, "evidence": evidence})
        case "pass":
            return PassForm(_colleagues(page), data)
        case "end":
            return EndForm(data)
        case "legal":
            return LegalForm(data)
        case "ask_legal":
            return AskLegalForm(data)
        case "write":
            return WriteForm(
                [point for point in page.points if point.status == PointStatus.ACTIVE],
                text_for(page.request.user),
                data,
            )
    raise KeyError(name)


def _proposed(page: CasePage) -> str:
    """The outcome that the script's answers point to."""
    from cases.actions.scripts import walk

    return walk(page.run, page.facts.steps).disposition if page.run else ""


def _override_reasons(page: CasePage, contact_point: str) -> list[tuple[str, str]]:
    """The reasons that the rules allow which presume a violation in a call to this number; none where none does."""
    channel = next((call for pk, call in page.strip.calls.items() if str(pk) == contact_point), None)
    codes = dict.fromkeys(
        code for _rule, listed in (channel.overridable if channel else ()) for code in listed
    )
    return [(code, override_reason(code)) for code in codes]


def _colleagues(page: CasePage) -> list[tuple[str, str]]:
    people = User.objects.filter(
        is_active=True, role__in=[Role.AGENT, Role.SUPERVISOR], team__portfolios=page.row.portfolio_id
    ).exclude(pk=page.request.user.pk)
    return [(str(person.pk), person.display_name) for person in people.order_by("first_name", "username")]


NEEDS_OPEN = frozenset(PERMISSIONS) - {"payment", "complaint"}
"""Forms that only an open case has."""


def opened_form(page: CasePage, name: str, form: forms.Form | None = None) -> dict[str, Any]:
    """What the templates of an open form need; nothing where no form is open or the person may not use it."""
    if name not in PERMISSIONS or not page.request.user.has_perm(PERMISSIONS[name]):
        return {}
    if name in NEEDS_OPEN and not page.row.is_open:
        return {}
    form = form or form_for(page, name)
    context: dict[str, Any] = {
        "open": name,
        "form": form,
        "form_url": reverse(f"case_{name}", args=[page.row.pk]),
    }
    return context | EXTRA.get(name, lambda page, form: {})(page, form)


def _call(page: CasePage, form: forms.Form) -> dict[str, Any]:
    groups = [
        {
            "label": group.label,
            "choices": [
                {
                    "code": row.code,
                    "label": row.label,
                    "hint": row.effect,
                    "key": row.key,
                    "needs": row.needs or "",
                }
                for row in DISPOSITIONS.values()
                if row.group == group
            ],
        }
        for group in Group
    ]
    return {"dispositions": groups}


def _promise(page: CasePage, form: forms.Form) -> dict[str, Any]:
    latest = page.on + timedelta(days=page.terms.limit(Role.AGENT, Authority.PROMISE_DAYS))
    owed = decimal_text(page.standing.arrears, page.row.portfolio.currency)
    friday = page.on + timedelta(days=(4 - page.on.weekday()) % 7 or 7)
    quick = [
        Quick(_("all of it on Friday"), f"&amount={owed}&due_on={friday}"),
        Quick(_("all of it in two weeks"), f"&amount={owed}&due_on={page.on + timedelta(days=14)}"),
        Quick(
            _("half of it in a week"),
            f"&amount={decimal_text((page.standing.arrears + 1) // 2, page.row.portfolio.currency)}"
            f"&due_on={page.on + timedelta(days=7)}",
        ),
    ]
    quick.append(Quick(_("half in a week, the rest in three"), deals.halves(page)))
    return {"latest": latest, "quick": quick, "warnings": deals.promise_warnings(page, form)}


class Quick:
    def __init__(self, label: str, query: str) -> None:
        self.label, self.query = label, query


def _plan(page: CasePage, form: forms.Form) -> dict[str, Any]:
    """The instalments the fields would make; none while they do not fit."""
    given = page.request.GET if page.request.method == "GET" else page.request.POST
    initial = {name: given.get(name) or form.initial.get(name) for name in deals.PLAN_FIELDS}
    tried = PlanForm(page.row.portfolio, page.terms, initial)
    preview = None
    if tried.is_valid():
        try:
            found = propose_plan(
                case=page.row,
                at=page.at,
                **tried.terms,
            )
        except AgreementRefused as refused:
            if not form.is_bound and "count" in given:
                form.refusal = str(refused)  # type: ignore[attr-defined]
        else:
            preview = {
                "instalments": [
                    {"number": number, "due_on": each.due_on, "amount": each.amount}
                    for number, each in enumerate(found, 1)
                ],
                "total": sum(each.amount for each in found),
                "last_on": found[-1].due_on,
            }
    quick = [
        Quick(_("three monthly parts"), "&count=3&every=month"),
        Quick(_("four parts, every two weeks"), "&count=4&every=two_weeks"),
        Quick(_("six monthly parts"), "&count=6&every=month"),
    ]
    offered = deals.offered(page)
    if offered is not None:
        quick = [Quick(each.label, each.query) for each in offered.alternatives]
    return {
        "preview": preview,
        "most": page.terms.limit(Role.AGENT, Authority.PLAN_INSTALMENTS),
        "quick": quick,
        "offered": offered,
        "too_much": bool(offered and preview and most_in_a_month(found) > offered.monthly),
    }


def _complaint(page: CasePage, form: forms.Form) -> dict[str, Any]:
    return {
        "complaint": {
            "answer_by": complaints.clock_of(page.row.portfolio, page.at).due_on,
            "owner": _("the compliance officers"),
            "stops": _("Asking for payment stops until it is answered."),
        }
    }


def _wish(page: CasePage, form: forms.Form) -> dict[str, Any]:
    """What can be said, each with the fields that belong to it."""
    choices = [{"code": what.value, "label": label, "needs": NEEDS[what]} for what, label in LABELS.items()]
    return {"said": choices}


def _override(page: CasePage, form: forms.Form) -> dict[str, Any]:
    """Which rule it is, with its citation."""
    point = form["contact_point"].value() or ""
    channel = next((call for pk, call in page.strip.calls.items() if str(pk) == str(point)), None)
    return {"presumed": channel if channel and channel.overridable else None}


def _end(page: CasePage, form: forms.Form) -> dict[str, Any]:
    return {
        "forgives": page.standing.outstanding,
        "percent": page.terms.limit(page.request.user.role, Authority.SETTLEMENT_PERCENT),
        "after_days": page.terms.settlement_after_days,
    }


EXTRA = {
    "call": _call,
    "promise": _promise,
    "plan": _plan,
    "complaint": _complaint,
    "override": _override,
    **dict.fromkeys(OFFERS, offer_context),
    "wish": _wish,
    "end": _end,
}
