"""Decisions of the gate, opened one by one: what it knew, what every rule said, and whether it would say so again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.http import StaffRequest
from accounts.models import OurRole, User
from compliance.actions.replays import Shelf, replay_one
from compliance.audit import Actor
from compliance.audit_words import OUTCOMES, PURPOSES
from compliance.models import ConsentKind, ContactDecision, HoldKind, PackVersion
from compliance.pack_words import said
from compliance.rule_words import CHANNELS, STATUSES
from compliance.rules import Facts, Outcome, Packs
from compliance.rules.shapes import Words
from compliance.sentences import cited, override_reason, sentence

PAGE = 50


@require_safe
@login_required
@permission_required("compliance.view_contactdecision", raise_exception=True)
def decisions(request: StaffRequest) -> HttpResponse:
    """The newest first; `?outcome=` shows one kind, `?id=` goes to one."""
    asked = request.GET.get("id", "").strip()
    if asked:
        try:
            return redirect("decision", decision_id=UUID(asked))
        except ValueError:
            messages.warning(request, _("This is no id of a decision."))
    outcome = request.GET.get("outcome", "")
    rows = ContactDecision.objects.order_by("-at", "-pk").defer("facts", "results", "packs")
    if outcome in OUTCOMES:
        rows = rows.filter(outcome=outcome)
    page = _Pages(rows.select_related("borrower"), PAGE).get_page(request.GET.get("page"))
    people = _names({row.actor for row in page})
    context = {
        "page": page,
        "lines": [
            (row, OUTCOMES.get(row.outcome, row.outcome), PURPOSES.get(row.purpose, row.purpose),
             people.get(row.actor, row.actor))
            for row in page
        ],
        "outcome": outcome,
        "outcomes": [(str(code), words) for code, words in OUTCOMES.items()],
    }  # fmt: skip
    return render(request, "compliance/decisions.html", context)


class _Pages(Paginator):
    """Counts no further than anybody turns pages: counting all decisions there ever were takes long."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return rows.order_by()[: self.MOST].count()


def _names(actors: set[str]) -> dict[str, str]:
    refs = []
    for actor in actors:
        try:
            refs.append(UUID(actor))
        except ValueError:
            continue
    return {str(user.ref): user.display_name for user in User.objects.filter(ref__in=refs)}


@dataclass(frozen=True)
class ResultLine:
    """One rule's own answer in words."""

    rule: str
    outcome: str
    tone: str
    why: str
    says: Words | None
    citation: Words | None
    source: str
    status: str


TONES = {
    Outcome.PERMITTED: "done",
    Outcome.FLAGGED: "attention",
    Outcome.PRESUMED_VIOLATION: "attention",
    Outcome.PROHIBITED: "stop",
}


@require_safe
@login_required
@permission_required("compliance.view_contactdecision", raise_exception=True)
def decision(request: StaffRequest, decision_id: UUID) -> HttpResponse:
    rows = ContactDecision.objects.select_related(
        "borrower", "contact_point", "override__requested_by", "override__answered_by"
    )
    found = get_object_or_404(rows, pk=decision_id)
    facts = Facts.from_json(bytes(found.facts))
    zone = ZoneInfo(facts.zones[0]) if facts.zones else ZoneInfo("UTC")
    try:
        packs = Shelf().of(found)
    except PackVersion.DoesNotExist:
        packs = Packs(())
    context = {
        "decision": found,
        "outcome": OUTCOMES.get(found.outcome, found.outcome),
        "tone": TONES.get(Outcome(found.outcome), ""),
        "zone": zone,
        "facts": list(facts_in_words(facts, found.at)),
        "results": [_result(each, packs) for each in found.results],
        "channels": [(_label(channel), _moment(opens)) for channel, opens in found.channels.items()],
        "packs": sorted(found.packs.items()),
        "who": _names({found.actor}).get(found.actor, found.actor),
        "reasons": [override_reason(code) for code in found.override.reasons] if found.override else [],
        "purpose": PURPOSES.get(found.purpose, found.purpose),
    }
    return render(request, "compliance/decision.html", context)


def _result(stored: dict[str, Any], packs: Packs) -> ResultLine:
    rule = packs.rule(stored["rule"])
    why = ""
    if stored.get("reason"):
        counts = {name: stored.get(name) for name in ("limit", "days", "counted")}
        why = sentence(stored["reason"], {**stored["params"], **counts})
    elif stored.get("limit") is not None:
        why = _("%(counted)s of at most %(limit)s so far.") % {
            "counted": stored["counted"],
            "limit": stored["limit"],
        }
    return ResultLine(
        rule=stored["rule"],
        outcome=str(OUTCOMES.get(stored["outcome"], stored["outcome"])),
        tone=TONES.get(stored["outcome"], ""),
        why=why,
        says=said(rule) if rule else None,
        citation=cited(rule.citation) if rule else None,
        source=rule.source if rule and rule.source.startswith("https://") else "",
        status=str(STATUSES.get(stored.get("status", ""), "")) if stored.get("status") != "signed" else "",
    )


def facts_in_words(facts: Facts, at: datetime) -> Iterator[tuple[str, str]]:
    """What the gate was told, label by label. Pseudonyms stay out: they say nothing to a reader."""
    yield _("Our role"), str(dict(OurRole.choices).get(facts.role, facts.role or "–"))
    yield _("Law of"), ", ".join(facts.jurisdictions) or "–"
    yield _("Clocks"), ", ".join([*facts.zones, *facts.countries]) or _("every one of the country")
    arrears = {True: _("yes"), False: _("no"), None: _("not known")}
    yield _("Something is overdue"), arrears[facts.arrears_positive]
    count = len(facts.history)
    yield (
        _("Contacts before"),
        ngettext("%(count)d contact", "%(count)d contacts", count) % {"count": count} if count else _("none"),
    )
    if facts.history:
        last = max(facts.history, key=lambda contact: contact.at)
        yield _("The last of them"), f"{_label(last.channel)}, {last.at:%Y-%m-%d %H:%M} UTC"
    kinds = [str(dict(HoldKind.choices).get(hold.kind, hold.kind.replace("_", " "))) for hold in facts.holds]
    yield _("Holds"), ", ".join(kinds) or _("none")
    if facts.consents:
        agreed = dict(ConsentKind.choices)
        yield _("Consents"), ", ".join(str(agreed.get(each.kind, each.kind)) for each in facts.consents)
    if facts.signed:
        yield _("Signed packs"), ", ".join(facts.signed)
    if facts.set_aside:
        yield _("Rules set aside"), ", ".join(facts.set_aside)
    if facts.stale:
        yield _("Too old to rely on"), ", ".join(word.replace("_", " ") for word in facts.stale)


def _label(channel: str) -> str:
    return str(CHANNELS.get(channel, channel))


def _moment(text: str | None) -> datetime | None:
    return parse_datetime(text) if text else None


@require_POST
@login_required
@permission_required("compliance.view_contactdecision", raise_exception=True)
def decision_replay(request: StaffRequest, decision_id: UUID) -> HttpResponse:
    """Give it again from its own facts, by its own texts."""
    found = get_object_or_404(ContactDecision, pk=decision_id)
    try:
        again = replay_one(decision=found, by=Actor.staff(request.user), at=timezone.now())
    except PackVersion.DoesNotExist:
        messages.warning(
            request, _("The text of a pack it was made with is not stored, so it cannot be given again.")
        )
        return redirect("decision", decision_id=found.pk)
    if again.same:
        messages.success(request, _("The same answer: decided again from its own facts by its own texts."))
    else:
        words = {"places": ", ".join(again.differences)}
        messages.error(request, _("Not the same answer. It differs in: %(places)s.") % words)
    return redirect("decision", decision_id=found.pk)
