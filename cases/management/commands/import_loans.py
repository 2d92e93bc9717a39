"""Bring a lender's tape of loans into a portfolio."""

from accounts.models import ImportKind
from cases.management.import_command import ImportCommand


class Command(ImportCommand):
    help = "Import a tape of loans. The last line is one JSON object: rows, created, updated, unchanged, rejected, seconds."
    kind = ImportKind.LOANS
    creates_portfolio = True
