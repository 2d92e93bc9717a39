"""Roll rates: where the loans of each bucket stand at a later date, by number and by money. Pure.

A loan rolls forward (31-60 to 61-90), back, or out of the book (`PAID`). Whoever wants rates divides by what began in the
bucket; loans that were not there before begin nowhere and are left out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

PAID = "paid"
"""Nothing is owed any more."""


@dataclass(frozen=True)
class Matrix:
    """How many loans and how much money went from one bucket (first key) to another (second). Money is what was owed at the
    beginning, in minor units of one currency."""

    buckets: tuple[str, ...]
    loans: Mapping[tuple[str, str], int]
    money: Mapping[tuple[str, str], int]

    def began(self, bucket: str) -> int:
        """Loans that stood in the bucket at the beginning."""
        return sum(self.loans.get((bucket, later), 0) for later in self.buckets)

    def money_began(self, bucket: str) -> int:
        """What they owed then."""
        return sum(self.money.get((bucket, later), 0) for later in self.buckets)

    def rate(self, bucket: str, later: str) -> Fraction | None:
        """The share of a bucket's loans that stand in `later` at the end; None where none began there."""
        began = self.began(bucket)
        return Fraction(self.loans.get((bucket, later), 0), began) if began else None

    def money_rate(self, bucket: str, later: str) -> Fraction | None:
        """The same share of the money."""
        began = self.money_began(bucket)
        return Fraction(self.money.get((bucket, later), 0), began) if began else None


def matrix(moves: Iterable[tuple[str, str, int]], buckets: Sequence[str]) -> Matrix:
    """From (bucket before, bucket after, amount before) of every loan. ValueError for a bucket that is not among
    `buckets`."""
    loans: Counter[tuple[str, str]] = Counter()
    money: Counter[tuple[str, str]] = Counter()
    known = set(buckets)
    for before, after, amount in moves:
        if not {before, after} <= known:
            raise ValueError(f"{before!r} or {after!r} is no bucket of {list(buckets)!r}")
        loans[before, after] += 1
        money[before, after] += amount
    return Matrix(tuple(buckets), loans, money)
