"""Cleaning a tape of loans. Every loan comes out whole or is refused whole, with every reason.

The tape is read twice: once to find what only the whole file shows (ids that occur twice, rows of one
borrower that contradict each other, how many rows a loan has), then to clean row by row. So nothing depends
on the order of rows, and of two rows with one id neither is believed.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from accounts.money import decimal_text
from accounts.schedules import Every, Instalment, equal_instalments, from_terms, next_working_day, total_of
from accounts.tapes import fields
from accounts.tapes.codes import Code, Refusal, TapeError
from accounts.tapes.convert import Bad, Setting, instant_reader
from accounts.tapes.mapping import Loans, TimesCheck
from accounts.tapes.mapping import Mapping as TapeMapping
from accounts.tapes.people import People
from accounts.tapes.read import Row, Tape
from accounts.tapes.records import (
    CleanBorrower,
    CleanCredit,
    CleanLoan,
    CreditKind,
    Refused,
    Remark,
    Tally,
)
from accounts.tapes.rows import Bound, Values
from accounts.tapes.scan import PER_PAYMENT, Scan, listed

FIELDS = (*fields.LOAN, *fields.LOAN_PAYMENT)


class LoanCleaner:
    """Cleans tapes of one mapping for one portfolio. `tally` counts what the last run came to, as it goes."""

    def __init__(
        self,
        mapping: TapeMapping,
        *,
        today: date,
        currency: str | None = None,
        zone: str | None = None,
        phone_region: str | None = None,
        as_of: date | None = None,
        customers: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """`currency`, `zone` and `phone_region` are the portfolio's, the mapping's own by default. `today` is
        the business date of the import, `as_of` what rows speak for that do not say themselves (`today` by
        default). `customers` comes from `read_customers`."""
        if mapping.loans is None:
            raise TapeError(Code.SECTION_MISSING, mapping=mapping.name, section="loans")
        self.mapping = mapping
        self.section: Loans = mapping.loans
        self.setting = Setting(
            currency or mapping.portfolio.currency,
            ZoneInfo(zone or mapping.portfolio.zone),
            phone_region or mapping.portfolio.phone_region,
            today,
        )
        self.as_of = as_of or today
        self.customers = customers or {}
        self.tally = Tally()
        self._prepared: tuple[Tape, Scan] | None = None
        self._checks = [
            (check, instant_reader(check.earlier), instant_reader(check.later))
            for check in self.section.checks
        ]

    @property
    def wanted(self) -> set[str]:
        """Headings the tape must have: `open_tape` wants them."""
        columns = {column.column for column in self.section.columns.values() if column.required == "always"}
        return columns | set(self._more())

    def _more(self) -> list[str]:
        stamps = [each.column for check in self.section.checks for each in (check.earlier, check.later)]
        return stamps + ([self.section.only_with] if self.section.only_with else [])

    def prepare(self, tape: Tape) -> int:
        """Reads the whole tape once; returns its number of rows. TapeError where it is no tape of this
        mapping, or broken anywhere: nothing has been yielded then."""
        if tape.kind not in self.mapping.reads:
            raise TapeError(Code.KIND_NOT_READ, kind=tape.kind)
        bound = Bound(self.section, FIELDS, tape, self.setting, self._more())
        scan = Scan(bound, self.section)
        scan.run(tape)
        self._prepared = (tape, scan)
        return scan.rows

    def run(self, tape: Tape) -> Iterator[CleanLoan | Refused]:
        """Every loan of the tape, and everything refused, in the order of their last rows."""
        if self._prepared is None or self._prepared[0] is not tape:
            self.prepare(tape)
        assert self._prepared is not None
        scan = self._prepared[1]
        names = scan.bound.names | {name for customer in self.customers.values() for name in customer}
        self._bound = scan.bound
        self._people = People(scan.bound, names)
        self.tally = Tally()
        for rows in self._loans(tape, scan):
            self.tally.rows += len(rows)
            result = self._clean(rows, scan)
            if isinstance(result, Refused):
                self.tally.refuse(result)
            else:
                self.tally.accepted += 1
                self.tally.remarks.update(remark.code for remark in result.remarks)
            yield result

    def _loans(self, tape: Tape, scan: Scan) -> Iterator[list[Row]]:
        """The rows of each loan, together."""
        if self.section.one_row_per == "loan":
            for row in tape.rows():
                yield [row]
            return
        waiting: dict[str, list[Row]] = {}
        for row in tape.rows():
            key = scan.id_of(row)
            if not key or not scan.is_loan(row):
                yield [row]
                continue
            rows = waiting.setdefault(key, [])
            rows.append(row)
            if len(rows) == scan.row_counts[key]:
                yield waiting.pop(key)

    def _clean(self, rows: list[Row], scan: Scan) -> CleanLoan | Refused:
        refusals: list[Refusal] = []
        remarks: list[Remark] = []
        loan: CleanLoan | None = None
        first = rows[0]
        if broken := [row for row in rows if row.problem]:
            refusals = [
                Refusal(row.number, None, row.problem[0], row.problem[1]) for row in broken if row.problem
            ]
        elif not scan.is_loan(first):
            refusals = [Refusal(first.number, None, Code.NOT_A_LOAN, {"column": self.section.only_with})]
        else:
            parts = [self._bound.read(row) for row in rows]
            values = parts[0]
            self._check_whole_file(values, scan)
            self._check_agreement(rows, values)
            for later in parts[1:]:
                values.refusals += [each for each in later.refusals if each.column in scan.payment_columns]
                values.failed |= later.failed & PER_PAYMENT
            of = values.of
            if customer := self.customers.get(of.get("borrower_id", "")):
                of = {**customer, **of}
            borrower = self._people.borrower(values, of, remarks)
            loan = self._loan(values, parts, borrower, scan, remarks)
            refusals = values.refusals
        if refusals or loan is None:
            return Refused(
                tuple(row.number for row in rows), tuple(refusals), tuple(row.cells for row in rows)
            )
        return loan

    def _check_whole_file(self, values: Values, scan: Scan) -> None:
        if scan.twins and (twins := scan.twins.get(scan.id_of(values.row))):
            values.refuse(scan.id_column, Code.DUPLICATE_ID, rows=listed(twins))
        if scan.contradictions and (columns := scan.contradictions.get(scan.borrower_of(values.row))):
            values.refuse(scan.borrower_column, Code.BORROWER_CONTRADICTS, columns=", ".join(columns))

    def _check_agreement(self, rows: list[Row], values: Values) -> None:
        """All rows of one loan say the same of it."""
        columns = [reader.column for reader in self._bound.readers if reader.name not in PER_PAYMENT]
        first = rows[0]
        for row in rows[1:]:
            differing = [name for name in columns if row.cells[name].strip() != first.cells[name].strip()]
            if differing:
                values.refusals.append(
                    Refusal(
                        row.number,
                        None,
                        Code.ROWS_DISAGREE,
                        {"row": first.number, "columns": ", ".join(differing)},
                    )
                )

    def _loan(
        self,
        values: Values,
        parts: list[Values],
        borrower: CleanBorrower | None,
        scan: Scan,
        remarks: list[Remark],
    ) -> CleanLoan | None:
        of = values.of
        disbursed_on = of.get("disbursed_on")
        as_of = of.get("as_of", self.as_of)
        for check, earlier, later in self._checks:
            self._check_times(values, check, earlier, later)
        per_payment = self.section.one_row_per == "payment"
        credits_ = self._payments(parts, values, scan, remarks) if per_payment else None
        final = any(part.of.get("payment_final") for part in parts)
        amounts = self._amounts(values, credits_, final)
        schedule = self._schedule(values, amounts)
        if not per_payment:
            credits_ = self._paid_to_date(values, sum(amounts.values()) if amounts else None, as_of)
        self._check_dates(values, schedule, credits_, disbursed_on, as_of)
        if amounts is not None and credits_ is not None:
            paid, total = sum(credit.amount for credit in credits_), sum(amounts.values())
            if "outstanding" in of and of["outstanding"] != total - paid and values.sound("outstanding"):
                values.refuse(
                    self._bound.column("outstanding"),
                    Code.OUTSTANDING_MISMATCH,
                    outstanding=self._text(of["outstanding"]),
                    left=self._text(total - paid),
                )
            if paid > total:
                remarks.append(Remark(values.row.number, Code.PAID_ABOVE_TOTAL))
        if values.refusals or borrower is None or amounts is None or schedule is None or credits_ is None:
            return None
        return CleanLoan(
            of["loan_id"],
            borrower,
            of.get("product", ""),
            of["currency"],
            amounts["principal"],
            amounts["interest"],
            amounts["fees"],
            disbursed_on,
            schedule,
            credits_,
            as_of,
            tuple(part.row.number for part in parts),
            tuple(remarks),
        )

    def _text(self, amount: int) -> str:
        return decimal_text(amount, self.setting.currency)

    def _check_times(self, values: Values, check: TimesCheck, earlier: Any, later: Any) -> None:
        cells = values.row.cells
        moments = []
        for column, read in ((check.earlier.column, earlier), (check.later.column, later)):
            try:
                moments.append(read(cells[column].strip()))
            except Bad as bad:
                # The same cell may fill a field, and has then been refused already.
                if not any(each.column == column for each in values.refusals):
                    values.refuse(column, bad.code, **bad.params)
        if len(moments) == 2 and not timedelta() <= moments[1] - moments[0] <= timedelta(hours=check.hours):
            values.refuse(
                check.later.column,
                Code.TIMES_APART,
                later=check.later.column,
                earlier=check.earlier.column,
                hours=check.hours,
            )

    # Amounts

    def _amounts(
        self, values: Values, payments: tuple[CleanCredit, ...] | None, final: bool
    ) -> dict[str, int] | None:
        """Principal, interest and fees; None when one of them is refused."""
        of = values.of
        if not values.sound(
            "principal", "interest", "fees", "total_due", "instalment_amount", "instalments", "status"
        ):
            return None
        principal, fees = of["principal"], of.get("fees", 0)
        if principal <= 0:
            values.refuse(self._bound.column("principal"), Code.NOT_POSITIVE)
            return None
        interest = of.get("interest")
        if "total_due" in of:
            if interest is None:
                interest = of["total_due"] - principal - fees
            if interest < 0 or principal + interest + fees != of["total_due"]:
                values.refuse(
                    self._bound.column("total_due"),
                    Code.TOTAL_MISMATCH,
                    total=self._text(of["total_due"]),
                    parts=self._text(principal + max(interest, 0) + fees),
                )
                return None
        if interest is None and "instalment_amount" in of and "instalments" in of:
            interest = max(0, of["instalment_amount"] * of["instalments"] - principal)
        if of.get("status") == "paid_in_full":
            interest = self._interest_of_paid(values, principal + fees)
            if interest is None:
                return None
        if self.section.interest_from_final_payment:
            interest = self._interest_paid(values, principal, payments, final)
            if interest is None:
                return None
        return {"principal": principal, "interest": interest or 0, "fees": fees}

    def _interest_of_paid(self, values: Values, rest: int) -> int | None:
        """Paid early or late, a loan paid in full has cost the interest that was paid, whatever its terms foresaw."""
        paid = values.of.get("paid_total", 0)
        if not values.sound("paid_total"):
            return None
        if paid < rest:
            column = self._bound.column("status")
            values.refuse(column, Code.FINAL_BUT_SHORT, paid=self._text(paid), principal=self._text(rest))
            return None
        return paid - rest

    def _interest_paid(
        self, values: Values, principal: int, payments: tuple[CleanCredit, ...] | None, final: bool
    ) -> int | None:
        if payments is None:
            return None
        if not final:
            return 0
        paid = sum(payment.amount for payment in payments)
        if paid < principal:
            values.refuse(
                self._bound.column("payment_final"),
                Code.FINAL_BUT_SHORT,
                paid=self._text(paid),
                principal=self._text(principal),
            )
            return None
        return paid - principal

    # Due dates

    def _schedule(self, values: Values, amounts: dict[str, int] | None) -> tuple[Instalment, ...] | None:
        of = values.of
        given = [name for name in ("schedule", "first_due_on", "due_on") if name in of]
        if not values.sound("schedule", "first_due_on", "due_on", "instalments", "every", "term_days"):
            return None
        if len(given) > 1:
            values.refuse(None, Code.TWO_SCHEDULES, columns=", ".join(map(self._bound.column, given)))
            return None
        terms = self.section.terms
        if given == ["schedule"]:
            return self._given_schedule(values, amounts)
        if terms is not None and given != ["due_on"]:
            return self._by_product(values, amounts)
        if not given and self.section.first_due_after:
            if not values.sound("disbursed_on"):
                return None
            if "disbursed_on" in of:
                of["first_due_on"] = Every.parse(self.section.first_due_after).after(of["disbursed_on"], 1)
                given = ["first_due_on"]
        if not given:
            names = ("due_on", "first_due_on", "schedule")
            values.refuse(None, Code.NO_DUE_DATE, columns=self._bound.columns(*names))
            return None
        count = of.get("instalments", 1 if given == ["due_on"] else None)
        every = of.get("every")
        if count is None or (count > 1 and every is None) or (count > 1 and given == ["due_on"]):
            names = ("first_due_on", "instalments", "every")
            values.refuse(None, Code.TERMS_INCOMPLETE, columns=", ".join(map(self._bound.column, names)))
            return None
        return self._equal(values, amounts, of[given[0]], count, every or Every(days=1))

    def _given_schedule(
        self, values: Values, amounts: dict[str, int] | None
    ) -> tuple[Instalment, ...] | None:
        schedule: tuple[Instalment, ...] = values.of["schedule"]
        if amounts is None:
            return schedule
        if total_of(schedule) != sum(amounts.values()):
            values.refuse(
                self._bound.column("schedule"),
                Code.SCHEDULE_SUM,
                schedule=self._text(total_of(schedule)),
                total=self._text(sum(amounts.values())),
            )
            return None
        return schedule

    def _by_product(self, values: Values, amounts: dict[str, int] | None) -> tuple[Instalment, ...] | None:
        """The lender's rule for this term; the first due date is the file's wherever the file has one."""
        terms, of = self.section.terms, values.of
        assert terms is not None
        if "term_days" not in of:
            values.refuse(self._bound.column("term_days"), Code.MISSING)
            return None
        term = terms.by_days.get(of["term_days"])
        if term is None:
            known = ", ".join(map(str, sorted(terms.by_days)))
            values.refuse(
                self._bound.column("term_days"), Code.UNKNOWN_TERM, value=of["term_days"], allowed=known
            )
            return None
        first_due = of.get("first_due_on")
        if first_due is None:
            if "first_due_on" in self._bound.names or "disbursed_on" not in of:
                if values.sound("disbursed_on"):
                    values.refuse(
                        None, Code.NO_DUE_DATE, columns=self._bound.columns("first_due_on", "disbursed_on")
                    )
                return None
            first_due = of["disbursed_on"] + timedelta(days=term.first_due_after)
            first_due = next_working_day(first_due) if terms.off_weekends else first_due
        every = Every.parse(term.every) if term.every else Every(days=1)
        return self._equal(values, amounts, first_due, term.instalments, every, terms.off_weekends)

    def _equal(
        self,
        values: Values,
        amounts: dict[str, int] | None,
        first_due: date,
        count: int,
        every: Every,
        off_weekends: bool = False,
    ) -> tuple[Instalment, ...] | None:
        total = sum(amounts.values()) if amounts else count
        if total < count:
            values.refuse(
                self._bound.column("instalments"),
                Code.TOO_SMALL_TO_SPLIT,
                total=self._text(total),
                count=count,
            )
            return None
        if count == 1:
            return (Instalment(first_due, total),)
        if off_weekends:
            first, *rest = from_terms(total, first_due=first_due, count=count, every=every, off_weekends=True)
            # The lender's own first date stands, whatever day of the week it is.
            return (Instalment(first_due, first.amount), *rest)
        return equal_instalments(total, count, first_due, every)

    # Payments

    def _payments(
        self, parts: list[Values], values: Values, scan: Scan, remarks: list[Remark]
    ) -> tuple[CleanCredit, ...] | None:
        """One per row; a payment that stands twice, word for word, counts once."""
        seen: dict[str, Values] = {}
        sound = True
        for part in parts:
            of = part.of
            if not part.sound(*PER_PAYMENT):
                sound = False
                continue
            reference = of["payment_reference"]
            if of["payment_amount"] <= 0:
                sound = False
                values.refusals.append(
                    Refusal(part.row.number, self._bound.column("payment_amount"), Code.NOT_POSITIVE, {})
                )
            if other := scan.shared_payments.get(reference):
                row = next(number for number in other if number not in {each.row.number for each in parts})
                values.refusals.append(
                    Refusal(part.row.number, scan.reference_column, Code.PAYMENT_OF_TWO_LOANS, {"row": row})
                )
            twin = seen.setdefault(reference, part)
            if twin is not part:
                if all(of.get(name) == twin.of.get(name) for name in PER_PAYMENT):
                    remarks.append(Remark(part.row.number, Code.REPEATED_PAYMENT))
                else:
                    values.refusals.append(
                        Refusal(
                            part.row.number,
                            scan.reference_column,
                            Code.PAYMENT_CONTRADICTS,
                            {"row": twin.row.number},
                        )
                    )
        if not sound:
            return None
        return tuple(
            sorted(
                (
                    CleanCredit(reference, part.of["payment_on"], part.of["payment_amount"])
                    for reference, part in seen.items()
                ),
                key=lambda credit: (credit.value_date, credit.reference),
            )
        )

    def _paid_to_date(self, values: Values, total: int | None, as_of: date) -> tuple[CleanCredit, ...] | None:
        of = values.of
        if not values.sound("paid_total", "last_paid_on", "paid_in_full_on"):
            return None
        paid, paid_on, full_on = of.get("paid_total", 0), of.get("last_paid_on"), of.get("paid_in_full_on")
        if full_on is not None:
            if paid:
                values.refuse(
                    None, Code.PAID_TWO_WAYS, columns=self._bound.columns("paid_total", "paid_in_full_on")
                )
            paid, paid_on = total, full_on
        elif paid and paid_on is None:
            values.refuse(self._bound.column("last_paid_on"), Code.PAID_WITHOUT_DATE)
        elif paid_on is not None and not paid:
            values.refuse(self._bound.column("paid_total"), Code.DATE_WITHOUT_PAID)
        if paid is None or paid_on is None:
            return None if paid is None else ()
        reference = f"tape:{of.get('loan_id', '')}:{paid_on.isoformat()}"
        return (CleanCredit(reference, paid_on, paid, CreditKind.TO_DATE),) if paid else ()

    # Dates

    def _check_dates(
        self,
        values: Values,
        schedule: tuple[Instalment, ...] | None,
        credits_: tuple[CleanCredit, ...] | None,
        disbursed_on: date | None,
        as_of: date,
    ) -> None:
        if schedule and disbursed_on and schedule[0].due_on < disbursed_on:
            values.refuse(
                self._first_column(values, "first_due_on", "due_on", "schedule"),
                Code.DUE_BEFORE_DISBURSED,
                due_on=schedule[0].due_on.isoformat(),
                disbursed_on=disbursed_on.isoformat(),
            )
        if not credits_:
            return
        first, last = credits_[0].value_date, credits_[-1].value_date
        if disbursed_on and first < disbursed_on:
            values.refuse(
                self._first_column(values, "payment_on", "paid_in_full_on", "last_paid_on"),
                Code.PAID_BEFORE_DISBURSED,
                paid_on=first.isoformat(),
                disbursed_on=disbursed_on.isoformat(),
            )
        if last > as_of:
            values.refuse(
                self._first_column(values, "payment_on", "paid_in_full_on", "last_paid_on"),
                Code.PAID_AFTER_AS_OF,
                paid_on=last.isoformat(),
                as_of=as_of.isoformat(),
            )

    def _first_column(self, values: Values, *names: str) -> str | None:
        return next((self._bound.column(name) for name in names if name in values.of), None)
