"""The reconciliation: what was imported of the time before, compared with what the lender sent, and signed by a person.

Until it is signed the portfolio stays closed for contact; the database holds this as well.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.actions.portfolios import require
from accounts.models import (
    HISTORIES,
    ImportRun,
    ImportState,
    LegalEntity,
    Portfolio,
    Reconciliation,
)
from compliance.audit import Actor, Stream, record
from compliance.audit.canonical import canonical

NOTE_LENGTH = 300


class ReconciliationRefused(Exception):
    """Nothing was signed. `code` for machines; the text is a sentence for the person who wanted to sign."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class KindFigures:
    """All files of one kind. `rows` of the files, of which `refused` were not taken and `repeated` were there before;
    `stored` is counted in the database. `newest` is the day of the newest, `amount` the sum in minor units of the
    portfolio's currency, where the kind has one."""

    kind: str
    files: int
    rows: int
    stored: int
    refused: int
    repeated: int
    newest: date | None
    amount: int | None


@dataclass(frozen=True)
class Figures:
    """What the signer sees. `outstanding` is the sum of the ledger, minor units. `waiting`: files not read to the end."""

    loans: int
    borrowers: int
    outstanding: int
    kinds: tuple[KindFigures, ...]
    runs: tuple[UUID, ...]
    waiting: int

    @property
    def empty(self) -> list[str]:
        """The kinds of which there is no file: of each the signer must say that there was nothing."""
        return [each.kind for each in self.kinds if not each.files]

    @property
    def refused(self) -> int:
        return sum(each.refused for each in self.kinds)

    def as_data(self) -> dict[str, Any]:
        kinds = [
            {**asdict(each), "newest": each.newest.isoformat() if each.newest else None}
            for each in self.kinds
        ]
        return {
            "loans": self.loans,
            "borrowers": self.borrowers,
            "outstanding": self.outstanding,
            "kinds": kinds,
            "runs": [str(run) for run in self.runs],
        }

    @property
    def digest(self) -> str:
        """Changes as soon as anything shown changes."""
        return sha256(canonical(self.as_data())).hexdigest()


BOOKS = """
SELECT (SELECT count(*) FROM accounts_loan WHERE portfolio_id = %(portfolio)s),
    (SELECT count(DISTINCT borrower_id) FROM accounts_loan WHERE portfolio_id = %(portfolio)s),
    (SELECT COALESCE(sum(e.amount), 0)::bigint FROM accounts_ledgerentry e JOIN accounts_loan l ON l.id = e.loan_id
     WHERE l.portfolio_id = %(portfolio)s)
"""
STORED = """
SELECT kind, count(*), max(happened_on), sum(amount)::bigint FROM accounts_importedrecord
WHERE portfolio_id = %(portfolio)s GROUP BY kind
"""


def figures_of(portfolio: Portfolio) -> Figures:
    """The figures of a portfolio as the database has them now."""
    with connection.cursor() as cursor:
        cursor.execute(BOOKS, {"portfolio": portfolio.pk})
        loans, borrowers, outstanding = cursor.fetchone()
        cursor.execute(STORED, {"portfolio": portfolio.pk})
        stored = {kind: rest for kind, *rest in cursor.fetchall()}
    histories = ImportRun.objects.filter(portfolio=portfolio, kind__in=HISTORIES)
    runs = list(histories.filter(state=ImportState.DONE).order_by("pk").values_list("pk", "kind", "summary"))
    kinds = []
    for kind in HISTORIES:
        summaries = [summary for _run, of_kind, summary in runs if of_kind == kind]
        count, newest, amount = stored.get(kind, (0, None, None))
        kinds.append(
            KindFigures(
                kind=kind.value,
                files=len(summaries),
                rows=_sum(summaries, "rows"),
                stored=count,
                refused=_sum(summaries, "rejected"),
                repeated=_sum(summaries, "unchanged"),
                newest=newest,
                amount=amount,
            )
        )
    waiting = histories.filter(state__in=[ImportState.QUEUED, ImportState.RUNNING]).count()
    return Figures(loans, borrowers, outstanding, tuple(kinds), tuple(run for run, *_rest in runs), waiting)


def _sum(summaries: Collection[dict[str, Any]], name: str) -> int:
    return sum(summary.get(name, 0) for summary in summaries)


@transaction.atomic
def sign_reconciliation(
    *,
    portfolio: Portfolio,
    shown: str,
    nothing: Collection[str],
    by: Actor,
    at: datetime,
    note: str = "",
) -> Reconciliation:
    """Sign that the figures with the digest `shown` agree with what the lender sent, and that of the kinds in `nothing`
    there was nothing to import.

    Needs `accounts.sign_reconciliation` (`PermissionDenied`). Raises `ReconciliationRefused`: `waiting` while a file is
    being read, `changed` where the figures are others than shown, `kind_open` where a kind without a file is not in
    `nothing`, `kind_read` where one with a file is, `note_missing` where rows were refused and no note says what became of
    them.
    """
    require(by, "accounts.sign_reconciliation")
    # Files of this lender wait until we are done (`accounts.actions.tapes.perform`).
    LegalEntity.objects.select_for_update(no_key=True).get(pk=portfolio.entity_id)
    figures = figures_of(portfolio)
    _check(figures, shown, set(nothing), note.strip())
    row = Reconciliation.objects.create(
        portfolio=portfolio,
        runs=list(figures.runs),
        nothing=sorted(nothing),
        figures=figures.as_data(),
        note=note.strip(),
        signed_by=by.ref,
        signed_at=at,
    )
    record(
        "portfolio.reconciled",
        stream=Stream.system(),
        by=by,
        at=at,
        portfolio=portfolio.ref,
        reconciliation=row.pk,
        nothing=row.nothing,
        loans=figures.loans,
        files=len(figures.runs),
        stored=sum(each.stored for each in figures.kinds),
        refused=figures.refused,
        digest=figures.digest,
    )
    return row


def _check(figures: Figures, shown: str, nothing: set[str], note: str) -> None:
    if figures.waiting:
        raise ReconciliationRefused(
            "waiting", _("A file is still being read. Please come back when it is done.")
        )
    if shown != figures.digest:
        raise ReconciliationRefused(
            "changed", _("The figures have changed meanwhile. Please look at them again before you sign.")
        )
    if set(figures.empty) - nothing:
        raise ReconciliationRefused(
            "kind_open", _("Please say of every kind without a file that there was nothing to import.")
        )
    if nothing - set(figures.empty):
        raise ReconciliationRefused(
            "kind_read", _("There was a file of a kind that should have had nothing.")
        )
    if figures.refused and not note:
        raise ReconciliationRefused("note_missing", _("Rows were refused. Please write what became of them."))
    if len(note) > NOTE_LENGTH:
        raise ReconciliationRefused("note_too_long", _("The note is too long."))


def is_reconciled(portfolio: Portfolio) -> bool:
    """Whether a signed reconciliation covers every history file read so far, as the database asks."""
    read = set(
        ImportRun.objects.filter(portfolio=portfolio, kind__in=HISTORIES, state=ImportState.DONE).values_list(
            "pk", flat=True
        )
    )
    signed = Reconciliation.objects.filter(portfolio=portfolio).values_list("runs", flat=True)
    return any(read <= set(runs) for runs in signed)
