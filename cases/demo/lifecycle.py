"""The whole life of a case in the demo: agreements of every kind, charges, holds with papers, debits, law, agencies and the
credit record. Each happens on its day before the end, to a case of its own, whatever the seed."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import partial
from typing import NamedTuple

from cases.demo.debts import DAY
from cases.demo.life.agencies import Agencies
from cases.demo.life.agreements import Agreements
from cases.demo.life.debits import Debits
from cases.demo.life.law import Law
from cases.demo.life.money import Money
from cases.demo.life.offers import Offers
from cases.demo.life.papers import Papers
from cases.demo.life.records import Records
from cases.demo.staff import Crew


class Due(NamedTuple):
    """Something that happens on the day so many days before the last one."""

    days_before: int
    happens: Callable[[Crew, datetime], None]


class Lifecycle(Money, Agreements, Offers, Debits, Law, Agencies, Papers, Records):
    """All of it, each on its day before the last."""

    def on(self, day: date, first: date, last: date) -> Iterator[Callable[[datetime], None]]:
        """What happens on a day; what would have been before the first happens on it."""
        for due in self._plan():
            if max(first, last - due.days_before * DAY) == day:
                yield partial(due.happens, self.crew)

    def _plan(self) -> list[Due]:
        return [
            Due(41, self.report_to_a_bureau),
            Due(34, self.prepare_for_law),
            Due(33, self.take_to_law),
            Due(30, self.tell_of_reporting),
            Due(27, self.prepare_for_law),
            Due(26, self.take_to_law),
            Due(19, self.prepare_for_law),
            Due(18, self.take_to_law),
            Due(9, self.change_terms),
            Due(9, self.promise_in_parts),
            Due(9, self.agree_equal_plan),
            Due(9, self.agree_plan_that_breaks),
            Due(9, self.give_mandates),
            Due(21, self.place_with_both),
            Due(9, self.place_more),
            Due(8, self.offer_that_lapses),
            Due(8, self.agree_settlement),
            Due(7, self.agree_stepped_plan),
            Due(7, self.agree_plan_with_waiver),
            Due(7, self.pay_what_bounces),
            Due(6, self.extend),
            Due(6, self.waive),
            Due(6, self.write_off),
            Due(6, self.bar),
            Due(5, self.ask_and_answer),
            Due(5, self.take_in_documents),
            Due(4, self.take_back_a_case),
            Due(4, self.renegotiate),
            Due(3, self.pay_too_much),
            Due(3, self.pay_back),
            Due(3, self.hold_with_papers),
            Due(2, self.furnish),
            Due(2, self.revoke_a_mandate),
            Due(2, self.evaluate),
            Due(1, self.dispute_records),
            Due(1, self.make_papers),
            Due(1, self.compare_with_the_provider),
            Due(0, self.offer_settlement),
            Due(0, self.ask_for_approvals),
            Due(0, self.ask_legal),
        ]
