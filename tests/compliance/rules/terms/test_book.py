"""Which terms count in daily work, and that packs say them well."""

from datetime import UTC, date, datetime

import pytest

from compliance.rules import PackError, parse_pack
from compliance.rules.packs import Packs
from compliance.rules.terms import QUESTIONS, ask, book_for
from compliance.rules.terms.matter import CONTACT, SMS, Event, Matter
from tests.compliance.rules.builders import PACKS

AT = datetime(2026, 4, 1, 10, tzinfo=UTC)
TEXTED = Matter(
    role="third_party_debt_collector",
    jurisdictions=("US",),
    zone="UTC",
    events=(Event(at=AT, kind=CONTACT, channel=SMS, inbound=True, point="N1"),),
)
CALLED = Matter(
    role="third_party_debt_collector",
    jurisdictions=("US",),
    zone="UTC",
    events=(Event(at=AT, kind=CONTACT, channel="call", result="conversation", initial=True),),
)

PACK = """
pack: extra
title: Extra
jurisdiction: US
country: US
version: 2026-01-01
rules: []
terms:
  - id: EXTRA.TERM
    says: A term of a test.
    kind: deadline
    of: validation_notice
    citation: none
    source: none
    confidence: house
    binds: [third_party_debt_collector]
    days: 3
    day_type: calendar
    in_force: {from: 2026-01-01, to: 2026-12-31}
    status: draft
    examples:
      - ask: validation_notice_deadline
        says: nothing
        answer: {deadline: null}
"""


def extra(text=PACK):
    return Packs([parse_pack(text, "extra.yaml")])


def deadline(packs, **daily):
    return ask("validation_notice_deadline", CALLED, book_for(packs, ("US",), **daily)).values["deadline"]


def test_a_draft_that_asks_something_of_us_binds_in_daily_work():
    assert deadline(extra()) == date(2026, 4, 4)
    assert deadline(extra(), set_aside=["EXTRA.TERM"]) is None
    assert deadline(extra(), set_aside=["EXTRA.TERM"], all_count=True) == date(2026, 4, 4)


def test_one_only_proposed_does_not():
    proposed = extra(PACK.replace("status: draft", "status: proposed"))
    assert deadline(proposed) is None
    assert deadline(proposed, signed=["extra"]) is None
    assert deadline(proposed, all_count=True) == date(2026, 4, 4)


def test_a_signed_one_cannot_be_set_aside():
    signed = extra(
        PACK.replace("status: draft", "status: signed\n    signed_by: [a, b]\n    signed_on: 2026-01-02")
    )
    assert deadline(signed, set_aside=["EXTRA.TERM"]) == date(2026, 4, 4)


def test_a_draft_that_opens_something_counts_for_nothing_until_it_is_signed():
    def answer(**daily):
        book = book_for(PACKS, ("US",), **daily)
        return ask("sms_address_procedure", TEXTED, book, number="N1").values["outcome"]

    assert answer() == "safe_harbor_not_available"
    assert answer(signed=["us"]) == "safe_harbor_available"
    assert answer(all_count=True) == "safe_harbor_available"


def test_a_term_counts_on_its_own_dates():
    assert deadline(extra(PACK.replace("from: 2026-01-01", "from: 2026-04-02"))) is None
    assert deadline(extra(PACK.replace("to: 2026-12-31", "to: 2026-04-01"))) == date(2026, 4, 4)
    assert deadline(extra(PACK.replace("to: 2026-12-31", "to: 2026-03-31"))) is None


def test_an_answer_names_the_rules_it_rests_on():
    answer = ask("complaint_deadline", CALLED, book_for(PACKS, ("US",)))
    assert answer.rules == ()
    answer = ask("validation_notice_deadline", CALLED, book_for(PACKS, ("US",)))
    assert [PACKS.term(rule).citation for rule in answer.rules] == ["12 CFR 1006.34(a)(1)(i)(B)"]


def test_wherever_a_complaint_comes_from_some_pack_says_by_when_it_is_answered():
    complaint = Event(at=AT, kind="complaint_received")
    for jurisdiction in [*PACKS.jurisdictions, "ZZ"]:
        for role in ("creditor", "third_party_debt_collector", "debt_buyer"):
            matter = Matter(role=role, jurisdictions=(jurisdiction,), zone="UTC", events=(complaint,))
            answer = ask("complaint_deadline", matter, book_for(PACKS, (jurisdiction,)))
            assert answer.values["deadline"] == date(2026, 4, 16)
            assert len(answer.rules) == 1


def test_every_question_has_a_worked_example():
    asked = {example.ask for pack in PACKS.all for term in pack.terms for example in term.examples}
    beside = {"creditor_opt_out_notice", "report_paid_settled_or_discharged_to_bureau"}
    assert QUESTIONS.keys() - asked <= beside


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("day_type: calendar", "day_type: business", "business days name their calendar"),
        ("days: 3", "days: 3\n    longer: {complex: 2}", "longer than `days`"),
        ("status: draft", "status: signed", "signed_by and signed_on"),
        ("kind: deadline", "kind: appointment", "kind"),
        ("days: 3", "days: 3\n    weeks: 2", "weeks"),
        ("says: nothing", "says: nothing\n        events: [{kind: contact}]", "`at` or `day`"),
        ("rules: []", "rules: []\nnotes: []", "notes"),
    ],
)
def test_a_term_that_is_badly_said_names_its_place(old, new, message):
    with pytest.raises(PackError) as error:
        extra(PACK.replace(old, new))
    assert message in str(error.value)
    assert "extra.yaml" in str(error.value)


def test_two_terms_of_one_id_are_refused():
    again = PACK.replace("pack: extra", "pack: again").replace("jurisdiction: US", "jurisdiction: US-MA")
    with pytest.raises(PackError, match="a term of the same id"):
        Packs([parse_pack(PACK, "extra.yaml"), parse_pack(again, "again.yaml")])
