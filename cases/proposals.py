"""What a proposal says, line by line, for the second person: label and value as the reader's language writes them."""

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.schedules import Every
from cases.models import Approval, ApprovalKind
from cases.words import amount, day

Lines = list[tuple[str, str]]


def proposal_lines(approval: Approval) -> Lines:
    return LINES[approval.kind](approval)


def _plan(approval: Approval) -> Lines:
    proposal = approval.proposal
    return [
        (_("Parts"), str(proposal["count"])),
        (_("First on"), day(proposal["first_due_on"])),
        (_("Then every"), every_words(Every(months=proposal["months"], days=proposal["days"]))),
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
    ApprovalKind.EXTENSION: _extension,
    ApprovalKind.WAIVER: _waiver,
    ApprovalKind.SETTLEMENT: _settlement,
}
