"""Who may open what: every address of the site against every role.

The table lists, per address, the roles that get in; every other role gets 403, and nobody gets in without signing in.
An address that is missing here fails the test, so that nobody adds a page without saying whose it is.
"""

import uuid

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.actions.payments import receive
from accounts.actions.tapes import keep_file
from accounts.models import Role
from compliance.actions.complaints import log_complaint
from compliance.audit import Actor
from tests.cases.stories import make_case
from tests.factories import NOW, days_ago, make_people, make_portfolio, make_team, make_user

EVERYBODY = frozenset(Role)
WITHOUT_SIGN_IN = frozenset({"sign_in", "sign_out", "health", "preferences", "agencies"})

CASEWORK = {Role.AGENT, Role.SUPERVISOR}
TALKS = CASEWORK | {Role.AGENCY}
SEES_AGENCIES = {Role.SUPERVISOR, Role.COMPLIANCE}
BRINGS_TAPES = {Role.SUPERVISOR, Role.ADMINISTRATOR}
SEES_COMPLAINTS = {Role.SUPERVISOR, Role.COMPLIANCE, Role.LEGAL}
SEES_RULES = {Role.COMPLIANCE, Role.LEGAL}
SEES_CASES = {Role.AGENT, Role.SUPERVISOR, Role.COMPLIANCE, Role.LEGAL}

# Names of addresses → roles that may open them. Filled per app, in the order of the URL files.
PAGES: dict[str, set[str] | frozenset[str]] = {
    "home": EVERYBODY,
    # cases
    "queue": TALKS,
    "queue_next": TALKS,
    "case": SEES_CASES | {Role.AGENCY},
    "case_strip": SEES_CASES | {Role.AGENCY},
    "case_who": SEES_CASES | {Role.AGENCY},
    "case_unseal": SEES_CASES,
    "case_dial": TALKS,
    "case_call": TALKS,
    "case_promise": TALKS,
    "case_plan": CASEWORK,
    "case_plan_shown": SEES_CASES,
    "case_extension": CASEWORK,
    "case_waiver": CASEWORK,
    "case_settlement": CASEWORK,
    "case_offer_answer": CASEWORK,
    "case_reason": CASEWORK,
    "case_affordability": CASEWORK,
    "case_payment": CASEWORK,
    "case_complaint": SEES_CASES | {Role.AGENCY},
    "case_hold": TALKS,
    "case_hold_end": {Role.SUPERVISOR, Role.COMPLIANCE},
    "case_hold_keep": {Role.SUPERVISOR, Role.COMPLIANCE},
    "case_hold_prove": CASEWORK,
    "case_wish": TALKS,
    "case_wish_back": TALKS,
    "case_override": CASEWORK,
    "case_pass": CASEWORK,
    "case_end": {Role.SUPERVISOR},
    "case_legal": {Role.SUPERVISOR, Role.LEGAL},
    "case_ask_legal": {Role.AGENT, Role.SUPERVISOR, Role.COMPLIANCE},
    "case_law": SEES_CASES,
    "case_limitation": {Role.LEGAL},
    "case_step": {Role.LEGAL},
    "case_step_back": {Role.LEGAL},
    "case_write": TALKS,
    "case_note": TALKS,
    "case_script": TALKS,
    "case_leave": TALKS,
    "board_rolls": {Role.SUPERVISOR, Role.COMPLIANCE},
    "days": {Role.SUPERVISOR, Role.COMPLIANCE},
    "day": {Role.SUPERVISOR, Role.COMPLIANCE},
    "case_documents": SEES_CASES,
    "case_document_add": SEES_CASES,
    "case_paper": SEES_CASES,
    "case_document": SEES_CASES,
    "case_document_open": SEES_CASES,
    "case_document_content": SEES_CASES,
    "board": {Role.SUPERVISOR, Role.COMPLIANCE},
    "legal_cases": {Role.LEGAL},
    "question_answer": {Role.LEGAL},
    "states": EVERYBODY,
    "search": SEES_CASES,
    "imports": BRINGS_TAPES,
    "import_new": BRINGS_TAPES,
    "import_run": BRINGS_TAPES,
    "import_confirm": BRINGS_TAPES,
    "import_rejected": BRINGS_TAPES,
    "provider_files": {Role.SUPERVISOR, Role.COMPLIANCE},
    "provider_file": {Role.SUPERVISOR, Role.COMPLIANCE},
    "provider_line": {Role.SUPERVISOR},
    "case_received": {Role.SUPERVISOR},
    "case_received_back": {Role.SUPERVISOR},
    "case_credit": {Role.SUPERVISOR},
    "payments_unmatched": {Role.SUPERVISOR},
    "payment_match": {Role.SUPERVISOR},
    "agency_board": SEES_AGENCIES,
    "agency": SEES_AGENCIES,
    "agency_place": {Role.SUPERVISOR},
    "agency_recall": {Role.SUPERVISOR},
    "agency_commission": SEES_AGENCIES,
    "agency_bar": {Role.COMPLIANCE},
    "agency_lift": {Role.COMPLIANCE},
    "agency_lift_stop": {Role.COMPLIANCE},
    "agency_evaluate": {Role.COMPLIANCE},
    "mandates": SEES_CASES,
    "mandate_give": CASEWORK,
    "mandate_end": SEES_CASES,
    "debit_announce": CASEWORK,
    "debit_withdraw": CASEWORK,
    "debits": {Role.SUPERVISOR},
    "debit_settle": {Role.SUPERVISOR},
    "bureau": SEES_COMPLAINTS,
    "bureau_reporting": {Role.COMPLIANCE},
    "bureau_notices": {Role.COMPLIANCE},
    "bureau_furnish": {Role.COMPLIANCE},
    "bureau_file": {Role.COMPLIANCE},
    "bureau_line": {Role.COMPLIANCE},
    "credit_dispute_answer": {Role.COMPLIANCE},
    "credit_record": SEES_CASES,
    "credit_dispute": SEES_CASES,
    # compliance
    "complaints": SEES_COMPLAINTS,
    "complaint": SEES_COMPLAINTS,
    "complaint_words": SEES_COMPLAINTS,
    "complaint_take": {Role.COMPLIANCE},
    "complaint_decide": {Role.COMPLIANCE},
    "audit": {Role.COMPLIANCE},
    "audit_export": {Role.COMPLIANCE},
    "portfolios": {Role.COMPLIANCE},
    "portfolio_contact": {Role.COMPLIANCE},
    "portfolio_reconciliation": {Role.COMPLIANCE},
    "findings": {Role.COMPLIANCE},
    "finding": {Role.COMPLIANCE},
    "overrides": {Role.SUPERVISOR, Role.COMPLIANCE},
    "override_answer": {Role.SUPERVISOR, Role.COMPLIANCE},
    "approvals": {Role.SUPERVISOR, Role.LEGAL},
    "approval_answer": {Role.SUPERVISOR, Role.LEGAL},
    "packs": SEES_RULES,
    "pack": SEES_RULES,
    "pack_sign": SEES_RULES,
    "pack_compare": SEES_RULES,
    "set_aside_propose": SEES_RULES,
    "set_aside_approve": SEES_RULES,
    "set_aside_end": SEES_RULES,
    "what_ifs": {Role.COMPLIANCE},
    "what_if": {Role.COMPLIANCE},
    "what_if_csv": {Role.COMPLIANCE},
    "decisions": {Role.COMPLIANCE},
    "decision": {Role.COMPLIANCE},
    "decision_replay": {Role.COMPLIANCE},
    # communications
    "mail_sink": SEES_CASES,
}


def addresses(patterns=None, prefix: str = "") -> dict[str, URLPattern]:
    """Every named address of ours; the admin site has its own rules and its own test."""
    found: dict[str, URLPattern] = {}
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                found |= addresses(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            found[pattern.name] = pattern
    return found


def address(name: str) -> str:
    """The address with made-up ids: whether a person may open it is decided before whether the thing exists."""
    converters = addresses()[name].pattern.converters
    return reverse(name, kwargs={key: _sample(kind) for key, kind in converters.items()})


def _sample(converter):
    return (
        uuid.UUID(int=7)
        if "UUID" in type(converter).__name__
        else ("1" if "Int" in type(converter).__name__ else "x")
    )


def test_every_address_is_in_the_table():
    assert set(addresses()) == set(PAGES) | WITHOUT_SIGN_IN


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(set(PAGES)))
def test_nobody_gets_in_without_signing_in(client, name):
    answers = [client.get(address(name)), client.post(address(name))]
    assert {answer.status_code for answer in answers} <= {302, 405}
    inside = [answer.url for answer in answers if answer.status_code == 302]
    assert inside
    assert all(url.startswith(reverse("sign_in")) for url in inside)


@pytest.mark.django_db
@pytest.mark.parametrize("role", sorted(Role))
@pytest.mark.parametrize("name", sorted(set(PAGES)))
def test_role_and_address(client, name, role):
    client.force_login(make_user(role=role))
    get, post = client.get(address(name)).status_code, client.post(address(name)).status_code
    if role in PAGES[name]:
        # In: the page, a redirect onwards, a wrong form, the wrong method, or no such thing for this person.
        assert 403 not in (get, post)
    else:
        assert {get, post} <= {403, 405}
        assert 403 in (get, post)


# What may be opened is opened for one's own team only


@pytest.fixture
def ids():
    """One of everything that an address names, in a portfolio of a team that nobody else is in."""
    portfolio = make_portfolio()
    make_people(portfolio)
    case = make_case(portfolio)
    by = Actor.system("test")
    complaint = log_complaint(
        borrower=case.borrower,
        portfolio=portfolio,
        category="tone",
        words="Unkind.",
        channel="call",
        by=by,
        at=NOW,
    )
    payment = receive(
        portfolio=portfolio, reference="P-1", amount=1_00, value_date=days_ago(1), by=by, at=NOW
    )
    run = keep_file(
        kind="loans", portfolio=portfolio, mapping="standard", name="a.csv", content=b"x", by=by, at=NOW
    )
    return {"case_id": case.pk, "complaint_id": complaint.pk, "payment_id": payment.pk, "run_id": run.pk}


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.AGENT, Role.SUPERVISOR, Role.AGENCY])
@pytest.mark.parametrize("with_team", [True, False])
def test_what_another_team_works_on_is_not_there(client, ids, role, with_team):
    client.force_login(make_user(role=role, team=make_team() if with_team and role != Role.AGENCY else None))
    opened = set()
    for name in sorted(PAGES):
        needed = set(addresses()[name].pattern.converters)
        if role in PAGES[name] and needed and needed <= set(ids):
            page = reverse(name, kwargs={key: ids[key] for key in needed})
            assert {client.get(page).status_code, client.post(page).status_code} <= {404, 405}, name
            opened.add(name)
    assert "case" in opened
    assert ("payment_match" in opened) == (role == Role.SUPERVISOR)


@pytest.mark.django_db
def test_everything_that_changes_something_wants_the_token(ids):
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(role=Role.SUPERVISOR))
    for name in sorted(addresses()):
        answer = client.post(
            reverse(name, kwargs=dict.fromkeys(addresses()[name].pattern.converters, uuid.UUID(int=7)))
        )
        assert answer.status_code in (403, 405), name
