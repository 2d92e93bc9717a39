"""Why a loan is late, in the borrower's own words sorted into few: it decides what to offer. Recorded, never guessed."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pydantic import TypeAdapter


class ArrearsReason(TextChoices):
    ILLNESS = "illness", _("Illness")
    JOB_LOSS = "job_loss", _("Lost work")
    ACCIDENT = "accident", _("Accident")
    DISASTER = "disaster", _("Disaster")
    BEREAVEMENT = "bereavement", _("Bereavement")
    FORGOT = "forgot", _("Forgot")
    MISUNDERSTOOD = "misunderstood_terms", _("Misunderstood the terms")
    PAYMENT_TROUBLE = "payment_trouble", _("The payment did not go through")
    DISPUTES = "disputes", _("Disputes it")
    UNWILLING = "unwilling", _("Does not want to pay")
    NOT_SAID = "does_not_say", _("Does not want to say")


GROUPS = {"economic": _("Economic"), "non_economic": _("Other than economic")}

OFFERS = ("hold", "extension", "plan", "promise", "waiver", "settlement", "complaint")


def _load() -> dict[str, dict[str, tuple[str, ...]]]:
    text = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    shape = TypeAdapter(dict[str, dict[ArrearsReason, list[str]]])
    found = {
        group: {code.value: tuple(offers) for code, offers in codes.items()}
        for group, codes in shape.validate_python(yaml.safe_load(text)).items()
    }
    codes = [code for group in found.values() for code in group]
    offers = {offer for group in found.values() for each in group.values() for offer in each}
    if list(found) != list(GROUPS) or sorted(codes) != sorted(ArrearsReason.values) or offers - set(OFFERS):
        raise ValueError("Each reason stands once in a known group, with known offers.")
    return found


REASONS = _load()


def group_of(code: str) -> str:
    """`economic` or `non_economic`."""
    return next(group for group, codes in REASONS.items() if code in codes)


def grouped() -> list[tuple[Promise, list[tuple[str, Promise]]]]:
    """The reasons as a form shows them: a group's name, its codes with their words."""
    return [
        (GROUPS[group], [(code, ArrearsReason(code).label) for code in codes])
        for group, codes in REASONS.items()
    ]


@dataclass(frozen=True)
class Past:
    """What a suggestion hangs on beside the reason. `extensions_left` and `settlement_from` (days past due) are the
    portfolio's; `charged` whether fees or interest are owed; `broken` whether a promise or settlement was not kept."""

    days_past_due: int
    extensions_left: int
    settlement_from: int
    charged: bool
    broken: bool
    plan_runs: bool


def suggest(code: str, past: Past) -> list[str]:
    """What may help, best first, of `OFFERS`: those of the reason that fit today; a promise that was not kept is not what
    comes first again. Without a reason nothing is suggested by it."""
    if not code:
        return []
    fits = {
        "extension": past.extensions_left > 0 and past.days_past_due > 0,
        "settlement": past.days_past_due >= past.settlement_from,
        "waiver": past.charged,
        "plan": not past.plan_runs,
    }
    found = [offer for offer in REASONS[group_of(code)][code] if fits.get(offer, True)]
    if past.broken and "promise" in found and not past.plan_runs:
        found = [*dict.fromkeys([*(each for each in found if each != "promise"), "plan"]), "promise"]
    return found
