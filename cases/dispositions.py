"""What came of a call, as data: `dispositions.yaml` read and checked once, with its words for the screen."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal

import yaml
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel, ConfigDict, TypeAdapter

from accounts.models import PointStatus
from cases.models import WorkKind
from compliance.models import HoldKind


class Group(StrEnum):
    NOT_REACHED = "not_reached"
    REACHED = "reached"
    SOMEONE_ELSE = "someone_else"
    NEEDS_CARE = "needs_care"

    @property
    def label(self) -> Promise:
        return GROUP_LABELS[self]


GROUP_LABELS = {
    Group.NOT_REACHED: _("Not reached"),
    Group.REACHED: _("Reached"),
    Group.SOMEONE_ELSE: _("Someone else"),
    Group.NEEDS_CARE: _("Needs care"),
}

LABELS = {
    "no_answer": _("No answer"),
    "busy": _("Busy"),
    "switched_off": _("Switched off"),
    "suspended": _("Service suspended"),
    "not_in_service": _("Not in service"),
    "voicemail": _("Voicemail"),
    "wrong_number": _("Wrong number"),
    "third_party": _("Someone else answered"),
    "hung_up": _("Hung up"),
    "call_back": _("Asks to be called back"),
    "promises": _("Promises to pay"),
    "says_paid": _("Says it is paid"),
    "cannot_pay": _("Cannot pay now"),
    "disputes": _("Disputes the debt"),
    "refuses": _("Does not want to pay"),
    "lawyer": _("Represented by a lawyer"),
    "complaint": _("Complains"),
    "ill_or_bereaved": _("Ill or bereaved"),
    "deceased": _("Deceased"),
}

# Said under the label before it is chosen: what will happen besides the entry in the log.
EFFECTS = {
    "not_in_service": _("The number is retired."),
    "wrong_number": _("The number is marked wrong and not called again."),
    "call_back": _("The case comes back to you at the agreed time."),
    "says_paid": _("Contact rests for three days while we look for the payment."),
    "disputes": _("Contact about this loan rests until the dispute is looked at."),
    "lawyer": _("Contact rests; a supervisor looks at it."),
    "complaint": _("Contact rests until the complaint is answered."),
    "ill_or_bereaved": _("Contact rests for two weeks."),
    "deceased": _("Contact rests; a supervisor looks at it."),
}


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HoldTerms(_Data):
    kind: HoldKind
    of_loan: bool = False
    days: int | None = None


class NextWork(_Data):
    kind: WorkKind
    days: int = 0
    hours: int = 0

    @property
    def delay(self) -> timedelta:
        return timedelta(days=self.days, hours=self.hours)


class Disposition(_Data):
    """One outcome of a call; the file says what its fields mean."""

    code: str
    key: str
    group: Group
    connected: bool | None
    answered: bool
    right_party: bool | None
    conversation: bool | None
    offered: bool = False
    needs: Literal["agreement", "callback", "complaint"] | None = None
    hold: HoldTerms | None = None
    work: NextWork | None = None
    retire: PointStatus | None = None

    @property
    def label(self) -> Promise:
        return LABELS[self.code]

    @property
    def effect(self) -> Promise | str:
        return EFFECTS.get(self.code, "")

    @property
    def spoke(self) -> bool:
        """A conversation with the right person: what brings a case into conversation."""
        return bool(self.right_party and self.conversation)


def _load() -> dict[str, Disposition]:
    text = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    rows = TypeAdapter(list[Disposition]).validate_python(yaml.safe_load(text))
    found = {row.code: row for row in rows}
    if (
        len(found) != len(rows)
        or len({row.key for row in rows}) != len(rows)
        or found.keys() != LABELS.keys()
    ):
        raise ValueError("Each disposition has one code, one key and one label.")
    return found


DISPOSITIONS = _load()
