"""Why a file, a row or a cell was refused, and what was noticed without refusing.

Every code has one English sentence with its parameters named in it: the sentence is the msgid of the
translations, and a test holds that parameters and sentence agree. Parameters never hold names, numbers or
addresses of people.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple


def gettext_noop(sentence: str) -> str:
    """Marks a sentence for `makemessages`. The Django layer translates it; nothing here may import Django."""
    return sentence


class Code(StrEnum):
    """Kept for ever: rejected rows and summaries store them."""

    # The whole file
    EMPTY_FILE = "empty_file"
    UNKNOWN_FILE_KIND = "unknown_file_kind"
    KIND_NOT_READ = "kind_not_read"
    ZIP_NAMED_CSV = "zip_named_csv"
    GZIP_NAMED_CSV = "gzip_named_csv"
    OLD_EXCEL = "old_excel"
    NOT_GZIP = "not_gzip"
    BROKEN_GZIP = "broken_gzip"
    NOT_XLSX = "not_xlsx"
    TOO_LARGE_FILE = "too_large_file"
    SEVERAL_SHEETS = "several_sheets"
    NO_SUCH_SHEET = "no_such_sheet"
    NOT_UTF8 = "not_utf8"
    NUL_BYTES = "nul_bytes"
    BROKEN_CSV = "broken_csv"
    AMBIGUOUS_SEPARATOR = "ambiguous_separator"
    MISSING_COLUMNS = "missing_columns"
    DUPLICATE_COLUMNS = "duplicate_columns"
    UNKNOWN_COLUMNS = "unknown_columns"
    TOO_MANY_COLUMNS = "too_many_columns"
    TOO_MANY_ROWS = "too_many_rows"
    CELL_TOO_LONG = "cell_too_long"
    SECTION_MISSING = "section_missing"

    # A row as a whole
    WRONG_CELL_COUNT = "wrong_cell_count"
    NOT_A_LOAN = "not_a_loan"
    NOT_A_PAYMENT = "not_a_payment"
    DUPLICATE_ID = "duplicate_id"
    ROWS_DISAGREE = "rows_disagree"
    BORROWER_CONTRADICTS = "borrower_contradicts"
    CUSTOMER_CONTRADICTS = "customer_contradicts"

    # A cell
    MISSING = "missing"
    ERROR_CELL = "error_cell"
    CONTROL_CHARACTER = "control_character"
    TOO_LONG = "too_long"
    ID_ROUNDED = "id_rounded"
    NOT_A_NUMBER = "not_a_number"
    NEGATIVE = "negative"
    NOT_POSITIVE = "not_positive"
    EXPONENT = "exponent"
    TOO_PRECISE = "too_precise"
    TOO_LARGE = "too_large"
    UNKNOWN_CURRENCY = "unknown_currency"
    OTHER_CURRENCY = "other_currency"
    NOT_WHOLE = "not_whole"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    NOT_A_DATE = "not_a_date"
    NO_SUCH_DATE = "no_such_date"
    AMBIGUOUS_DATE = "ambiguous_date"
    NOT_MIDNIGHT = "not_midnight"
    NO_SUCH_TIME = "no_such_time"
    DATE_OUT_OF_RANGE = "date_out_of_range"
    DATE_IN_FUTURE = "date_in_future"
    UNKNOWN_WORD = "unknown_word"
    UNKNOWN_COUNTRY = "unknown_country"
    UNKNOWN_STATE = "unknown_state"
    BAD_ZIP = "bad_zip"
    BAD_LANGUAGE = "bad_language"
    NOT_A_PERIOD = "not_a_period"
    BAD_SCHEDULE = "bad_schedule"
    UNKNOWN_TERM = "unknown_term"
    PHONE_INVALID = "phone_invalid"
    PHONE_WITHOUT_COUNTRY = "phone_without_country"
    EMAIL_INVALID = "email_invalid"
    HARVESTED = "harvested"
    NOT_AN_HOUR = "not_an_hour"
    NOT_A_REFERENCE = "not_a_reference"
    BAD_SOURCE = "bad_source"

    # Cells that do not fit each other
    TIMES_APART = "times_apart"
    NO_DUE_DATE = "no_due_date"
    TWO_SCHEDULES = "two_schedules"
    TERMS_INCOMPLETE = "terms_incomplete"
    TOO_SMALL_TO_SPLIT = "too_small_to_split"
    DUE_BEFORE_DISBURSED = "due_before_disbursed"
    SCHEDULE_SUM = "schedule_sum"
    TOTAL_MISMATCH = "total_mismatch"
    OUTSTANDING_MISMATCH = "outstanding_mismatch"
    PAID_WITHOUT_DATE = "paid_without_date"
    DATE_WITHOUT_PAID = "date_without_paid"
    PAID_TWO_WAYS = "paid_two_ways"
    PAID_BEFORE_DISBURSED = "paid_before_disbursed"
    PAID_AFTER_AS_OF = "paid_after_as_of"
    FINAL_BUT_SHORT = "final_but_short"
    PAYMENT_CONTRADICTS = "payment_contradicts"
    PAYMENT_OF_TWO_LOANS = "payment_of_two_loans"
    REVERSES_NOTHING = "reverses_nothing"
    CONTACT_INCOMPLETE = "contact_incomplete"
    CONTACT_CONTRADICTS = "contact_contradicts"
    RELATED_INCOMPLETE = "related_incomplete"
    CONSENT_INCOMPLETE = "consent_incomplete"
    NOBODY_NAMED = "nobody_named"
    ADDRESS_OF_OTHER_CHANNEL = "address_of_other_channel"
    ENDS_BEFORE = "ends_before"
    NEEDS = "needs"
    NOT_FOR = "not_for"
    RECORD_CONTRADICTS = "record_contradicts"

    # What a history says of people and loans we do not have, or know otherwise
    UNKNOWN_LOAN = "unknown_loan"
    UNKNOWN_BORROWER = "unknown_borrower"
    NOT_THEIR_LOAN = "not_their_loan"
    NOT_THEIR_ADDRESS = "not_their_address"
    KNOWN_OTHERWISE = "known_otherwise"
    NO_OPEN_CASE = "no_open_case"
    PROMISED_ALREADY = "promised_already"

    # What a later tape may not change
    OTHER_BORROWER = "other_borrower"
    OPENING_CHANGED = "opening_changed"
    PAID_SHRANK = "paid_shrank"
    CHARGES_PAUSED = "charges_paused"
    BOOKED_OTHERWISE = "booked_otherwise"
    PAYMENT_REFUSED = "payment_refused"

    # Noticed, not refused
    REPEATED_PAYMENT = "repeated_payment"
    REPEATED_CUSTOMER = "repeated_customer"
    REPEATED_CONTACT = "repeated_contact"
    PAID_ABOVE_TOTAL = "paid_above_total"
    REPEATED_RECORD = "repeated_record"


_ = gettext_noop

SENTENCES: dict[Code, str] = {
    Code.EMPTY_FILE: _("The file is empty."),
    Code.UNKNOWN_FILE_KIND: _("Files may end in .csv, .csv.gz or .xlsx; this one ends in “%(suffix)s”."),
    Code.KIND_NOT_READ: _("This mapping does not read %(kind)s files."),
    Code.ZIP_NAMED_CSV: _("The name says CSV, but this is a zip archive or an Excel workbook."),
    Code.GZIP_NAMED_CSV: _("The file is compressed. Please name it .csv.gz, or unpack it first."),
    Code.OLD_EXCEL: _("This is a workbook of an old Excel. Please save it as .xlsx or CSV."),
    Code.NOT_GZIP: _("The name says .gz, but the file is not compressed."),
    Code.BROKEN_GZIP: _("The compressed file is damaged or cut off."),
    Code.NOT_XLSX: _("The name says .xlsx, but this is no readable Excel workbook."),
    Code.TOO_LARGE_FILE: _("The workbook unpacks to more than %(limit)s megabytes. Please use CSV."),
    Code.SEVERAL_SHEETS: _("The workbook has several visible sheets: %(sheets)s. Please keep one."),
    Code.NO_SUCH_SHEET: _("The workbook has no sheet named “%(sheet)s”."),
    Code.NOT_UTF8: _("The text is not UTF-8, from row %(row)s on. Please save it as “CSV UTF-8”."),
    Code.NUL_BYTES: _("Row %(row)s holds a NUL byte. The file is damaged, or it is not text."),
    Code.BROKEN_CSV: _("Quotation marks do not match around row %(row)s."),
    Code.AMBIGUOUS_SEPARATOR: _("It is not clear which character separates the columns: %(separators)s."),
    Code.MISSING_COLUMNS: _("These columns are missing: %(columns)s."),
    Code.DUPLICATE_COLUMNS: _("These columns occur twice: %(columns)s."),
    Code.UNKNOWN_COLUMNS: _("The mapping does not know these columns: %(columns)s."),
    Code.TOO_MANY_COLUMNS: _("The file has %(count)s columns; at most %(limit)s are read."),
    Code.TOO_MANY_ROWS: _("The workbook has more than %(limit)s rows. Please use CSV."),
    Code.CELL_TOO_LONG: _("A cell in row %(row)s is longer than %(limit)s characters."),
    Code.SECTION_MISSING: _("The mapping “%(mapping)s” says nothing about %(section)s."),
    Code.WRONG_CELL_COUNT: _("The row has %(found)s cells; the header has %(expected)s."),
    Code.NOT_A_LOAN: _("This row is not a loan: its “%(column)s” is empty."),
    Code.NOT_A_PAYMENT: _("This row is not a payment: its “%(column)s” is empty."),
    Code.DUPLICATE_ID: _("The same id stands in rows %(rows)s. Which one is right?"),
    Code.ROWS_DISAGREE: _("This row and row %(row)s are of one loan but differ in: %(columns)s."),
    Code.BORROWER_CONTRADICTS: _("Rows of this borrower differ in: %(columns)s."),
    Code.CUSTOMER_CONTRADICTS: _("Rows %(rows)s are of one customer but differ in: %(columns)s."),
    Code.MISSING: _("The cell is empty, but it is needed."),
    Code.ERROR_CELL: _("The cell holds a spreadsheet error: %(value)s."),
    Code.CONTROL_CHARACTER: _("The text holds an invisible control character (%(character)s)."),
    Code.TOO_LONG: _("The text is longer than %(limit)s characters."),
    Code.ID_ROUNDED: _("A spreadsheet has rounded this id: %(value)s."),
    Code.NOT_A_NUMBER: _("“%(value)s” is not a number."),
    Code.NEGATIVE: _("“%(value)s” is negative."),
    Code.NOT_POSITIVE: _("The amount must be above zero."),
    Code.EXPONENT: _("“%(value)s” has lost digits in a spreadsheet."),
    Code.TOO_PRECISE: _("“%(value)s” has more decimals than %(currency)s has."),
    Code.TOO_LARGE: _("“%(value)s” is too large."),
    Code.UNKNOWN_CURRENCY: _("“%(value)s” is not a currency."),
    Code.OTHER_CURRENCY: _("The amount is in %(value)s, but this portfolio is in %(expected)s."),
    Code.NOT_WHOLE: _("“%(value)s” is not a whole number."),
    Code.NUMBER_OUT_OF_RANGE: _("“%(value)s” is not between %(lowest)s and %(highest)s."),
    Code.NOT_A_DATE: _("“%(value)s” is not a date like %(format)s."),
    Code.NO_SUCH_DATE: _("There is no such day as “%(value)s”."),
    Code.AMBIGUOUS_DATE: _("“%(value)s” can be read as two different days."),
    Code.NOT_MIDNIGHT: _("“%(value)s” should be a plain date but carries a time."),
    Code.NO_SUCH_TIME: _("There is no such time as “%(value)s” in %(zone)s."),
    Code.DATE_OUT_OF_RANGE: _("“%(value)s” is not between %(earliest)s and %(latest)s."),
    Code.DATE_IN_FUTURE: _("“%(value)s” is still to come (today is %(today)s)."),
    Code.UNKNOWN_WORD: _("“%(value)s” is not one of: %(allowed)s."),
    Code.UNKNOWN_COUNTRY: _("“%(value)s” is not a country code of two letters."),
    Code.UNKNOWN_STATE: _("“%(value)s” is not a state of %(country)s."),
    Code.BAD_ZIP: _("“%(value)s” is not a postal code of %(country)s."),
    Code.BAD_LANGUAGE: _("“%(value)s” is not a language code such as en or zh-hans."),
    Code.NOT_A_PERIOD: _("“%(value)s” is not a distance between instalments such as “month” or “30 days”."),
    Code.BAD_SCHEDULE: _("Part %(part)s of the schedule is not “date:amount” with rising dates."),
    Code.UNKNOWN_TERM: _("The mapping does not know a term of %(value)s days (known: %(allowed)s)."),
    Code.PHONE_INVALID: _("This is not a valid phone number."),
    Code.PHONE_WITHOUT_COUNTRY: _("The phone number needs its country code (+…)."),
    Code.EMAIL_INVALID: _("This is not a valid e-mail address."),
    Code.HARVESTED: _("Data from “%(value)s” may not be used: the person did not give it to us."),
    Code.TIMES_APART: _(
        "“%(later)s” must follow “%(earlier)s” by %(hours)s hours at most, zones considered."
    ),
    Code.NO_DUE_DATE: _("There is no due date. Please fill one of: %(columns)s."),
    Code.TWO_SCHEDULES: _("The due dates are given twice, in: %(columns)s."),
    Code.TERMS_INCOMPLETE: _("Instalments need all of: %(columns)s."),
    Code.TOO_SMALL_TO_SPLIT: _("%(total)s cannot be split into %(count)s instalments."),
    Code.DUE_BEFORE_DISBURSED: _(
        "The first due date, %(due_on)s, is before the loan was paid out, %(disbursed_on)s."
    ),
    Code.SCHEDULE_SUM: _(
        "The schedule comes to %(schedule)s, but principal, interest and fees to %(total)s."
    ),
    Code.TOTAL_MISMATCH: _("The total is %(total)s, but its parts come to %(parts)s."),
    Code.OUTSTANDING_MISMATCH: _(
        "Outstanding is %(outstanding)s, but what is left after payments is %(left)s."
    ),
    Code.PAID_WITHOUT_DATE: _("Something was paid, but there is no date of the last payment."),
    Code.DATE_WITHOUT_PAID: _("There is a date of the last payment, but nothing was paid."),
    Code.PAID_TWO_WAYS: _("What was paid is given twice, in: %(columns)s."),
    Code.PAID_BEFORE_DISBURSED: _(
        "A payment of %(paid_on)s is before the loan was paid out, %(disbursed_on)s."
    ),
    Code.PAID_AFTER_AS_OF: _("A payment of %(paid_on)s is after the day the tape speaks for, %(as_of)s."),
    Code.FINAL_BUT_SHORT: _(
        "A payment is called the last, but %(paid)s is less than the principal, %(principal)s."
    ),
    Code.PAYMENT_CONTRADICTS: _("This payment also stands in row %(row)s, with other particulars."),
    Code.PAYMENT_OF_TWO_LOANS: _("This payment also stands at another loan, in row %(row)s."),
    Code.REVERSES_NOTHING: _("A reversal must name the payment it takes back, and only a reversal may."),
    Code.CONTACT_INCOMPLETE: _("A phone number or address needs a source and a ground: %(columns)s."),
    Code.CONTACT_CONTRADICTS: _(
        "The same number or address stands twice with different particulars: %(columns)s."
    ),
    Code.RELATED_INCOMPLETE: _("A related person needs all of: %(columns)s."),
    Code.CONSENT_INCOMPLETE: _("A consent needs all of: %(columns)s."),
    Code.NOT_AN_HOUR: _("“%(value)s” is not an hour such as 08:30."),
    Code.NOT_A_REFERENCE: _("Evidence is a reference of letters, figures and : . _ -, such as call:4711."),
    Code.BAD_SOURCE: _("Who reported it is written in small letters, figures and _, such as agency_b."),
    Code.NOBODY_NAMED: _("The row names neither a borrower nor a loan: %(columns)s."),
    Code.ADDRESS_OF_OTHER_CHANNEL: _("A contact by %(channel)s does not go to this number or address."),
    Code.ENDS_BEFORE: _("It ends before it begins: %(columns)s."),
    Code.NEEDS: _("A row with “%(value)s” needs: %(columns)s."),
    Code.NOT_FOR: _("A row with “%(value)s” does not have: %(columns)s."),
    Code.RECORD_CONTRADICTS: _("This id also stands in row %(row)s, with other particulars."),
    Code.UNKNOWN_LOAN: _("There is no such loan in this portfolio."),
    Code.UNKNOWN_BORROWER: _("There is no such borrower in this portfolio."),
    Code.NOT_THEIR_LOAN: _("The loan is another borrower's."),
    Code.NOT_THEIR_ADDRESS: _("This number or address is not known as the borrower's."),
    Code.KNOWN_OTHERWISE: _("This id was imported before, with other particulars."),
    Code.NO_OPEN_CASE: _(
        "There is no open case on this loan. Please import promises after the first daily run."
    ),
    Code.PROMISED_ALREADY: _("There is an open promise on this loan already."),
    Code.REPEATED_RECORD: _("This row stands in the file twice, word for word; it counts once."),
    Code.OTHER_BORROWER: _("The loan belongs to another borrower in our books."),
    Code.OPENING_CHANGED: _(
        "This differs from what was taken over with an earlier tape. Please send a correction."
    ),
    Code.CHARGES_PAUSED: _("A hold stops charges on this loan; the file charges more."),
    Code.PAID_SHRANK: _(
        "Less is said to be paid than we have booked. Please send the reversal as a payment."
    ),
    Code.BOOKED_OTHERWISE: _("This reference is booked with another amount, date or loan."),
    Code.PAYMENT_REFUSED: _("This payment could not be taken in (%(reason)s)."),
    Code.REPEATED_PAYMENT: _("This payment stands in the file twice, word for word; it counts once."),
    Code.REPEATED_CUSTOMER: _("This customer stands in the file twice, word for word."),
    Code.REPEATED_CONTACT: _("The same number or address stands twice; it is kept once."),
    Code.PAID_ABOVE_TOTAL: _("More was paid than was owed; the rest is the borrower's credit."),
}


class Refusal(NamedTuple):
    """One reason. `row_number` as a spreadsheet counts: the header is row 1. `column` is the lender's name of
    it, None when the row as a whole is meant. `params` fill the sentence: text and whole numbers only."""

    row_number: int
    column: str | None
    code: Code
    params: Mapping[str, Any]


class TapeError(Exception):
    """The whole file is refused."""

    def __init__(self, code: Code, **params: Any) -> None:
        super().__init__(f"{code}: {SENTENCES[code] % params}")
        self.code = code
        self.params = params
