"""What only the whole file shows: which ids occur twice, which rows of a borrower contradict each other, how
many rows a loan has, which payments stand at two loans."""

from collections.abc import Iterable

from accounts.tapes import fields
from accounts.tapes.mapping import Loans
from accounts.tapes.read import Row, Tape
from accounts.tapes.rows import Bound

PER_PAYMENT = frozenset(field.name for field in fields.LOAN_PAYMENT)
PERSON = tuple(field.name for field in fields.PERSON)


class Scan:
    """The first reading of a tape of loans. Empty until `run`."""

    def __init__(self, bound: Bound, section: Loans) -> None:
        self.bound = bound
        self.section = section
        self.grouped = section.one_row_per == "payment"
        self.id_column = bound.column("loan_id")
        self.borrower_column = bound.column("borrower_id")
        self.reference_column = bound.column("payment_reference")
        self.payment_columns = {bound.column(name) for name in PER_PAYMENT}
        self.person_columns = [
            bound.column(name) for name in PERSON if name in bound.names and name not in bound.constants
        ]
        self.rows = 0
        self.row_counts: dict[str, int] = {}
        self.twins: dict[str, list[int]] = {}
        self.contradictions: dict[str, list[str]] = {}
        self.shared_payments: dict[str, list[int]] = {}

    def id_of(self, row: Row) -> str:
        return self.bound.text(row.cells, self.id_column)

    def borrower_of(self, row: Row) -> str:
        return self.bound.text(row.cells, self.borrower_column)

    def is_loan(self, row: Row) -> bool:
        column = self.section.only_with
        return column is None or bool(self.bound.text(row.cells, column))

    def run(self, tape: Tape) -> None:
        """Hashes first, for a million ids take little room so; then, only for hashes that occurred twice, the
        texts themselves: two texts may share a hash, and no row is refused by chance."""
        ids: set[int] = set()
        id_suspects: set[int] = set()
        people: dict[int, int] = {}
        people_suspects: set[int] = set()
        owners: dict[str, str] = {}
        owner_suspects: set[str] = set()
        for row in tape.rows():
            self.rows += 1
            key = self.id_of(row)
            if not key or not self.is_loan(row):
                continue
            if self.grouped:
                self.row_counts[key] = self.row_counts.get(key, 0) + 1
                reference = self.bound.text(row.cells, self.reference_column)
                if reference and owners.setdefault(reference, key) != key:
                    owner_suspects.add(reference)
            else:
                mark = hash(key)
                (id_suspects if mark in ids else ids).add(mark)
            if self.person_columns:
                mark, said = hash(self.borrower_of(row)), hash(self._person(row))
                if people.setdefault(mark, said) != said:
                    people_suspects.add(mark)
        if id_suspects or people_suspects or owner_suspects:
            self._look_closely(tape, id_suspects, people_suspects, owner_suspects)

    def _person(self, row: Row) -> tuple[str, ...]:
        return tuple(self.bound.text(row.cells, column) for column in self.person_columns)

    def _look_closely(
        self, tape: Tape, id_suspects: set[int], people_suspects: set[int], owner_suspects: set[str]
    ) -> None:
        rows_of: dict[str, list[int]] = {}
        said: dict[str, tuple[str, ...]] = {}
        for row in tape.rows():
            key = self.id_of(row)
            if not key or not self.is_loan(row):
                continue
            if hash(key) in id_suspects:
                rows_of.setdefault(key, []).append(row.number)
            borrower = self.borrower_of(row)
            if self.person_columns and hash(borrower) in people_suspects:
                person = self._person(row)
                first = said.setdefault(borrower, person)
                differing = self.contradictions.setdefault(borrower, [])
                differing += [
                    column
                    for column, one, other in zip(self.person_columns, first, person, strict=True)
                    if one != other and column not in differing
                ]
            if owner_suspects:
                reference = self.bound.text(row.cells, self.reference_column)
                if reference in owner_suspects:
                    self.shared_payments.setdefault(reference, []).append(row.number)
        self.twins = {key: numbers for key, numbers in rows_of.items() if len(numbers) > 1}
        self.contradictions = {key: columns for key, columns in self.contradictions.items() if columns}


def listed(numbers: Iterable[int]) -> str:
    """Row numbers for a sentence: the first ten."""
    listed = list(numbers)
    return ", ".join(map(str, listed[:10])) + (", …" if len(listed) > 10 else "")
