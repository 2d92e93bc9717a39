"""Texts: the files are fit, say what they must, and come out word for word in both languages."""

from datetime import date

import pytest
import yaml
from django.core.management import call_command

from accounts.models import OurRole
from communications.actions.texts import load_texts
from communications.models import ScriptVersion, Template, TemplateVersion
from communications.scripts import FOLDER as SCRIPTS
from communications.texts import (
    FOLDER,
    PLACEHOLDERS,
    Context,
    Money,
    TextError,
    TextFile,
    check,
    current_template,
    nearest_language,
    read_texts,
    render,
)
from compliance.models import AuditEvent
from tests.factories import NOW, SYSTEM

CONTEXT = Context(
    our_role=OurRole.CREDITOR,
    lender_name="River Wallet",
    agency_name="Kind Collectors",
    reply_address="care@forbear.example",
    borrower_name="Dana Field",
    loan_reference="…0042",
    arrears=Money(123_450, "USD"),
    outstanding=Money(200_000, "USD"),
    oldest_due_on=date(2026, 2, 21),
    days_past_due=10,
    promise_amount=Money(50_000, "USD"),
    agreed_amount=Money(50_000, "USD"),
    agreed_by=date(2026, 3, 20),
    promise_due_on=date(2026, 3, 10),
    debit_amount=Money(40_000, "USD"),
    debit_on=date(2026, 3, 6),
    report_on=date(2026, 3, 20),
)


def text_file(**changes) -> TextFile:
    """The shipped first notice, with `changes` to the English wording."""
    data = yaml.safe_load((FOLDER / "first_notice.yaml").read_text(encoding="utf-8"))
    data["languages"]["en"].update(changes)
    return TextFile.model_validate(data)


def version(body: str, *, subject: str = "", language: str = "en", **disclosures: str) -> TemplateVersion:
    template = Template(key="sample", channel="email", language=language, purpose="reminder")
    return TemplateVersion(template=template, number=1, subject=subject, body=body, disclosures=disclosures)


# The files


def test_shipped_texts():
    found = [(text.key, text.purpose, text.channel, sorted(text.languages)) for text in read_texts()]
    assert found == [
        ("agency_reminder", "reminder", "email", ["en", "zh-hans"]),
        ("bureau_notice", "reminder", "email", ["en", "zh-hans"]),
        ("debit_notice", "reminder", "email", ["en", "zh-hans"]),
        ("extension_agreed", "service", "email", ["en", "zh-hans"]),
        ("first_notice", "first_notice", "email", ["en", "zh-hans"]),
        ("offer_lapsed", "service", "email", ["en", "zh-hans"]),
        ("plan_nudge", "reminder", "email", ["en", "zh-hans"]),
        ("promise_reminder", "reminder", "email", ["en", "zh-hans"]),
        ("reminder", "reminder", "email", ["en", "zh-hans"]),
        ("settlement_agreed", "service", "email", ["en", "zh-hans"]),
        ("settlement_completed", "service", "email", ["en", "zh-hans"]),
        ("settlement_lapsed", "service", "email", ["en", "zh-hans"]),
        ("waiver_agreed", "service", "email", ["en", "zh-hans"]),
    ]


def test_shipped_texts_can_be_said_in_every_role():
    for text in read_texts():
        for language, wording in text.languages.items():
            row = version(wording.body, subject=wording.subject, language=language, **wording.disclosures)
            for role in OurRole:
                subject, body = render(row, Context(**{**vars(CONTEXT), "our_role": role}))
                assert "River Wallet" in subject
                assert "River Wallet" in body
                assert "{" not in subject + body
                assert "\n\n\n" not in body
                assert (wording.disclosures[OurRole.COLLECTOR] in body) == (role != OurRole.CREDITOR)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"subject": "Your overdue loan"}, "en: subject: 'overdue' tells a bystander of a debt"),
        ({"subject": "Please pay {lender_name}"}, "en: subject: 'pay' tells a bystander of a debt"),
        ({"subject": "About {arrears}"}, "en: subject: arrears may be read by a bystander"),
        ({"subject": "For {name}"}, "en: subject: no placeholder name"),
        ({"subject": ""}, "en: subject: empty"),
        (
            {"disclosures": {"debt_buyer": "From a collector."}},
            "en: no disclosure for third_party_debt_collector",
        ),
    ],
)
def test_unfit_subjects_and_disclosures(changes, problem):
    assert problem in list(check(text_file(**changes)))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("{lender_name} {reply_address} {disclosure} {iban} STOP", "en: body: no placeholder iban"),
        (
            "{lender_name} {reply_address} {disclosure} {arrears:.2f} STOP",
            "en: body: a brace that is no placeholder",
        ),
        ("{reply_address} {disclosure} STOP", "en: body: does not say who we are"),
        ("{lender_name} {disclosure} STOP", "en: body: does not say how to answer"),
        ("{lender_name} {reply_address} STOP", "en: body: no place for the disclosure"),
        ("{lender_name} {reply_address} {disclosure}", "en: body: does not name STOP, the way to opt out"),
    ],
)
def test_unfit_bodies(body, problem):
    assert list(check(text_file(body=body))) == [problem]


def test_a_text_is_in_both_languages():
    data = yaml.safe_load((FOLDER / "reminder.yaml").read_text(encoding="utf-8"))
    del data["languages"]["zh-hans"]
    assert list(check(TextFile.model_validate(data))) == ["no zh-hans"]


# Writing


def test_render_english():
    row = version(
        "{greeting}\n\n{loan_reference} {arrears} {outstanding} {oldest_due_on} {days_past_due}"
        "\n\n{disclosure}\n\n{promise_amount} {promise_due_on} {lender_name} {reply_address}",
        subject="A message for you from {lender_name}",
    )
    assert render(row, CONTEXT) == (
        "A message for you from River Wallet",
        "Hello Dana Field,\n\n…0042 $1,234.50 $2,000.00 21 February 2026 10 days"
        "\n\n$500.00 10 March 2026 River Wallet care@forbear.example\n",
    )


def test_render_chinese():
    row = version(
        "{greeting}\n{arrears} {oldest_due_on} {days_past_due}",
        language="zh-hans",
        subject="来自{lender_name}的一封信",
    )
    context = Context(
        our_role="creditor",
        lender_name="河流钱包",
        reply_address="care@forbear.example",
        borrower_name="王小明",
        arrears=Money(123_450, "CNY"),
        oldest_due_on=date(2026, 2, 21),
        days_past_due=400,
    )
    assert render(row, context) == ("来自河流钱包的一封信", "王小明，您好：\n¥1,234.50 2026年2月21日 400天\n")


def test_greeting_without_a_name():
    nameless = Context(our_role="creditor", lender_name="L", reply_address="a@b.example")
    assert render(version("{greeting}"), nameless)[1] == "Hello,\n"
    assert render(version("{greeting}", language="zh-hans"), nameless)[1] == "您好：\n"


def test_data_stays_on_one_line():
    context = Context(
        our_role="creditor",
        lender_name="L\r\nBcc: x@y.example",
        reply_address="a@b.example",
        borrower_name="A\n{arrears}",
    )
    assert render(version("{greeting}", subject="From {lender_name}"), context) == (
        "From L Bcc: x@y.example",
        "Hello A {arrears},\n",
    )


def test_unknown_facts_and_missing_disclosures_are_not_said():
    bare = Context(our_role=OurRole.COLLECTOR, lender_name="L", reply_address="a@b.example")
    with pytest.raises(TextError, match="arrears is not known"):
        render(version("{arrears}"), bare)
    with pytest.raises(TextError, match="no disclosure for third_party_debt_collector"):
        render(version("{disclosure}"), bare)
    with pytest.raises(TextError, match="no placeholder iban"):
        render(version("{iban}"), bare)


def test_every_placeholder_is_a_field_or_made_from_some():
    assert set(PLACEHOLDERS) - {"greeting", "disclosure"} == set(vars(CONTEXT)) - {
        "our_role",
        "borrower_name",
    }


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en"),
        ("en-GB", "en"),
        ("zh-hans", "zh-hans"),
        ("zh_CN", "zh-hans"),
        ("zh", "zh-hans"),
        ("lg", "en"),
        ("", "en"),
    ],
)
def test_nearest_language(tag, language):
    assert nearest_language(tag) == language


# Versions


@pytest.mark.django_db
def test_the_migration_brings_version_one():
    rows = TemplateVersion.objects.values_list("template__key", "template__language", "number", "approved_by")
    assert sorted(rows) == [
        ("agency_reminder", "en", 1, None),
        ("agency_reminder", "zh-hans", 1, None),
        ("bureau_notice", "en", 1, None),
        ("bureau_notice", "zh-hans", 1, None),
        ("debit_notice", "en", 1, None),
        ("debit_notice", "zh-hans", 1, None),
        ("extension_agreed", "en", 1, None),
        ("extension_agreed", "zh-hans", 1, None),
        ("first_notice", "en", 1, None),
        ("first_notice", "zh-hans", 1, None),
        ("offer_lapsed", "en", 1, None),
        ("offer_lapsed", "zh-hans", 1, None),
        ("plan_nudge", "en", 1, None),
        ("plan_nudge", "zh-hans", 1, None),
        ("promise_reminder", "en", 1, None),
        ("promise_reminder", "zh-hans", 1, None),
        ("reminder", "en", 1, None),
        ("reminder", "zh-hans", 1, None),
        ("settlement_agreed", "en", 1, None),
        ("settlement_agreed", "zh-hans", 1, None),
        ("settlement_completed", "en", 1, None),
        ("settlement_completed", "zh-hans", 1, None),
        ("settlement_lapsed", "en", 1, None),
        ("settlement_lapsed", "zh-hans", 1, None),
        ("waiver_agreed", "en", 1, None),
        ("waiver_agreed", "zh-hans", 1, None),
    ]
    assert list(ScriptVersion.objects.values_list("script__key", "number")) == [("first_call", 1)]
    assert load_texts(by=SYSTEM, at=NOW) == (0, 0)


@pytest.mark.django_db
def test_a_changed_file_becomes_the_next_version(tmp_path):
    texts = tmp_path / "texts"
    texts.mkdir()
    original = (FOLDER / "reminder.yaml").read_text(encoding="utf-8")
    changed = original.replace("With kind regards", "Yours").replace("2026-11-20", "2026-12-01")
    (texts / "reminder.yaml").write_text(changed, encoding="utf-8")
    old = current_template("reminder", "email", "en")

    assert load_texts(by=SYSTEM, at=NOW, texts=texts) == (1, 0)
    assert load_texts(by=SYSTEM, at=NOW, texts=texts) == (0, 0)

    new = current_template("reminder", "email", "en-US")
    assert (new.number, new.approved_at.isoformat()) == (2, "2026-12-01T00:00:00+00:00")
    assert new.body == old.body.replace("With kind regards", "Yours")
    assert TemplateVersion.objects.get(pk=old.pk).body == old.body
    assert current_template("reminder", "email", "zh-CN").number == 1
    [event] = AuditEvent.objects.filter(type="template.approved")
    assert (event.stream_kind, event.actor) == ("system", "test")


@pytest.mark.django_db
def test_an_unfit_file_takes_nothing_into_use(tmp_path):
    texts = tmp_path / "texts"
    texts.mkdir()
    for name in ("first_notice", "reminder"):
        words = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").replace("kind regards", "regards")
        (texts / f"{name}.yaml").write_text(words, encoding="utf-8")
    unfit = (texts / "reminder.yaml").read_text(encoding="utf-8").replace("STOP", "HALT")
    (texts / "reminder.yaml").write_text(unfit, encoding="utf-8")

    with pytest.raises(TextError, match=r"reminder\.yaml: en: body: does not name STOP"):
        load_texts(by=SYSTEM, at=NOW, texts=texts, scripts=SCRIPTS)
    assert TemplateVersion.objects.filter(number=2).count() == 0


@pytest.mark.django_db
def test_there_is_no_text_for_a_channel_without_one():
    with pytest.raises(TextError, match="There is no text 'first_notice' for sms"):
        current_template("first_notice", "sms", "en")


@pytest.mark.django_db
def test_load_texts_command(capsys):
    call_command("load_texts")
    assert capsys.readouterr().out.splitlines() == ['{"templates": 0, "scripts": 0}']
