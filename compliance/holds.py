"""What each hold stops: one table, for contact and for everything else.

A hold here stops for everybody, whatever the law of the place. Rule packs may stop more (a pack's own rule for the same
kind), never less. Replies to what the borrower asked stay possible, except towards someone who is not there to read them.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Paused
from compliance.models.hold import Evidence, HoldKind
from compliance.rules import Purpose

COLLECTING = frozenset(purpose for purpose in Purpose if purpose.collecting)
UNASKED = frozenset(Purpose) - {Purpose.REPLY}
EVERYTHING = frozenset(Purpose)


class Stop(StrEnum):
    """What a hold may stop beside contact."""

    CHARGES = "charges"  # new fees and interest for being late
    AGEING = "ageing"  # moving on to a later bucket
    LEGAL = "legal"  # letters before action and everything after
    PLACEMENT = "placement"  # giving the case to an agency


NOTHING_ELSE: frozenset[Stop] = frozenset()
WHOLE_COLLECTION = frozenset({Stop.CHARGES, Stop.LEGAL, Stop.PLACEMENT})


class FoundKind(StrEnum):
    """Holds nobody opens: the gate finds them in the state of the portfolio, the payments or the contact point."""

    PORTFOLIO_CLOSED = "portfolio_closed"
    UNMATCHED_PAYMENT = "unmatched_payment"
    NO_CONTACT_POINT = "no_contact_point"
    CONTACT_POINT_RETIRED = "contact_point_retired"
    PERSON_REFUSED = "person_refused"


@dataclass(frozen=True)
class HoldRow:
    """One line of the table.

    `purposes` are those a contact may not have while the hold lasts, by any channel. `days` is how long the hold lasts
    when nobody says otherwise, the first day included; None: until somebody ends it. `why` is said to staff.

    A hold protects from the first word on. `proof` is what shows it is right, any of these; without it the hold is looked at
    after `ask_after` days, with it (or where none is needed) every `review_days`; None: only its end or a person ends it.
    """

    purposes: frozenset[Purpose]
    stops: frozenset[Stop]
    why: str | Promise
    days: int | None = None
    proof: frozenset[Evidence] = frozenset()
    ask_after: int = 14
    review_days: int | None = 30


def proved_by(*kinds: Evidence) -> frozenset[Evidence]:
    return frozenset(kinds)


HOLDS: dict[str, HoldRow] = {
    HoldKind.DISPUTE: HoldRow(
        COLLECTING,
        WHOLE_COLLECTION,
        _("The borrower disputes the debt."),
        proof=proved_by(Evidence.STATEMENT),
        review_days=14,
    ),
    HoldKind.COMPLAINT: HoldRow(
        COLLECTING,
        frozenset({Stop.LEGAL, Stop.PLACEMENT}),
        _("A complaint is open; collection waits for its answer."),
        review_days=None,
    ),
    HoldKind.HARDSHIP: HoldRow(
        COLLECTING,
        WHOLE_COLLECTION,
        _("The borrower is in hardship; the request is being looked at."),
        proof=proved_by(Evidence.STATEMENT, Evidence.MEDICAL, Evidence.ADVISER),
    ),
    HoldKind.CEASE: HoldRow(
        UNASKED, NOTHING_ELSE, _("The borrower asked not to be contacted."), review_days=None
    ),
    HoldKind.ATTORNEY: HoldRow(
        UNASKED,
        NOTHING_ELSE,
        _("A lawyer speaks for the borrower."),
        proof=proved_by(Evidence.AUTHORITY),
        review_days=90,
    ),
    HoldKind.SAYS_PAID: HoldRow(
        COLLECTING,
        frozenset({Stop.LEGAL, Stop.PLACEMENT}),
        _("The borrower says it is paid; the payment is being looked for."),
        days=3,
        proof=proved_by(Evidence.PAYMENT),
        review_days=None,
    ),
    HoldKind.ILL_OR_BEREAVED: HoldRow(
        COLLECTING,
        WHOLE_COLLECTION,
        _("The borrower is ill or has lost someone."),
        proof=proved_by(Evidence.STATEMENT, Evidence.MEDICAL, Evidence.DEATH),
    ),
    HoldKind.DECEASED: HoldRow(
        EVERYTHING,
        WHOLE_COLLECTION,
        _("The borrower has died."),
        proof=proved_by(Evidence.DEATH),
        review_days=None,
    ),
    HoldKind.BREATHING_SPACE: HoldRow(
        COLLECTING,
        WHOLE_COLLECTION | {Stop.AGEING},
        _("The borrower has a breathing space."),
        proof=proved_by(Evidence.ADVISER, Evidence.COURT),
        review_days=30,
    ),
    HoldKind.ADVISER_PAUSE: HoldRow(
        COLLECTING,
        WHOLE_COLLECTION,
        _("The borrower is seeking advice about debts."),
        days=30,
        proof=proved_by(Evidence.STATEMENT, Evidence.ADVISER),
        review_days=None,
    ),
    HoldKind.BANKRUPTCY: HoldRow(
        COLLECTING,
        WHOLE_COLLECTION | {Stop.AGEING},
        _("The borrower is bankrupt; the court decides."),
        proof=proved_by(Evidence.COURT),
        review_days=90,
    ),
    HoldKind.IDENTITY_THEFT: HoldRow(
        COLLECTING,
        WHOLE_COLLECTION | {Stop.AGEING},
        _("Someone else may have taken the loan in the borrower's name."),
        proof=proved_by(Evidence.STATEMENT, Evidence.POLICE),
    ),
    HoldKind.DISASTER: HoldRow(
        COLLECTING,
        WHOLE_COLLECTION | {Stop.AGEING},
        _("A disaster has struck where the borrower lives."),
        proof=proved_by(Evidence.STATEMENT, Evidence.DECLARATION),
    ),
    FoundKind.PORTFOLIO_CLOSED: HoldRow(
        EVERYTHING, NOTHING_ELSE, _("The portfolio is not open for contact yet.")
    ),
    FoundKind.UNMATCHED_PAYMENT: HoldRow(
        COLLECTING, NOTHING_ELSE, _("A payment that may be for this loan waits to be matched.")
    ),
    FoundKind.NO_CONTACT_POINT: HoldRow(
        EVERYTHING, NOTHING_ELSE, _("No number or address in use is known for this channel.")
    ),
    FoundKind.CONTACT_POINT_RETIRED: HoldRow(
        EVERYTHING, NOTHING_ELSE, _("This number or address is not in use any more.")
    ),
    FoundKind.PERSON_REFUSED: HoldRow(
        EVERYTHING, NOTHING_ELSE, _("This person does not want to be contacted.")
    ),
}


def stopped_purposes(kind: str) -> tuple[str, ...]:
    """The purposes a hold of this kind stops, as the rules want them: empty means all."""
    purposes = HOLDS[kind].purposes
    return () if purposes == EVERYTHING else tuple(sorted(purposes))


def first_review(kind: str, starts_on: date, *, proved: bool) -> date | None:
    """When a hold that begins then is looked at for the first time; None: never by itself."""
    row = HOLDS[kind]
    days = row.review_days if proved or not row.proof or row.days is not None else row.ask_after
    return starts_on + timedelta(days=days) if days is not None else None


def paused_by(kind: str) -> list[Paused]:
    """What stands still in the accounts while a hold of this kind lasts."""
    return [what for what, stop in PAUSED if stop in HOLDS[kind].stops]


PAUSED = ((Paused.AGEING, Stop.AGEING), (Paused.CHARGES, Stop.CHARGES))


def kinds_that_stop(stop: Stop) -> list[str]:
    """The kinds of holds that people open which stop this."""
    return [kind for kind in HoldKind.values if stop in HOLDS[kind].stops]


def stops_legal_steps(kind: str) -> bool:
    """Whether a case may not go to legal while a hold of this kind lasts."""
    return Stop.LEGAL in HOLDS[kind].stops
