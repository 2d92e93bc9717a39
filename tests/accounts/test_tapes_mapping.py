"""Mappings: mistakes are refused with their place; the documents and the code know the same fields and words."""

import re
from pathlib import Path

import pytest

from accounts.tapes import fields
from accounts.tapes.codes import SENTENCES, Code
from accounts.tapes.mapping import FOLDER, MappingError, load_mapping, mapping_names, read_mapping
from tests.accounts.tapes import EUROPEAN
from tests.shared_data import REPOSITORY


def problems(text):
    with pytest.raises(MappingError) as refusal:
        read_mapping(text, "test")
    return refusal.value.problems


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("title:", "titel:", "titel", "Extra inputs"),
        ("role: creditor", "role: bank", "portfolio.role", "creditor"),
        ("currency: EUR,", "currency: XXX,", "portfolio", "unknown_currency"),
        ("zone: Europe/Paris", "zone: Europe/Pairs", "portfolio", "no time zone"),
        ("jurisdictions: [FR]", "jurisdictions: [NO]", "portfolio.jurisdictions.0", "valid string"),
        ("{column: Nr, required: always}", "{colum: Nr}", "loans.columns.loan_id.colum", "Extra inputs"),
        ("{column: Nr, required: always}", "{column: Nr}", "loans", "'loan_id' needs a column"),
        ("{column: Nr, required: always}", "{column: Nr, required: yes}", "loans.columns.loan_id.required", "always"),
        ("preferred_channel:", "favourite_channel:", "loans", "no field of ours"),
        ("preferred_channel:", "payment_on:", "loans", "only with one_row_per"),
        ('"%m/%d/%Y"', '"%m/%d/%y"', "loans.columns.due_on", "%Y, %m or %b, and %d"),
        ('"%m/%d/%Y"', '"%m/%d/%B/%Y"', "loans.columns.due_on", "%Y, %m or %b, and %d"),
        ("required: with_column, format", "type: datetime, format", "loans.columns.due_on", "needs the zone"),
        ("due_on:", "as_of:", "loans", "nothing says when"),
        ('decimal: ","', 'decimal: "x"', "loans.columns.principal.decimal", "'.' or ','"),
        ('missing: ["-"]', "missing: [NO]", "loans.missing.0", "valid string"),
        ('missing: ["-"]', "constants: {loan_id: x}", "loans", "both a column and a constant"),
        ('missing: ["-"]', "interest_from_final_payment: true", "loans", "payment_final"),
        ('missing: ["-"]', "terms: {by_days: {60: {first_due_after: 30, instalments: 2}}}",
         "loans.terms.by_days.60", "every"),
        ('missing: ["-"]', "terms: {by_days: {60: {first_due_after: 30}}}", "loans", "term_days"),
        ('missing: ["-"]', "one_row_per: payment", "loans", "payment_reference"),
        ('missing: ["-"]', "missing: []\n  missing: []", "line 8", "stands twice"),
        ('missing: ["-"]', "missing: [", "line 9", "expected"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_place(old, new, place, words):
    assert EUROPEAN.count(old) == 1
    found = problems(EUROPEAN.replace(old, new))
    assert [each for each in found if each[0] == place and words in each[1]], found


def test_payments_need_a_date():
    text = (
        EUROPEAN
        + """
payments:
  columns:
    reference: {column: Nr, required: always}
    amount: {column: Betrag, required: always}
    currency: {column: W, required: always}
    value_date: {column: Tag}
"""
    )
    assert problems(text) == [
        ("payments", "Value error, value_date or paid_at needs a column that is required: always")
    ]


def test_a_mapping_that_is_no_mapping():
    assert problems("just words")[0][0] == "file"
    with pytest.raises(KeyError):
        load_mapping("../../etc/passwd")


def test_the_mappings_that_come_with_us():
    assert mapping_names() == ["lendingclub", "standard", "superlender", "xente"]
    for name in mapping_names():
        mapping = load_mapping(name)
        assert mapping.loans is not None
        assert mapping.portfolio.closed_for_contact is True


def test_a_file_must_bear_its_mapping_s_name(monkeypatch, tmp_path):
    (tmp_path / "other.yaml").write_text((FOLDER / "xente.yaml").read_text("utf-8"), "utf-8")
    monkeypatch.setattr("accounts.tapes.mapping.FOLDER", tmp_path)
    with pytest.raises(MappingError, match="the file is called other"):
        load_mapping("other")


def test_the_standard_mapping_has_every_field_under_its_own_name():
    mapping = load_mapping("standard")
    own_rules = {
        "term_days",
        "paid_in_full_on",
        "instalment_amount",
        "status",
    }  # only where a mapping holds a product's rule, or tells what was paid
    loans = {field.name for field in fields.LOAN} - own_rules
    assert set(mapping.loans.columns) == loans
    assert set(mapping.payments.columns) == {field.name for field in fields.PAYMENT}
    assert set(mapping.customers.columns) == {field.name for field in fields.BORROWER}
    for section in (mapping.loans, mapping.payments, mapping.customers):
        assert all(name == column.column for name, column in section.columns.items())
        assert section.other_columns == "refuse"


def test_no_word_for_an_origin_is_both_allowed_and_refused():
    allowed = {*fields.SOURCES, *fields.GROUNDS, *fields.GIVERS}
    assert allowed & fields.HARVESTED == set()


DOCUMENT = REPOSITORY / "docs" / "tapes.md"


def rows_of_table(heading):
    """First cells of the table below a heading, without their backticks."""
    text = DOCUMENT.read_text("utf-8")
    block = text[text.index(f"## {heading}\n") :].split("\n## ", 2)[0]
    return [cell for line in block.splitlines() for cell in re.findall(r"^\| `(.+?)` \|", line)]


def expand(name):
    """`phone`, `phone_2` and so on, written once as `phone[_2, _3]` or `related_{1,2,3}_name`."""
    if match := re.fullmatch(r"(\w+)\{([\w,]+)\}(\w*)", name):
        return [f"{match[1]}{part}{match[3]}" for part in match[2].split(",")]
    if match := re.fullmatch(r"(\w+)\[([\w, ]+)\](\w*)", name):
        return [match[1] + match[3], *(f"{match[1]}{part.strip()}{match[3]}" for part in match[2].split(","))]
    return [name]


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("Loans", [field.name for field in fields.LOAN if field not in fields.BORROWER]),
        ("Borrowers", [field.name for field in fields.BORROWER]),
        ("Tapes with a row per payment", [field.name for field in fields.LOAN_PAYMENT]),
        ("Payments", [field.name for field in fields.PAYMENT]),
        ("What was known before", [field.name for kind in fields.HISTORY.values() for field in kind]),
    ],
)
def test_the_document_lists_every_field(heading, known):
    listed = [name for cell in rows_of_table(heading) for name in expand(cell)]
    assert sorted(listed) == sorted(known)


def test_the_document_lists_every_reason():
    assert sorted(rows_of_table("Reasons")) == sorted(Code)
    text = DOCUMENT.read_text("utf-8")
    for code, sentence in SENTENCES.items():
        assert f"| `{code}` | {sentence} |" in text, code


def test_every_code_has_a_sentence():
    assert set(SENTENCES) == set(Code)
    assert all(sentence[-1] in ".?" for sentence in SENTENCES.values())


def codes_in(folder, pattern):
    text = "".join(file.read_text("utf-8") for file in folder.glob(pattern))
    return set(re.findall(r"\bCode\.([A-Z0-9_]+)", text))


def test_every_code_has_a_test():
    """But for those of the writer, which knows what is in the books: its tests are its own."""
    tested = codes_in(Path(__file__).parent, "test_tapes_*.py")
    written = codes_in(REPOSITORY, "*/actions/*.py")
    assert {code.name for code in Code} - tested - written == set()
