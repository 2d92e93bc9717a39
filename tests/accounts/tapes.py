"""What the tests of tapes share: rows that are right, and how to clean them."""

import csv
import io
import re
import zipfile
from datetime import date

import openpyxl

from accounts.tapes.codes import SENTENCES
from accounts.tapes.loans import LoanCleaner
from accounts.tapes.mapping import load_mapping, read_mapping
from accounts.tapes.payments import PaymentCleaner
from accounts.tapes.read import open_tape
from accounts.tapes.records import CleanLoan

TODAY = date(2026, 9, 1)

PLAIN = {
    "loan_id": "L1",
    "borrower_id": "B1",
    "currency": "USD",
    "principal": "1,000.00",
    "interest": "100",
    "fees": "10.50",
    "disbursed_on": "2026-06-01",
    "due_on": "2026-07-01",
}

FULL = PLAIN | {
    "product": "Cash  loan",
    "name": "Wei  Zhang",
    "national_id": "007-12",
    "birth_year": "1990",
    "language": "zh_Hans",
    "country": "us",
    "state": "ny",
    "zip": "02134-0001",
    "preferred_channel": "EMAIL",
    "phone": "(212) 555-0123",
    "phone_source": "Application",
    "phone_ground": "contract",
    "phone_verified_on": "2026-05-01",
    "email": "Wei.Zhang@Example.COM",
    "email_source": "wallet",
    "email_ground": "consent",
    "related_1_relation": "Guarantor",
    "related_1_name": "王小明",
    "related_1_phone": "+8613800138000",
    "related_1_given_by": "borrower",
    "related_1_given_on": "2026-06-01",
    "related_1_ground": "contract",
    "consent_email_on": "2026-06-01",
    "consent_email_how": "form 3, box 2",
    "paid_total": "50",
    "last_paid_on": "2026-08-01",
    "outstanding": "1060.50",
    "as_of": "2026-08-31",
}


PHONE = {"phone": "2125550123", "phone_source": "wallet", "phone_ground": "contract"}
PERSON = {name: text for name, text in FULL.items() if name.startswith("related_1")}

WALLET = {
    "CustomerId": "C1", "Value": "10000", "ProductCategory": "airtime", "IssuedDateLoan": "2026-03-01 10:00:00",
    "AmountLoan": "4000", "Currency": "UGX", "LoanId": "X1", "PaidOnDate": "2026-03-10 21:30:00",
    "IsFinalPayBack": "0", "DueDate": "2026-03-31 09:59:57", "PayBackId": "P1",
}  # fmt: skip
LAST = WALLET | {
    "AmountLoan": "6700", "PayBackId": "P2", "PaidOnDate": "2026-03-20 20:59:59", "IsFinalPayBack": "1",
}  # fmt: skip

BOOKED = {
    "customerid": "C1", "systemloanid": "S1", "approveddate": "2026-03-02 18:22:40.000000",
    "creationdate": "2026-03-02 17:22:32.000000", "loanamount": "10000", "totaldue": "13000", "termdays": "30",
}  # fmt: skip

EUROPEAN = """
name: european
title: With commas and points
reads: [csv, xlsx]
portfolio: {code: EU, name: EU, entity: EU, currency: EUR, jurisdictions: [FR], role: creditor, zone: Europe/Paris}
loans:
  missing: ["-"]
  other_columns: ignore
  columns:
    loan_id: {column: Nr, required: always}
    borrower_id: {column: Kunde, required: always}
    currency: {column: W, required: always, words: {"€": EUR}}
    principal: {column: Betrag, required: always, decimal: ","}
    due_on: {column: Frist, required: with_column, format: ["%d/%m/%Y", "%m/%d/%Y"]}
    preferred_channel: {column: Kanal, words: {Telefon: call}}
"""


def as_csv(rows, separator=","):
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def workbook(rows, title="Loans", **more):
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    for name, state in more.items():
        book.create_sheet(name).sheet_state = state
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def zipped(**parts):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return data.getvalue()


def check_sentence(code, params):
    """The sentence names every parameter and no other."""
    assert set(re.findall(r"%\((\w+)\)s", SENTENCES[code])) == set(params), code
    SENTENCES[code] % params


def well_said(refused):
    """The reasons as (column, code, params), having checked that every sentence can be spoken."""
    for reason in refused.reasons:
        assert reason.row_number in refused.rows
        check_sentence(reason.code, reason.params)
    return [(reason.column, reason.code, dict(reason.params)) for reason in refused.reasons]


def clean(rows, mapping="standard", **options):
    mapping = load_mapping(mapping) if isinstance(mapping, str) else mapping
    cleaner = LoanCleaner(mapping, today=TODAY, **options)
    results = list(cleaner.run(open_tape(as_csv(rows), "tape.csv", wanted=cleaner.wanted)))
    assert cleaner.tally.rows == len(rows)
    assert cleaner.tally.accepted == sum(isinstance(each, CleanLoan) for each in results)
    return results


def clean_one(row, **options):
    (result,) = clean([row], **options)
    return result


def pay(rows, mapping="standard"):
    cleaner = PaymentCleaner(load_mapping(mapping), today=TODAY)
    return list(cleaner.run(open_tape(as_csv(rows), "payments.csv", wanted=cleaner.wanted)))


def european(**changes):
    row = {"Nr": "1", "Kunde": "2", "W": "€", "Betrag": "1.234,50", "Frist": "31/12/2026", "Kanal": "Telefon"}
    return clean_one(row | changes, mapping=read_mapping(EUROPEAN, "european"))
