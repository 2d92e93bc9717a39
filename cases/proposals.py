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


def _legal(approval: Approval) -> Lines:
    proposal, currency = approval.proposal, approval.case.portfolio.currency
    return [
        (_("Days late"), str(proposal["days_past_due"])),
        (_("In arrears"), amount(proposal["arrears"], currency)),
    ]


def every_words(every: Every) -> str:
    """month · 14 days."""
    if every.months:
        return ngettext("month", "%(number)s months", every.months) % {"number": every.months}
    return ngettext("day", "%(number)s days", every.days) % {"number": every.days}


LINES: dict[str, Callable[[Approval], Lines]] = {ApprovalKind.PLAN: _plan, ApprovalKind.LEGAL: _legal}
