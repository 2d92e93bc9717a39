"""May I contact this person now? The gate's own look, per channel and per number, in words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from accounts.models import ContactKind, ContactPoint, User
from cases.actions.calls import purpose_towards
from cases.models import Case
from communications.channels import configured
from compliance.actions.gate import look_closely, packs
from compliance.facts import Question
from compliance.holds import HOLDS, FoundKind, Stop
from compliance.models import Channel, HoldKind, Override
from compliance.models.override import USE_WITHIN
from compliance.rules import Decision, Outcome, Purpose, ReasonCode, RuleResult
from compliance.sentences import cited, explain

# Channels by what they reach, and their signs.
CHANNELS = {
    Channel.CALL: (ContactKind.PHONE, "phone"),
    Channel.SMS: (ContactKind.PHONE, "message"),
    Channel.EMAIL: (ContactKind.EMAIL, "mail"),
    Channel.APP: (ContactKind.APP, "device-mobile"),
}
STOPS: dict[Stop, str | Promise] = {
    Stop.CHARGES: gettext_lazy("fees and interest for being late"),
    Stop.AGEING: gettext_lazy("ageing"),
    Stop.LEGAL: gettext_lazy("legal steps"),
    Stop.PLACEMENT: gettext_lazy("handing to an agency"),
}


@dataclass(frozen=True)
class StripHold:
    label: str
    why: str
    since: date
    until: date | None
    stops: str


@dataclass(frozen=True)
class StripChannel:
    key: str
    label: str
    icon: str
    allowed: bool
    flag: str
    left: str
    why: str
    source: str
    from_: datetime | None
    overridable: tuple[tuple[str, tuple[str, ...]], ...] = ()  # rules that only presume, with their reasons
    asked: bool = False  # a second person has been asked and has not answered


@dataclass(frozen=True)
class Strip:
    """`calls`: for each number, also those of people around the borrower, whether it may be called now. `unreachable`: the
    borrower cannot be reached by any number of their own."""

    at: datetime
    holds: list[StripHold]
    channels: list[StripChannel]
    payments_read_at: datetime | None
    calls: dict[UUID, StripChannel]
    unreachable: bool = False

    @property
    def call(self) -> StripChannel | None:
        return next((each for each in self.channels if each.key == Channel.CALL), None)


def strip(case: Case, points: Sequence[ContactPoint], at: datetime, user: User) -> Strip:
    """Every channel for which the borrower has an address in use, and every number; `points` are the usable ones, also of
    people around the borrower, who are asked about by phone alone and are no part of the strip itself. What a second person
    has approved for `user` is possible too."""
    own = [point for point in points if point.related_person_id is None]
    # What nobody could send is not offered, however lawful.
    possible = {Channel.CALL.value, *configured()}
    asked = [
        (channel, point)
        for channel, (kind, _icon) in CHANNELS.items()
        for point in own
        if point.kind == kind and channel in possible
    ]
    questions = [
        Question(
            borrower=case.borrower_id,
            channel=channel,
            purpose=Purpose.COLLECT,
            contact_point=point.pk,
            loans=(case.loan_id,),
            role=user.acts_as,
        )
        for channel, point in asked
    ]
    # Without any number the call is still in the strip, with the reason why it cannot be.
    if not any(channel == Channel.CALL for channel, _point in asked):
        questions.append(
            Question(
                borrower=case.borrower_id,
                channel=Channel.CALL,
                purpose=Purpose.COLLECT,
                loans=(case.loan_id,),
                role=user.acts_as,
            )
        )
    around = [
        Question(
            borrower=case.borrower_id,
            channel=Channel.CALL,
            purpose=purpose_towards(point),
            contact_point=point.pk,
            loans=(case.loan_id,),
            role=user.acts_as,
        )
        for point in points
        if point.related_person_id is not None and point.kind == ContactKind.PHONE
    ]
    looked = look_closely([*questions, *around], at=at)
    decisions = [decision for _situation, decision in looked[: len(questions)]]
    judged = [_channel(situation.question.channel, decision) for situation, decision in looked]
    judged = _with_overrides(case, [*questions, *around], judged, at, user)
    calls = {
        situation.contact_point: channel
        for (situation, _decision), channel in zip(looked, judged, strict=True)
        if situation.question.channel == Channel.CALL and situation.question.contact_point
    }
    best: dict[str, StripChannel] = {}
    for channel in judged[: len(questions)]:
        if channel.key not in best or (channel.allowed and not best[channel.key].allowed):
            best[channel.key] = channel
    return Strip(
        at,
        _holds(decisions),
        list(best.values()),
        case.portfolio.payments_read_at,
        {point: channel for point, channel in calls.items() if point is not None},
        unreachable=any(situation.facts.unreachable for situation, _decision in looked),
    )


def _with_overrides(
    case: Case, questions: Sequence[Question], judged: list[StripChannel], at: datetime, user: User
) -> list[StripChannel]:
    """Where a call is presumed to be a violation: whether this person has asked, and what the answer was."""
    if not any(channel.overridable for channel in judged):
        return judged
    mine = list(Override.objects.going_on(at).filter(borrower=case.borrower_id, requested_by=user))
    return [
        _overridden(channel, [each for each in mine if each.contact_point_id == question.contact_point], at)
        if channel.overridable
        else channel
        for question, channel in zip(questions, judged, strict=True)
    ]


def _overridden(channel: StripChannel, mine: Sequence[Override], at: datetime) -> StripChannel:
    approved = next((each for each in mine if each.approved and each.answered_at), None)
    if approved is None or approved.answered_at is None:
        return replace(channel, asked=bool(mine))
    until = _minutes(approved.answered_at + USE_WITHIN - at)
    flag = _("A second person has approved one call, to be begun within %(minutes)s min.") % {
        "minutes": until
    }
    return replace(channel, allowed=True, flag=flag, why="", from_=None, overridable=())


def _minutes(left: timedelta) -> int:
    """Minutes, begun ones counted in full."""
    return -int(-left.total_seconds() // 60)


def _channel(key: str, decision: Decision) -> StripChannel:
    reason = next(iter(decision.reasons), None)
    words = explain(reason) if reason else ""
    allowed = decision.allowed
    return StripChannel(
        key=key,
        label=str(Channel(key).label),
        icon=CHANNELS[Channel(key)][1],
        allowed=allowed,
        flag=words if allowed else "",
        left=_left(decision) if allowed else "",
        why="" if allowed else words,
        source=source(reason) if reason else "",
        from_=None if allowed else decision.next_allowed,
        overridable=_overridable(decision) if key == Channel.CALL else (),
    )


def _overridable(decision: Decision) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if decision.outcome != Outcome.PRESUMED_VIOLATION:
        return ()
    return tuple(
        (result.rule, result.override_reasons)
        for result in decision.results
        if result.outcome == Outcome.PRESUMED_VIOLATION
    )


def _left(decision: Decision) -> str:
    parts = []
    if decision.left_today is not None:
        parts.append(_("%(left)s left today") % {"left": decision.left_today})
    if decision.left_this_week is not None:
        parts.append(_("%(left)s this week") % {"left": decision.left_this_week})
    return pgettext("between items of a list", ", ").join(parts)


@cache
def _citations() -> dict[str, str]:
    return {rule.id: rule.citation for pack in packs().all for rule in pack.rules}


def source(result: RuleResult) -> str:
    """The rule and its citation; empty for the gate's own checks."""
    citation = _citations().get(result.rule)
    if not citation:
        return ""
    draft = _(" (not yet signed by your lawyer)") if result.status == "draft" else ""
    return f"{cited(citation).text}{draft}"


def _holds(decisions: Sequence[Decision]) -> list[StripHold]:
    found: dict[str, StripHold] = {}
    for decision in decisions:
        for result in decision.reasons:
            if result.reason == ReasonCode.HOLD and result.params["hold"] not in HIDDEN:
                hold = _hold(result)
                found[hold.label] = hold
    return list(found.values())


# Said on the channel itself: the number is missing or retired.
HIDDEN = {FoundKind.NO_CONTACT_POINT, FoundKind.CONTACT_POINT_RETIRED, FoundKind.PERSON_REFUSED}
FOUND_LABELS = {
    FoundKind.PORTFOLIO_CLOSED: gettext_lazy("Portfolio closed"),
    FoundKind.UNMATCHED_PAYMENT: gettext_lazy("Payment being matched"),
}


def _hold(result: RuleResult) -> StripHold:
    kind = result.params["hold"]
    row = HOLDS[kind]
    label = FOUND_LABELS[FoundKind(kind)] if kind in FOUND_LABELS else HoldKind(kind).label
    stops = pgettext("between items of a list", ", ").join(str(STOPS[stop]) for stop in sorted(row.stops))
    return StripHold(
        label=str(label),
        why=str(row.why),
        since=_date(result.params["first_day"]),
        until=_date(result.params["last_day"]) if result.params.get("last_day") else None,
        stops=_("Besides contact it stops: %(stops)s.") % {"stops": stops} if stops else "",
    )


def _date(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)
