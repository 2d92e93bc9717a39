"""Draws from nobody and keeps what it was asked: for tests, and for a demo, where every debit comes through."""

from collections.abc import Iterator
from contextlib import contextmanager

from accounts.pulls import Answer, LeftUnknown, Order, ProviderDown

PLENTY = 10**15


class Recording:
    """`answers` are given one after the other, exceptions raised; when none is left everything is drawn. `orders` are
    what was asked to be drawn, each key once; `balance` None is a provider that does not tell."""

    def __init__(
        self, *answers: Answer | Exception, balance: int | None = PLENTY, down: bool = False
    ) -> None:
        self.answers = list(answers)
        self.orders: list[Order] = []
        self.known_balance = balance
        self.down = down

    @contextmanager
    def line(self) -> Iterator["Recording"]:
        if self.down:
            raise ProviderDown("down")
        yield self

    def balance(self, instrument: str) -> int | None:
        return self.known_balance

    def pull(self, order: Order) -> Answer:
        if any(known.key == order.key for known in self.orders):
            raise LeftUnknown("asked_twice")
        self.orders.append(order)
        answer = self.answers.pop(0) if self.answers else Answer(drawn=True, reference=f"R-{order.key}")
        if isinstance(answer, Exception):
            raise answer
        return answer


PROVIDER = Recording()
