"""Bring a file of payments into a portfolio."""

from accounts.models import ImportKind
from cases.management.import_command import ImportCommand


class Command(ImportCommand):
    help = "Import payments. The last line is one JSON object: rows, created, updated, unchanged, rejected, seconds."
    kind = ImportKind.PAYMENTS
    creates_portfolio = False
