"""What a proposal says, line by line, for the second person: label and value as the reader's language writes them."""

from collections.abc import Callable, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.schedules import Every
from cases.actions.agreements import promised_parts
from cases.models import Approval, ApprovalKind
from cases.shapes import Shape
from cases.words import amount, day

Lines = list[tuple[str, str]]


def proposal_lines(approval: Approval) -> Lines:
    return LINES[approval.kind](approval)


def _plan(approval: Approval) -> Lines:
    shape, currency = Shape.of_json(approval.proposal), approval.case.portfolio.currency
    lines = [(_("Parts"), str(shape.count)), (_("First on"), day(shape.first_due_on))]
    if shape.paydays:
        lines.append((_("On"), paydays_words(shape.paydays)))
    else:
        lines.append((_("Then every"), every_words(shape.every)))
    if shape.rise:
        lines.append((_("Growing by"), f"{shape.rise} %"))
    if shape.down:
        lines.append((_("Paid down first"), amount(shape.down, currency)))
    if shape.waives_interest:
        lines.append((_("Interest given up"), amount(shape.waives_interest, currency)))
    return lines


def _promise(approval: Approval) -> Lines:
    currency = approval.case.portfolio.currency
    return [(day(due_on), amount(much, currency)) for due_on, much in promised_parts(approval)]


def paydays_words(days: Sequence[int]) -> str:
    """the 15th and the last day, in the reader's language."""
    return ", ".join(
        _("last day of the month") if number == 31 else _("day %(number)s") % {"number": number}
        for number in days
    )


def _legal(approval: Approval) -> Lines:
    proposal, currency = approval.proposal, approval.case.portfolio.currency
    return [
        (_("Days late"), str(proposal["days_past_due"])),
        (_("In arrears"), amount(proposal["arrears"], currency)),
    ]


def _extension(approval: Approval) -> Lines:
    return [(_("Days later"), str(approval.proposal["days"])), _said(approval)]


def _waiver(approval: Approval) -> Lines:
    labels = {"fees": _("Fees"), "interest": _("Interest"), "principal": _("Principal")}
    currency = approval.case.portfolio.currency
    parts = [(label, approval.proposal[part]) for part, label in labels.items()]
    return [*((label, amount(much, currency)) for label, much in parts if much), _said(approval)]


def _settlement(approval: Approval) -> Lines:
    proposal = approval.proposal
    return [
        (_("Amount that settles it"), amount(proposal["amount"], approval.case.portfolio.currency)),
        (_("Paid by"), day(proposal["pay_by"])),
        _said(approval),
    ]


def _said(approval: Approval) -> tuple[str, str]:
    return _("The borrower"), _("has agreed") if approval.proposal["agreed"] else _("is asked afterwards")


def every_words(every: Every) -> str:
    """month · 14 days."""
    if every.months:
        return ngettext("month", "%(number)s months", every.months) % {"number": every.months}
    return ngettext("day", "%(number)s days", every.days) % {"number": every.days}


LINES: dict[str, Callable[[Approval], Lines]] = {
    ApprovalKind.PLAN: _plan,
    ApprovalKind.LEGAL: _legal,
    ApprovalKind.PROMISE: _promise,
    ApprovalKind.EXTENSION: _extension,
    ApprovalKind.WAIVER: _waiver,
    ApprovalKind.SETTLEMENT: _settlement,
}
