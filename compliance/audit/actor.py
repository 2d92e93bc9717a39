"""Who did it. Every event names one; an anonymous event is refused."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Actor:
    """A member of staff, a part of the system, a borrower or a provider, under a pseudonym.

    `ref` is a random id (staff, borrower) or the fixed name of a system part ("run_day"); never a name or an address.
    """

    kind: str
    ref: str
    user: Any = field(default=None, compare=False, repr=False)

    KINDS = ("staff", "system", "borrower", "provider")

    def __post_init__(self) -> None:
        if self.kind not in self.KINDS or not self.ref:
            raise ValueError("An actor needs a kind and a reference.")

    @classmethod
    def staff(cls, user: Any) -> "Actor":
        return cls("staff", str(user.ref), user)

    @classmethod
    def system(cls, part: str) -> "Actor":
        return cls("system", part)

    def may(self, permission: str) -> bool:
        """Whether this actor holds a Django permission; parts of the system act on rules, not on permissions."""
        if self.kind == "system":
            return True
        return self.user is not None and self.user.has_perm(permission)
