"""The lender's files in the demo: tapes and payments in the `standard` mapping, made in memory, imported as any other."""

import csv
import hashlib
import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from django.db import transaction
from uuid_utils.compat import uuid7

from accounts.actions import tapes
from accounts.models import ImportKind, ImportRun, ImportState, Portfolio
from accounts.money import decimal_text
from accounts.tapes.mapping import load_mapping
from accounts.tapes.read import open_tape
from cases.actions.payments import after_payments
from cases.demo.book import DemoLoan, Product
from cases.demo.people import FIRST_US, GIVEN_ZH, LAST_US, SURNAMES_ZH, Person
from compliance.audit import Actor

MAPPING = "standard"

# How a person can be reached → share.
REACH = {"both": 0.6, "phone": 0.32, "email": 0.08}
# Who else stands on the application → share.
RELATED = {"": 0.91, "emergency_contact": 0.05, "guarantor": 0.02, "co_borrower": 0.01, "household": 0.01}
ASKS_FOR_EMAIL = 0.15

LOAN_COLUMNS = (
    "loan_id", "product", "currency", "principal", "interest", "disbursed_on", "schedule", "paid_total",
    "last_paid_on", "as_of", "borrower_id", "name", "birth_year", "language", "country", "state",
    "preferred_channel", "phone", "phone_source", "phone_ground", "phone_verified_on", "email", "email_source",
    "email_ground", "email_verified_on", "related_1_relation", "related_1_name", "related_1_phone",
    "related_1_given_by", "related_1_given_on", "related_1_ground",
)  # fmt: skip
PAYMENT_COLUMNS = (
    "reference", "kind", "reverses", "amount", "currency", "value_date", "paid_at", "loan_id", "borrower_id",
    "payer_phone",
)  # fmt: skip


@dataclass(frozen=True)
class PaymentRow:
    """One line of a payment file, minor units. What the payer did not say is empty."""

    reference: str
    amount: int
    value_date: date
    paid_at: datetime
    loan_id: str = ""
    borrower_id: str = ""
    payer_phone: str = ""
    reverses: str = ""


def import_loans(
    *, product: Product, portfolio: Portfolio, loans: Sequence[DemoLoan], as_of: date, at: datetime
) -> tapes.Done:
    """A tape of these loans as they stood at the end of `as_of`. Its last row is wrong on purpose."""
    rows = [_loan_row(product, loan, as_of) for loan in loans]
    # Every real tape has one: the principal is missing.
    rows.append(rows[-1] | {"loan_id": f"{loans[-1].external_id}X", "principal": ""})
    return _import(ImportKind.LOANS, portfolio, LOAN_COLUMNS, rows, at)


def import_payments(
    *, product: Product, portfolio: Portfolio, payments: Iterable[PaymentRow], at: datetime
) -> tapes.Done:
    """A payment file, and what its payments change."""
    rows = [_payment_row(product, payment) for payment in payments]
    return _import(ImportKind.PAYMENTS, portfolio, PAYMENT_COLUMNS, rows, at)


def compare_file(
    *, product: Product, portfolio: Portfolio, rows: Iterable[PaymentRow], at: datetime
) -> tapes.Done:
    """A provider's settlement file, compared with the books."""
    told = [_payment_row(product, row) for row in rows]
    return _import(ImportKind.PROVIDER, portfolio, PAYMENT_COLUMNS, told, at)


@transaction.atomic
def _import(
    kind: ImportKind, portfolio: Portfolio, columns: Sequence[str], rows: list[dict[str, str]], at: datetime
) -> tapes.Done:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode()
    cleaning = tapes.cleaner(kind, load_mapping(MAPPING), portfolio, at)
    run = ImportRun.objects.create(
        id=uuid7(),
        kind=kind,
        portfolio=portfolio,
        mapping=MAPPING,
        file_format=".csv",
        file_digest=hashlib.sha256(content).hexdigest(),
        state=ImportState.RUNNING,
        created_at=at,
    )
    tape = open_tape(content, "tape.csv", wanted=cleaning.wanted)
    done = tapes.perform(run=run, tape=tape, cleaning=cleaning, by=Actor.system(f"import_{kind}"), at=at)
    if done.outcome.touched:
        after_payments(loan_ids=done.outcome.touched, at=at)
    return done


def _loan_row(product: Product, loan: DemoLoan, as_of: date) -> dict[str, str]:
    def text(amount: int) -> str:
        return decimal_text(amount, product.currency)

    paid = [(on, amount) for on, amount in loan.payments if on <= as_of]
    return {
        "loan_id": loan.external_id,
        "product": product.product,
        "currency": product.currency,
        "principal": text(loan.principal),
        "interest": text(loan.interest),
        "disbursed_on": loan.disbursed_on.isoformat(),
        "schedule": "; ".join(f"{due_on}:{text(amount)}" for due_on, amount in loan.instalments),
        "paid_total": text(sum(amount for _on, amount in paid)),
        "last_paid_on": max(on for on, _amount in paid).isoformat() if paid else "",
        "as_of": as_of.isoformat(),
        **person_columns(loan.person),
    }


@cache
def person_columns(person: Person) -> dict[str, str]:
    """What the lender knows of a person: the same in every tape and for every loan."""
    rng = random.Random(f"person:{person.external_id}:{person.name}")
    reach = rng.choices(list(REACH), weights=list(REACH.values()))[0]
    # When they opened their wallet, some time before any loan of the book.
    joined = date(2025, 1, 1) + timedelta(days=rng.randint(0, 365))
    columns = {
        "borrower_id": person.external_id,
        "name": person.name,
        "birth_year": str(person.birth_year),
        "language": person.language,
        "country": person.country,
        "state": person.state,
    }
    if reach != "email":
        columns |= {
            "phone": person.phone,
            "phone_source": "wallet",
            "phone_ground": "contract",
            "phone_verified_on": joined.isoformat(),
        }
    if reach != "phone":
        columns |= {
            "email": person.email,
            "email_source": "application",
            "email_ground": "contract",
            "email_verified_on": joined.isoformat() if rng.random() < 0.6 else "",
            "preferred_channel": "email" if rng.random() < ASKS_FOR_EMAIL else "",
        }
    return columns | _related(person, rng, joined)


def _related(person: Person, rng: random.Random, given_on: date) -> dict[str, str]:
    relation = rng.choices(list(RELATED), weights=list(RELATED.values()))[0]
    if not relation:
        return {}
    if person.country == "CN":
        name = rng.choice(SURNAMES_ZH) + rng.choice(GIVEN_ZH)
        # 199 0001 xxxx, beside the block of the borrowers.
        phone = f"+861990001{int(person.external_id[2:]) % 10000:04d}"
    else:
        name = f"{rng.choice(FIRST_US)} {rng.choice(LAST_US)}"
        # The borrower's own area; 555-0100 to 555-0199 are fiction in every one of them.
        phone = f"{person.phone[:-2]}{(int(person.phone[-2:]) + 50) % 100:02d}"
    return {
        "related_1_relation": relation,
        "related_1_name": name,
        "related_1_phone": phone,
        "related_1_given_by": "borrower",
        "related_1_given_on": given_on.isoformat(),
        "related_1_ground": "consent" if relation == "emergency_contact" else "contract",
    }


def _payment_row(product: Product, payment: PaymentRow) -> dict[str, str]:
    return {
        "reference": payment.reference,
        "kind": "reversal" if payment.reverses else "payment",
        "reverses": payment.reverses,
        "amount": decimal_text(payment.amount, product.currency),
        "currency": product.currency,
        "value_date": payment.value_date.isoformat(),
        "paid_at": payment.paid_at.strftime("%Y-%m-%d %H:%M:%S"),
        "loan_id": payment.loan_id,
        "borrower_id": payment.borrower_id,
        "payer_phone": payment.payer_phone,
    }
