"""Setting a draft rule aside for a portfolio: proposed by one person, approved by another, with a reason and a last day."""

from datetime import date, datetime, timedelta
from typing import Any, NoReturn

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Portfolio, User
from compliance.actions.gate import packs
from compliance.audit import Actor, Stream, record
from compliance.law import drafts, law_at
from compliance.models import SetAside

LONGEST = timedelta(days=366)
"""A draft is signed or rewritten within a year."""


class SetAsideRefused(Exception):
    """`code`: `rule` (unknown, signed, or our own policy), `reason`, `ends_on`, `open` (one is there already), `own` (the
    second person is another), `over` (approved or ended meanwhile, or past its day); the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@transaction.atomic
def propose(
    *, rule: str, portfolio: Portfolio, reason: str, ends_on: date, proposer: User, at: datetime
) -> SetAside:
    """Ask that a draft rule does not bind a portfolio; without a second person nothing changes. Raises `SetAsideRefused` and
    `PermissionDenied`."""
    by = _allowed(proposer)
    portfolio = Portfolio.objects.select_for_update(no_key=True).get(pk=portfolio.pk)
    pack = next((pack for pack in packs().all if any(each.id == rule for each in pack.rules)), None)
    if pack is None or rule not in drafts(packs(), law_at(at, packs()).signed):
        raise SetAsideRefused("rule", _("Only a draft rule of the law can be set aside: a signed one binds."))
    if not (reason := reason.replace("\0", "").strip()) or len(reason) > 500:
        raise SetAsideRefused("reason", _("Please give the reason, in at most 500 characters."))
    today = portfolio.business_date(at)
    if not today <= ends_on <= today + LONGEST:
        raise SetAsideRefused("ends_on", _("Please give a last day, within a year from today."))
    if SetAside.objects.not_ended().filter(rule=rule, portfolio=portfolio).exists():
        _clear_past(rule, portfolio, proposer, at)
    found = SetAside.objects.create(
        rule=rule, pack=pack.id, portfolio=portfolio, reason=reason, ends_on=ends_on, proposed_by=proposer,
        proposed_at=at,
    )  # fmt: skip
    _tell("set_aside.proposed", found, by, at, ends_on=ends_on)
    return found


def _clear_past(rule: str, portfolio: Portfolio, person: User, at: datetime) -> None:
    """One whose last day has gone stands in nobody's way."""
    for before in SetAside.objects.not_ended().filter(rule=rule, portfolio=portfolio):
        if portfolio.business_date(at) <= before.ends_on:
            raise SetAsideRefused(
                "open", _("This rule is set aside for this portfolio already, or about to be.")
            )
        _end(before, person, at)


@transaction.atomic
def approve(*, set_aside: SetAside, approver: User, at: datetime) -> SetAside:
    """The second person agrees: from now to its last day the rule does not bind there. Raises `SetAsideRefused` (own, over,
    rule) and `PermissionDenied`."""
    by = _allowed(approver)
    locked = _lock(set_aside)
    if locked.approved_at or locked.ended_at or locked.portfolio.business_date(at) > locked.ends_on:
        _refuse_over()
    if locked.proposed_by_id == approver.pk:
        raise SetAsideRefused("own", _("The second person is somebody other than the one who proposed it."))
    if locked.rule not in drafts(packs(), law_at(at, packs()).signed):
        raise SetAsideRefused(
            "rule", _("This rule has been signed meanwhile, or is gone: it cannot be set aside.")
        )
    locked.approved_by, locked.approved_at = approver, at
    locked.save(update_fields=["approved_by", "approved_at"])
    _tell("set_aside.approved", locked, by, at, ends_on=locked.ends_on)
    return locked


@transaction.atomic
def end(*, set_aside: SetAside, person: User, at: datetime) -> SetAside:
    """The rule binds again from now, or is not set aside at all where nobody had approved it: one person is enough. Raises
    `SetAsideRefused` (over) and `PermissionDenied`."""
    _allowed(person)
    locked = _lock(set_aside)
    if locked.ended_at:
        _refuse_over()
    return _end(locked, person, at)


def _end(found: SetAside, person: User, at: datetime) -> SetAside:
    found.ended_by, found.ended_at = person, at
    found.save(update_fields=["ended_by", "ended_at"])
    _tell("set_aside.ended", found, Actor.staff(person), at)
    return found


def _allowed(person: User) -> Actor:
    by = Actor.staff(person)
    if not by.may("compliance.set_aside_rule"):
        raise PermissionDenied
    return by


def _lock(set_aside: SetAside) -> SetAside:
    return SetAside.objects.select_for_update(of=("self",)).select_related("portfolio").get(pk=set_aside.pk)


def _refuse_over() -> NoReturn:
    raise SetAsideRefused("over", _("This has been decided meanwhile."))


def _tell(event: str, found: SetAside, by: Actor, at: datetime, **more: Any) -> None:
    record(
        event, stream=Stream.system(), by=by, at=at, set_aside=found.pk, rule=found.rule,
        portfolio=found.portfolio.ref, **more,
    )  # fmt: skip
