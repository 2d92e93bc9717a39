"""A slice of the borrowers: work on very many is cut by their ids, so that parts never touch the same person."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

FIRST = UUID(int=0)
LAST = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Slice:
    """The borrowers whose id comes after `after`, up to and including `upto`; all of them when neither is given."""

    after: UUID = FIRST
    upto: UUID = LAST

    @property
    def values(self) -> dict[str, Any]:
        """What `within` asks for by name."""
        return {"slice_after": self.after, "slice_upto": self.upto}


def within(column: str) -> str:
    """The condition that a borrower's id lies in a slice; `column` is SQL, never anybody's text."""
    return f"({column} > %(slice_after)s AND {column} <= %(slice_upto)s)"


EVERYBODY = Slice()
