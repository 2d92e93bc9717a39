"""Compare a provider's settlement file with a portfolio's books."""

from accounts.models import ImportKind
from cases.management.import_command import ImportCommand


class Command(ImportCommand):
    help = (
        "Compare a provider's settlement file with the books; nothing of it is booked. The last line is one JSON object: "
        "rows, created (differences), unchanged (the same), rejected, changes (by result), seconds."
    )
    kind = ImportKind.PROVIDER
    creates_portfolio = False
