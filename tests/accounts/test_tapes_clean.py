"""Every bad cell and row there is a word for, and exactly what is said about it."""

import gzip
import pickle
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.tapes.codes import Code, TapeError
from accounts.tapes.loans import LoanCleaner
from accounts.tapes.mapping import load_mapping, read_mapping
from accounts.tapes.read import open_tape, tape_of_rows
from accounts.tapes.records import (
    PARTS,
    CleanBorrower,
    CleanConsent,
    CleanContact,
    CleanCredit,
    CleanLoan,
    CleanRelated,
    CreditKind,
    Refused,
    canonical,
)
from tests.accounts.tapes import (
    BOOKED,
    EUROPEAN,
    FULL,
    LAST,
    PERSON,
    PHONE,
    PLAIN,
    TODAY,
    WALLET,
    as_csv,
    clean,
    clean_one,
    european,
    well_said,
    workbook,
)

# What is accepted


def test_a_full_row_is_read_whole():
    assert clean_one(FULL) == CleanLoan(
        external_id="L1",
        borrower=CleanBorrower(
            external_id="B1",
            name="Wei Zhang",
            name_mask="W*** Z***",
            national_id="007-12",
            birth_year=1990,
            language="zh-hans",
            country="US",
            state="NY",
            zip="02134-0001",
            preferred_channel="email",
            contacts=(
                CleanContact(
                    "phone", "+12125550123", "+1 2******123", "application", "contract", date(2026, 5, 1),
                    "US", ("America/New_York",), "fixed_or_mobile",
                ),
                CleanContact(
                    "email", "wei.zhang@example.com", "w***@e***.com", "wallet", "consent", None, "", (), "",
                ),
            ),
            related=(
                CleanRelated(
                    "guarantor", "王小明", "王**", "borrower", date(2026, 6, 1), "contract",
                    (
                        CleanContact(
                            "phone", "+8613800138000", "+86 138****8000", "borrower", "contract", None,
                            "CN", ("Asia/Shanghai",), "mobile",
                        ),
                    ),
                ),
            ),
            consents=(CleanConsent("email", date(2026, 6, 1), "form 3, box 2"),),
        ),
        product="Cash loan",
        currency="USD",
        principal=100_000,
        interest=10_000,
        fees=1_050,
        disbursed_on=date(2026, 6, 1),
        instalments=((date(2026, 7, 1), 111_050),),
        credits=(CleanCredit("tape:L1:2026-08-01", date(2026, 8, 1), 5_000, CreditKind.TO_DATE),),
        as_of=date(2026, 8, 31),
        rows=(2,),
    )  # fmt: skip


def test_columns_that_may_be_absent_may_be_absent():
    bare = {name: PLAIN[name] for name in ("loan_id", "borrower_id", "currency", "principal", "due_on")}
    loan = clean_one(bare)
    assert (loan.interest, loan.fees, loan.total) == (0, 0, 100_000)
    assert (loan.disbursed_on, loan.credits, loan.as_of) == (None, (), TODAY)
    assert loan.borrower.contacts == loan.borrower.related == loan.borrower.consents == ()


def test_instalments():
    row = PLAIN | {"due_on": "", "first_due_on": "2026-07-31", "instalments": "4", "every": "month"}
    assert clean_one(row).instalments == (
        (date(2026, 7, 31), 27_763),
        (date(2026, 8, 31), 27_763),
        (date(2026, 9, 30), 27_762),
        (date(2026, 10, 31), 27_762),
    )


def test_a_schedule_one_by_one():
    row = PLAIN | {"due_on": "", "schedule": "2026-07-01:110.50; 2026-12-31:1000.00;"}
    assert clean_one(row).instalments == ((date(2026, 7, 1), 11_050), (date(2026, 12, 31), 100_000))


def test_the_total_gives_the_interest_where_no_column_does():
    row = {name: text for name, text in PLAIN.items() if name != "interest"} | {"total_due": "1110.50"}
    assert clean_one(row).interest == 10_000
    assert clean_one(PLAIN | {"total_due": "1110.50"}).interest == 10_000


def test_paying_too_much_is_noticed_and_accepted():
    loan = clean_one(PLAIN | {"paid_total": "2000", "last_paid_on": "2026-08-01"})
    assert [credit.amount for credit in loan.credits] == [200_000]
    assert loan.remarks == ((2, Code.PAID_ABOVE_TOTAL),)


def test_one_number_twice_is_kept_once():
    phone = {"phone": "2125550123", "phone_source": "wallet", "phone_ground": "contract"}
    again = {"phone_2": "+1 212 555 0123", "phone_2_source": "wallet", "phone_2_ground": "contract"}
    loan = clean_one(PLAIN | phone | again)
    assert [contact.value for contact in loan.borrower.contacts] == ["+12125550123"]
    assert loan.remarks == ((2, Code.REPEATED_CONTACT),)


@pytest.mark.parametrize("name", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "O'Neil; DROP TABLE"])
def test_a_name_that_looks_like_a_formula_is_a_name(name):
    assert clean_one(PLAIN | {"name": name}).borrower.name == name


def test_many_loans_of_one_borrower():
    one, two = clean([FULL, FULL | {"loan_id": "L2"}])
    assert one.borrower == two.borrower


def test_separators_encodings_and_containers_do_not_matter():
    expected = clean([FULL])
    cleaner = LoanCleaner(load_mapping("standard"), today=TODAY)
    plain = as_csv([FULL])
    for data, name in [
        (as_csv([FULL], ";"), "t.csv"),
        (as_csv([FULL], "\t"), "t.csv"),
        (b"\xef\xbb\xbf" + plain, "t.csv"),
        (plain.replace(b"\r\n", b"\n"), "T.CSV"),
        (gzip.compress(plain), "t.csv.gz"),
        (workbook([list(FULL), list(FULL.values())]), "t.xlsx"),
    ]:
        tape = open_tape(data, name, wanted=cleaner.wanted)
        assert list(cleaner.run(tape)) == expected, name
    rows = tape_of_rows(list(FULL), [list(FULL.values())])
    assert list(cleaner.run(rows)) == expected


def test_blank_rows_are_skipped_and_counted_in_row_numbers():
    data = as_csv([PLAIN, PLAIN | {"loan_id": "L2"}]).decode().splitlines()
    data = "\r\n".join([data[0], "", data[1], ",,,,,,,", data[2]]).encode()
    cleaner = LoanCleaner(load_mapping("standard"), today=TODAY)
    assert [loan.rows for loan in cleaner.run(open_tape(data, "t.csv"))] == [(3,), (5,)]


def test_a_workbook_s_numbers_and_dates_are_what_they_are():
    mapping = read_mapping(EUROPEAN, "european")
    cleaner = LoanCleaner(mapping, today=TODAY)
    row = [17, 4_000_000_001, "EUR", 1234.5, date(2026, 5, 4), True]
    data = workbook([["Nr", "Kunde", "W", "Betrag", "Frist", "note"], row, [None] * 6], hidden="hidden")
    (loan,) = cleaner.run(open_tape(data, "t.xlsx"))
    assert (loan.external_id, loan.borrower.external_id, loan.principal) == ("17", "4000000001", 123_450)
    assert loan.instalments == ((date(2026, 5, 4), 123_450),)


def test_a_mapping_s_own_marks_words_and_formats():
    loan = european()
    assert (loan.principal, loan.currency, loan.instalments[0].due_on) == (123_450, "EUR", date(2026, 12, 31))
    assert loan.borrower.preferred_channel == "call"
    assert european(Kanal="-").borrower.preferred_channel == ""
    # The text of a typed amount is a typed amount, whatever the file's decimal mark.
    assert well_said(european(Betrag="1,234.50")) == [("Betrag", Code.NOT_A_NUMBER, {"value": "1,234.50"})]


# Cells


CELLS = [
    ("loan_id", "", Code.MISSING, {}),
    ("principal", " ", Code.MISSING, {}),
    ("interest", "", Code.MISSING, {}),
    ("disbursed_on", "", Code.MISSING, {}),
    ("borrower_id", "B\x001", Code.CONTROL_CHARACTER, {"character": "U+0000"}),
    ("name", "Wei\nZhang", Code.CONTROL_CHARACTER, {"character": "U+000A"}),
    ("name", "Wei\u202eZhang", Code.CONTROL_CHARACTER, {"character": "U+202E"}),
    ("name", "Wei\u200bZhang", Code.CONTROL_CHARACTER, {"character": "U+200B"}),
    ("name", "W" * 201, Code.TOO_LONG, {"limit": 200}),
    ("loan_id", "9" * 81, Code.TOO_LONG, {"limit": 80}),
    ("loan_id", "1.23457E+11", Code.ID_ROUNDED, {"value": "1.23457E+11"}),
    ("national_id", "3e+17", Code.ID_ROUNDED, {"value": "3e+17"}),
    ("principal", "ten", Code.NOT_A_NUMBER, {"value": "ten"}),
    ("principal", "NaN", Code.NOT_A_NUMBER, {"value": "NaN"}),
    ("principal", "1,23", Code.NOT_A_NUMBER, {"value": "1,23"}),
    ("principal", "x" * 50, Code.NOT_A_NUMBER, {"value": "x" * 39 + "…"}),
    ("principal", "-1000", Code.NEGATIVE, {"value": "-1000"}),
    ("fees", "-0.01", Code.NEGATIVE, {"value": "-0.01"}),
    ("principal", "0", Code.NOT_POSITIVE, {}),
    ("principal", "1e3", Code.EXPONENT, {"value": "1e3"}),
    ("principal", "10.005", Code.TOO_PRECISE, {"value": "10.005", "currency": "USD"}),
    ("principal", "9" * 17, Code.TOO_LARGE, {"value": "9" * 17}),
    ("currency", "XYZ", Code.UNKNOWN_CURRENCY, {"value": "XYZ"}),
    ("currency", "DEM", Code.UNKNOWN_CURRENCY, {"value": "DEM"}),
    ("currency", "CNY", Code.OTHER_CURRENCY, {"value": "CNY", "expected": "USD"}),
    ("due_on", "2026-02-31", Code.NO_SUCH_DATE, {"value": "2026-02-31"}),
    ("due_on", "31/12/2026", Code.NOT_A_DATE, {"value": "31/12/2026", "format": "2026-12-31"}),
    ("due_on", "soon", Code.NOT_A_DATE, {"value": "soon", "format": "2026-12-31"}),
    ("due_on", "46204", Code.NOT_A_DATE, {"value": "46204", "format": "2026-12-31"}),
    ("due_on", "03/04/2026", Code.AMBIGUOUS_DATE, {"value": "03/04/2026"}),
    ("due_on", "2026-07-01 16:00:00", Code.NOT_MIDNIGHT, {"value": "2026-07-01 16:00:00"}),
    ("due_on", "1899-12-31", Code.DATE_OUT_OF_RANGE,
     {"value": "1899-12-31", "earliest": "1990-01-01", "latest": "2076-12-31"}),
    ("disbursed_on", "2026-09-02", Code.DATE_IN_FUTURE, {"value": "2026-09-02", "today": "2026-09-01"}),
    ("birth_year", "90", Code.NUMBER_OUT_OF_RANGE, {"value": "90", "lowest": 1900, "highest": 2026}),
    ("birth_year", "1990-05-01", Code.NOT_WHOLE, {"value": "1990-05-01"}),
    ("preferred_channel", "fax", Code.UNKNOWN_WORD,
     {"value": "fax", "allowed": "call, sms, email, app, letter, wechat, whatsapp"}),
    ("country", "USA", Code.UNKNOWN_COUNTRY, {"value": "USA"}),
    ("language", "Chinese please", Code.BAD_LANGUAGE, {"value": "Chinese please"}),
]  # fmt: skip


@pytest.mark.parametrize(("column", "text", "code", "params"), CELLS)
def test_a_cell_is_refused(column, text, code, params):
    if "\0" in text:  # no CSV file gets so far; a dataset may
        row = PLAIN | {column: text}
        cleaner = LoanCleaner(load_mapping("standard"), today=TODAY)
        (refused,) = cleaner.run(tape_of_rows(list(row), [list(row.values())]))
    else:
        refused = clean_one(PLAIN | {column: text})
    assert well_said(refused) == [(column, code, params)]
    assert refused.rows == (2,)
    assert refused.cells[0][column] == text


NEEDS = "related_1_relation, related_1_name, related_1_given_by, related_1_given_on, related_1_ground"

ROWS = [
    ({"country": "US", "state": "New York"}, "state", Code.UNKNOWN_STATE, {"value": "New York", "country": "US"}),
    ({"country": "US", "zip": "2134"}, "zip", Code.BAD_ZIP, {"value": "2134", "country": "US"}),
    ({"due_on": ""}, None, Code.NO_DUE_DATE, {"columns": "due_on"}),
    ({"due_on": "", "first_due_on": "", "schedule": ""}, None, Code.NO_DUE_DATE,
     {"columns": "due_on, first_due_on, schedule"}),
    ({"first_due_on": "2026-07-01"}, None, Code.TWO_SCHEDULES, {"columns": "first_due_on, due_on"}),
    ({"due_on": "", "first_due_on": "2026-07-01"}, None, Code.TERMS_INCOMPLETE,
     {"columns": "first_due_on, instalments, every"}),
    ({"due_on": "", "first_due_on": "2026-07-01", "instalments": "3"}, None, Code.TERMS_INCOMPLETE,
     {"columns": "first_due_on, instalments, every"}),
    ({"instalments": "3", "every": "month"}, None, Code.TERMS_INCOMPLETE,
     {"columns": "first_due_on, instalments, every"}),
    ({"due_on": "", "first_due_on": "2026-07-01", "instalments": "3", "every": "now and then"}, "every",
     Code.NOT_A_PERIOD, {"value": "now and then"}),
    ({"due_on": "", "first_due_on": "2026-07-01", "instalments": "0", "every": "month"}, "instalments",
     Code.NUMBER_OUT_OF_RANGE, {"value": "0", "lowest": 1, "highest": 600}),
    ({"principal": "0.03", "interest": "0", "fees": "0", "due_on": "", "first_due_on": "2026-07-01",
      "instalments": "4", "every": "month"}, "instalments", Code.TOO_SMALL_TO_SPLIT, {"total": "0.03", "count": 4}),
    ({"due_on": "", "schedule": "2026-07-01:1000; 2026-06-30:110.50"}, "schedule", Code.BAD_SCHEDULE, {"part": 2}),
    ({"due_on": "", "schedule": "2026-07-01 1000"}, "schedule", Code.BAD_SCHEDULE, {"part": 1}),
    ({"due_on": "", "schedule": "2026-07-01:1000; 2026-08-01:0"}, "schedule", Code.BAD_SCHEDULE, {"part": 2}),
    ({"due_on": "", "schedule": "2026-07-01:1110.49"}, "schedule", Code.SCHEDULE_SUM,
     {"schedule": "1110.49", "total": "1110.50"}),
    ({"due_on": "2026-05-31"}, "due_on", Code.DUE_BEFORE_DISBURSED,
     {"due_on": "2026-05-31", "disbursed_on": "2026-06-01"}),
    ({"total_due": "1110.51"}, "total_due", Code.TOTAL_MISMATCH, {"total": "1110.51", "parts": "1110.50"}),
    ({"outstanding": "1110.49"}, "outstanding", Code.OUTSTANDING_MISMATCH,
     {"outstanding": "1110.49", "left": "1110.50"}),
    ({"paid_total": "5"}, "last_paid_on", Code.PAID_WITHOUT_DATE, {}),
    ({"paid_total": "0", "last_paid_on": "2026-08-01"}, "paid_total", Code.DATE_WITHOUT_PAID, {}),
    ({"paid_total": "5", "last_paid_on": "2026-05-31"}, "last_paid_on", Code.PAID_BEFORE_DISBURSED,
     {"paid_on": "2026-05-31", "disbursed_on": "2026-06-01"}),
    ({"paid_total": "5", "last_paid_on": "2026-08-02", "as_of": "2026-08-01"}, "last_paid_on",
     Code.PAID_AFTER_AS_OF, {"paid_on": "2026-08-02", "as_of": "2026-08-01"}),
    (PHONE | {"phone": "555"}, "phone", Code.PHONE_INVALID, {}),
    ({"email": "wei@", "email_source": "wallet", "email_ground": "contract"}, "email", Code.EMAIL_INVALID, {}),
    ({"phone": "2125550123"}, "phone", Code.CONTACT_INCOMPLETE, {"columns": "phone_source, phone_ground"}),
    (PHONE | {"phone_ground": ""}, "phone", Code.CONTACT_INCOMPLETE, {"columns": "phone_ground"}),
    (PHONE | {"phone_source": "Address book"}, "phone_source", Code.HARVESTED, {"value": "Address book"}),
    (PHONE | {"phone_ground": "address_book"}, "phone_ground", Code.HARVESTED, {"value": "address_book"}),
    (PHONE | {"phone_source": "通讯录"}, "phone_source", Code.HARVESTED, {"value": "通讯录"}),
    (PHONE | {"phone_source": "bought"}, "phone_source", Code.HARVESTED, {"value": "bought"}),
    (PHONE | {"phone_source": "a friend"}, "phone_source", Code.UNKNOWN_WORD,
     {"value": "a friend", "allowed": "application, borrower, wallet, correspondence"}),
    (PHONE | {"phone_2": "+12125550123", "phone_2_source": "borrower", "phone_2_ground": "contract"}, "phone_2",
     Code.CONTACT_CONTRADICTS, {"columns": "phone_2_source, phone_2_ground"}),
    (PERSON | {"related_1_given_by": "phonebook"}, "related_1_given_by", Code.HARVESTED, {"value": "phonebook"}),
    (PERSON | {"related_1_ground": ""}, "related_1_ground", Code.RELATED_INCOMPLETE, {"columns": NEEDS}),
    (PERSON | {"related_1_name": "", "related_1_relation": ""}, "related_1_relation", Code.RELATED_INCOMPLETE,
     {"columns": NEEDS}),
    (PERSON | {"related_1_relation": "colleague"}, "related_1_relation", Code.UNKNOWN_WORD,
     {"value": "colleague",
      "allowed": "guarantor, co_borrower, emergency_contact, attorney, representative, household"}),
    (PERSON | {"related_1_phone": "12"}, "related_1_phone", Code.PHONE_INVALID, {}),
    ({"consent_sms_on": "2026-06-01"}, "consent_sms_how", Code.CONSENT_INCOMPLETE,
     {"columns": "consent_sms_on, consent_sms_how"}),
    ({"consent_sms_how": "on the phone"}, "consent_sms_on", Code.CONSENT_INCOMPLETE,
     {"columns": "consent_sms_on, consent_sms_how"}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "column", "code", "params"), ROWS)
def test_a_row_is_refused(changes, column, code, params):
    assert well_said(clean_one(PLAIN | changes)) == [(column, code, params)]


def test_all_errors_of_a_row_are_told_and_none_that_only_follows_from_another():
    row = PLAIN | PHONE | {
        "principal": "-5", "currency": "XYZ", "disbursed_on": "31/02/2026", "due_on": "2026-02-31",
        "phone": "1", "total_due": "7", "outstanding": "3", "paid_total": "5", "birth_year": "x",
        "related_1_name": "Li",
    }  # fmt: skip
    assert [(column, code) for column, code, _ in well_said(clean_one(row))] == [
        ("currency", Code.UNKNOWN_CURRENCY),
        ("principal", Code.NEGATIVE),
        ("disbursed_on", Code.NOT_A_DATE),
        ("due_on", Code.NO_SUCH_DATE),
        ("birth_year", Code.NOT_WHOLE),
        ("phone", Code.PHONE_INVALID),
        ("related_1_relation", Code.RELATED_INCOMPLETE),
        ("last_paid_on", Code.PAID_WITHOUT_DATE),
    ]


def test_numbers_without_a_country_need_a_region():
    mapping = read_mapping(EUROPEAN.replace("preferred_channel: {column: Kanal, words: {Telefon: call}}",
                                            "phone: {column: Tel}"), "european")  # fmt: skip
    row = {"Nr": "1", "Kunde": "2", "W": "EUR", "Betrag": "5", "Frist": "31/12/2026", "Tel": "0142685300"}
    assert well_said(clean_one(row, mapping=mapping)) == [("Tel", Code.PHONE_WITHOUT_COUNTRY, {})]
    assert well_said(clean_one(row, mapping=mapping, phone_region="FR")) == [
        ("Tel", Code.CONTACT_INCOMPLETE, {"columns": "phone_source, phone_ground"})
    ]


@pytest.mark.parametrize(
    ("text", "code", "params"),
    [
        ("03/04/2026", Code.AMBIGUOUS_DATE, {"value": "03/04/2026"}),
        ("31/02/2026", Code.NO_SUCH_DATE, {"value": "31/02/2026"}),
        ("2026-12-31", Code.NOT_A_DATE, {"value": "2026-12-31", "format": "31/12/2026"}),
        ("-", Code.MISSING, {}),
    ],
)
def test_dates_in_declared_formats(text, code, params):
    assert well_said(european(Frist=text)) == [("Frist", code, params)]


def test_dates_that_two_formats_read_alike_are_not_ambiguous():
    assert european(Frist="05/05/2026").instalments[0].due_on == date(2026, 5, 5)


def test_the_portfolio_s_currency_counts_not_the_mapping_s():
    refused = clean_one(PLAIN, currency="CNY")
    assert well_said(refused) == [
        ("currency", Code.OTHER_CURRENCY, {"value": "USD", "expected": "CNY"}),
    ]
    with pytest.raises(TapeError) as refusal:
        clean([{"systemloanid": "1", "customerid": "2", "loanamount": "1", "totaldue": "1", "termdays": "30",
                "approveddate": "", "creationdate": ""}], mapping="superlender", currency="CNY")  # fmt: skip
    assert (refusal.value.code, refusal.value.params) == (
        Code.OTHER_CURRENCY,
        {"value": "NGN", "expected": "CNY"},
    )


# Rows against each other


def test_of_two_rows_with_one_id_neither_is_believed():
    rows = [PLAIN, PLAIN | {"loan_id": "L2"}, PLAIN, PLAIN | {"principal": "5"}]
    first, second, *others = clean(rows)
    assert second.external_id == "L2"
    for refused, number in zip([first, *others], (2, 4, 5), strict=True):
        assert refused.rows == (number,)
        assert well_said(refused) == [("loan_id", Code.DUPLICATE_ID, {"rows": "2, 4, 5"})]


def test_rows_of_one_borrower_must_not_contradict_each_other():
    rows = [
        PLAIN | {"name": "Wei Zhang", "birth_year": "1990"},
        PLAIN | {"loan_id": "L2", "name": "Wei Zhang", "birth_year": "1991"},
        PLAIN | {"loan_id": "L3", "name": "Li Na", "birth_year": "1990"},
        PLAIN | {"loan_id": "L4", "borrower_id": "B2", "name": "Li Na", "birth_year": "1990"},
    ]
    *refused, other = clean(rows)
    assert other.external_id == "L4"
    for each in refused:
        assert well_said(each) == [
            ("borrower_id", Code.BORROWER_CONTRADICTS, {"columns": "birth_year, name"})
        ]
    assert len(refused) == 3


def test_ragged_rows_are_refused_and_the_others_read():
    head, row = as_csv([PLAIN]).decode().splitlines()
    data = "\n".join([head, row + ",more", row.replace("L1", "L2"), "L3,B1"]).encode()
    cleaner = LoanCleaner(load_mapping("standard"), today=TODAY)
    long, good, short = cleaner.run(open_tape(data, "t.csv"))
    assert well_said(long) == [(None, Code.WRONG_CELL_COUNT, {"found": 9, "expected": 8})]
    assert good.external_id == "L2"
    assert well_said(short) == [(None, Code.WRONG_CELL_COUNT, {"found": 2, "expected": 8})]
    assert (cleaner.tally.refused, cleaner.tally.refused_rows) == (2, 2)


def test_spreadsheet_errors_are_refused():
    row = PLAIN | {"principal": "#REF!"}
    cleaner = LoanCleaner(load_mapping("standard"), today=TODAY)
    (refused,) = cleaner.run(open_tape(workbook([list(row), list(row.values())]), "t.xlsx"))
    assert well_said(refused) == [(None, Code.ERROR_CELL, {"value": "#REF!"})]


# Tapes with a row per payment


def wallet(*rows):
    return clean(rows, mapping="xente")


def test_rows_of_a_loan_need_not_stand_together():
    one, two = wallet(WALLET, WALLET | {"LoanId": "X2", "PayBackId": "P9"}, LAST)
    assert (one.external_id, one.interest, one.credits[0].amount) == ("X2", 0, 4_000)
    assert (two.external_id, two.rows) == ("X1", (2, 4))
    assert (two.principal, two.interest) == (10_000, 700)
    assert two.credits == (
        ("P1", date(2026, 3, 11), 4_000, CreditKind.ITEM),
        ("P2", date(2026, 3, 20), 6_700, CreditKind.ITEM),
    )
    assert two.disbursed_on == date(2026, 3, 1)
    assert two.instalments == ((date(2026, 3, 31), 10_700),)


def test_r_s_round_amounts_are_read_where_the_mapping_says_so():
    (loan,) = wallet(WALLET | {"Value": "1e+05", "AmountLoan": "2e+05", "IsFinalPayBack": "1"})
    assert (loan.principal, loan.interest, loan.credits[0].amount) == (100_000, 100_000, 200_000)


def test_a_payment_that_stands_twice_counts_once():
    (loan,) = wallet(WALLET, LAST, LAST)
    assert [credit.reference for credit in loan.credits] == ["P1", "P2"]
    assert loan.remarks == ((4, Code.REPEATED_PAYMENT),)
    assert loan.interest == 700


@pytest.mark.parametrize(
    ("rows", "row", "column", "code", "params"),
    [
        ([WALLET | {"LoanId": "NA"}], 2, None, Code.NOT_A_LOAN, {"column": "LoanId"}),
        ([WALLET | {"DueDate": "NA"}], 2, "DueDate", Code.MISSING, {}),
        ([WALLET, LAST | {"Value": "20000"}], 3, None, Code.ROWS_DISAGREE, {"row": 2, "columns": "Value"}),
        ([WALLET, LAST | {"AmountLoan": "0"}], 3, "AmountLoan", Code.NOT_POSITIVE, {}),
        ([WALLET, LAST | {"AmountLoan": "-6700"}], 3, "AmountLoan", Code.NEGATIVE, {"value": "-6700"}),
        ([WALLET, LAST | {"AmountLoan": "5999"}], 2, "IsFinalPayBack", Code.FINAL_BUT_SHORT,
         {"paid": "9999", "principal": "10000"}),
        ([WALLET, LAST, LAST | {"AmountLoan": "7000"}], 4, "PayBackId", Code.PAYMENT_CONTRADICTS, {"row": 3}),
        ([WALLET | {"PaidOnDate": "2026-02-28 10:00:00"}], 2, "PaidOnDate", Code.PAID_BEFORE_DISBURSED,
         {"paid_on": "2026-02-28", "disbursed_on": "2026-03-01"}),
        ([WALLET | {"IsFinalPayBack": "maybe"}], 2, "IsFinalPayBack", Code.UNKNOWN_WORD,
         {"value": "maybe", "allowed": "yes, no"}),
    ],
)  # fmt: skip
def test_a_loan_with_one_bad_row_is_refused_whole(rows, row, column, code, params):
    (refused,) = wallet(*rows)
    assert refused.rows == tuple(range(2, len(rows) + 2))
    assert well_said(refused) == [(column, code, params)]
    assert refused.reasons[0].row_number == row


def test_one_payment_at_two_loans_refuses_both():
    one, two = wallet(WALLET, WALLET | {"LoanId": "X2"})
    assert well_said(one) == [("PayBackId", Code.PAYMENT_OF_TWO_LOANS, {"row": 3})]
    assert well_said(two) == [("PayBackId", Code.PAYMENT_OF_TWO_LOANS, {"row": 2})]


# Product rules and stamps


def booked(**changes):
    return clean_one(
        {name: text for name, text in (BOOKED | changes).items() if text is not None}, mapping="superlender"
    )


def test_due_dates_by_product_where_the_file_has_none():
    assert booked().instalments == ((date(2026, 4, 1), 1_300_000),)
    assert booked(termdays="15").instalments == ((date(2026, 3, 17), 1_300_000),)
    assert booked(termdays="60").instalments == ((date(2026, 4, 1), 650_000), (date(2026, 5, 1), 650_000))
    # Seven days later all three would fall on a Sunday or Saturday.
    later = booked(
        termdays="90", approveddate="2026-03-06 09:00:00.000000", creationdate="2026-03-06 08:00:00.000000"
    )
    assert later.instalments == (
        (date(2026, 4, 6), 433_334),
        (date(2026, 5, 6), 433_333),
        (date(2026, 6, 5), 433_333),
    )


def test_the_file_s_first_due_date_comes_before_the_rule():
    loan = booked(termdays="60", firstduedate="2026-04-03 00:00:00.000000")
    assert loan.instalments == ((date(2026, 4, 3), 650_000), (date(2026, 5, 4), 650_000))


def test_closed_loans_were_paid_in_full_on_the_local_day_of_closing():
    loan = booked(closeddate="2026-04-01 23:59:59.000000")
    assert loan.credits == (("tape:S1:2026-04-01", date(2026, 4, 1), 1_300_000, CreditKind.TO_DATE),)


STAMPS = {"later": "approveddate", "earlier": "creationdate", "hours": 48}


@pytest.mark.parametrize(
    ("changes", "column", "code", "params"),
    [
        ({"firstduedate": ""}, "firstduedate", Code.MISSING, {}),
        ({"closeddate": ""}, "closeddate", Code.MISSING, {}),
        ({"firstduedate": "2026-04-01 01:00:00.000000"}, "firstduedate", Code.NOT_MIDNIGHT,
         {"value": "2026-04-01 01:00:00.000000"}),
        ({"termdays": "45"}, "termdays", Code.UNKNOWN_TERM, {"value": 45, "allowed": "15, 30, 60, 90"}),
        ({"totaldue": "9999"}, "totaldue", Code.TOTAL_MISMATCH, {"total": "9999.00", "parts": "10000.00"}),
        ({"creationdate": "2026-03-02 17:22:41.000000"}, "approveddate", Code.TIMES_APART, STAMPS),
        ({"creationdate": "2026-02-28 17:22:39.000000"}, "approveddate", Code.TIMES_APART, STAMPS),
        ({"creationdate": "yesterday"}, "creationdate", Code.NOT_A_DATE,
         {"value": "yesterday", "format": "2026-12-31 00:00:00.000000"}),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_product_is_refused(changes, column, code, params):
    assert well_said(booked(**changes)) == [(column, code, params)]


def test_what_was_paid_is_said_one_way():
    columns = "paid_total: {column: Paid}\n    paid_in_full_on: {column: Closed}"
    mapping = read_mapping(
        EUROPEAN.replace("preferred_channel: {column: Kanal, words: {Telefon: call}}", columns), "x"
    )
    row = {"Nr": "1", "Kunde": "2", "W": "EUR", "Betrag": "5", "Frist": "31/12/2026"}
    loan = clean_one(row | {"Paid": "0", "Closed": "2026-08-01"}, mapping=mapping)
    assert [(credit.value_date, credit.amount) for credit in loan.credits] == [(date(2026, 8, 1), 500)]
    assert well_said(clean_one(row | {"Paid": "5", "Closed": "2026-08-01"}, mapping=mapping)) == [
        (None, Code.PAID_TWO_WAYS, {"columns": "Paid, Closed"})
    ]


# Times in zones with changing clocks


CLOCKS = EUROPEAN.replace(
    'due_on: {column: Frist, required: with_column, format: ["%d/%m/%Y", "%m/%d/%Y"]}',
    "due_on: {column: Frist, required: with_column, type: datetime, zone: America/New_York}",
)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-07 17:59:59", date(2026, 3, 7)),
        ("2026-03-07 18:00:00", date(2026, 3, 8)),
        ("2026-03-08 18:30:00", date(2026, 3, 8)),
        ("2026-03-08 19:00:00", date(2026, 3, 9)),
        ("2026-03-08T23:00:00+00:00", date(2026, 3, 9)),
    ],
)
def test_a_time_becomes_the_business_day_of_the_portfolio(text, day):
    row = {"Nr": "1", "Kunde": "2", "W": "EUR", "Betrag": "5", "Frist": text}
    assert clean_one(row, mapping=read_mapping(CLOCKS, "clocks")).instalments[0].due_on == day


def test_an_hour_that_the_clocks_skip_is_refused():
    row = {"Nr": "1", "Kunde": "2", "W": "EUR", "Betrag": "5", "Frist": "2026-03-08 02:30:00"}
    assert well_said(clean_one(row, mapping=read_mapping(CLOCKS, "clocks"))) == [
        ("Frist", Code.NO_SUCH_TIME, {"value": "2026-03-08 02:30:00", "zone": "America/New_York"})
    ]


# The whole


def test_no_sentence_repeats_what_was_written_in_a_person_s_cell():
    secret = "13800138000x"
    row = PLAIN | PHONE | PERSON | {
        "phone": secret, "email": secret, "email_source": "wallet", "email_ground": "contract",
        "related_1_phone": secret, "name": f"{secret}\n", "national_id": f"{secret}\u202e",
    }  # fmt: skip
    refused = clean_one(row)
    assert len(refused.reasons) == 4
    assert secret not in str(refused.reasons)


def test_loans_travel_between_processes():
    loan = clean_one(FULL)
    assert pickle.loads(pickle.dumps(loan)) == loan


def test_canonical_bytes_leave_out_what_we_work_out_ourselves():
    loan = clean_one(FULL)
    phone, *others = loan.borrower.contacts
    phone = replace(phone, mask="?", zones=(), line_type="", country="")
    other = replace(loan, borrower=replace(loan.borrower, name_mask="?", contacts=(phone, *others)))
    assert canonical(other) == canonical(loan)
    assert canonical(replace(other, borrower=replace(other.borrower, country="CA"))) != canonical(loan)


def test_canonical_bytes_tell_changed_loans_from_unchanged_ones():
    loan = clean_one(FULL)
    again = clean([PLAIN | {"loan_id": "L0", "borrower_id": "B0"}, FULL | {"as_of": "2026-08-30"}])[1]
    assert canonical(again) == canonical(loan)
    assert again != loan
    changed = {
        "borrower": {"phone_verified_on": "2026-05-02"},
        "terms": {"product": "Other"},
        "schedule": {"due_on": "2026-07-02"},
        "credits": {"paid_total": "50.01", "outstanding": "1060.49"},
    }
    assert set(changed) == set(PARTS)
    for part, changes in changed.items():
        other = clean_one(FULL | changes)
        assert [each for each in PARTS if canonical(other, each) != canonical(loan, each)] == [part]


texts = st.text(max_size=12)


@given(st.dictionaries(st.sampled_from(sorted(FULL)), texts, max_size=6), st.booleans())
def test_whatever_cells_hold_a_loan_comes_out_whole_or_refused_with_reasons(changes, full):
    row = (FULL if full else PLAIN) | changes
    cleaner = LoanCleaner(load_mapping("standard"), today=TODAY)
    for result in cleaner.run(tape_of_rows(list(row), [list(row.values())])):
        if isinstance(result, Refused):
            assert well_said(result)
        else:
            assert sum(amount for _, amount in result.instalments) == result.total > 0
            canonical(result)
