"""Cases for tests: opened as a day's run opens them, and brought where a test needs them through the real actions."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import connection

from accounts.actions.documents import add_document
from accounts.models import Borrower, ContactKind, ContactPoint, Document, Loan, Portfolio, User
from accounts.standing import standing_of
from cases.actions.calls import Details, log_call, place_call
from cases.actions.legal import set_limitation
from cases.actions.opening import Overdue, open_cases
from cases.models import Approval, Call, Case, CaseMessage, Limitation
from communications.actions.messages import plan
from communications.actions.texts import load_texts
from communications.models import Message
from communications.texts import current_template
from compliance.actions import gate
from compliance.actions.contacts import place
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.factories import NOW, SYSTEM, TODAY, make_borrower, make_loan, make_portfolio, make_user

DAY = timedelta(days=1)


def make_case(
    portfolio: Portfolio | None = None,
    *,
    borrower: Borrower | None = None,
    loan: Loan | None = None,
    at: datetime = NOW,
    **terms,
) -> Case:
    """A case on a loan ten days late, of a borrower with a New York number and an e-mail address."""
    if loan is None:
        portfolio = portfolio or make_portfolio()
        loan = make_loan(borrower or make_reachable(portfolio), portfolio=portfolio, **terms)
    on = loan.portfolio.business_date(at)
    standing = standing_of([loan.pk], on)[loan.pk]
    overdue = Overdue(loan.pk, loan.borrower_id, standing.days_past_due, standing.arrears, 0)
    [case] = open_cases(portfolio=loan.portfolio, loans=[overdue], on=on, by=SYSTEM, at=at)
    return Case.objects.select_related("portfolio", "loan", "borrower__key").get(pk=case)


def make_reachable(portfolio: Portfolio, **fields) -> Borrower:
    number = ContactPoint.objects.count()
    return make_borrower(
        portfolio,
        phone=f"+1 212 555 {number:04}",
        email=f"borrower{number}@example.com",
        zones=["America/New_York"],
        **fields,
    )


def phone_of(borrower: Borrower) -> ContactPoint:
    return borrower.contact_points.get(kind=ContactKind.PHONE)


def call(
    case: Case, user: User, disposition: str, at: datetime = NOW, details: Details | None = None
) -> Call:
    """Place a call and log it a minute later."""
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=user, at=at)
    return log_call(
        call=placed,
        disposition=disposition,
        by=Actor.staff(user),
        at=at + timedelta(minutes=1),
        details=details or Details(),
    )


def told(case: Case) -> None:
    """The first notice of a case was accepted by its provider."""
    load_texts(by=SYSTEM, at=NOW)
    message = plan(
        borrower=case.borrower, contact_point=case.borrower.contact_points.get(kind="email"),
        template_version=current_template("first_notice", "email", "en"), purpose="first_notice",
        loans=[case.loan_id], dedupe_key=str(case.pk), not_before=NOW, by=SYSTEM, at=NOW, case=case.pk,
    )  # fmt: skip
    answer = gate.ask(
        borrower=case.borrower, contact_point=message.contact_point, channel="email", purpose="first_notice",
        loans=[case.loan_id], by=SYSTEM, at=NOW,
    )  # fmt: skip
    attempt = place(permit_id=answer.permit_id, by=SYSTEM, at=NOW)
    Message.objects.filter(pk=message.pk).update(status="sending", attempt=attempt)
    Message.objects.filter(pk=message.pk).update(status="accepted")
    CaseMessage.objects.create(case=case, message=message)


def paper(case: Case, kind: str = "letter", at: datetime = NOW) -> Document:
    """A paper of the case's loan, taken in; each another one."""
    number = Document.objects.count()
    return add_document(
        borrower=case.borrower, loan=case.loan, kind=kind, content=f"Paper {number} of {kind}.\n".encode(), by=SYSTEM, at=at,
        case=case.pk,
    )  # fmt: skip


def in_time(
    case: Case, *, years: int = 3, at: datetime = NOW, runs_from: date = TODAY - 90 * DAY
) -> Limitation:
    """Legal has established that the debt may still be sued for."""
    return set_limitation(
        case=case, runs_from=runs_from, ground="due", years=years, source="Civil Code art. 188",
        words="The last instalment was due then; nothing was paid since.", person=make_user(role="legal"), at=at,
    )  # fmt: skip


def agreed_by_two(case: Case, at: datetime = NOW) -> Approval:
    """Two people's agreement that the case goes to legal, not used yet: as nobody ever leaves it, for attacks."""
    approval = Approval.objects.create(
        case=case, kind="legal", proposal={"days_past_due": 90, "arrears": 100_00}, note_sealed=b"",
        requested_by=make_user(role="supervisor"), requested_at=at, expires_at=at + 7 * DAY,
    )  # fmt: skip
    approval.answered_by, approval.answered_at, approval.approved = make_user(role="legal"), at, True
    approval.save()
    return approval


def fresh(case: Case) -> Case:
    return Case.objects.select_related("portfolio", "loan", "borrower__key").get(pk=case.pk)


def events(case: Case) -> list[str]:
    """Types of the events of a case, in the order in which they were written."""
    found = AuditEvent.objects.filter(case_ref=case.pk).order_by("recorded_at", "stream", "seq")
    return list(found.values_list("type", flat=True))


def steps(case: Case) -> list[tuple[str, datetime, str]]:
    """Open work of a case: kind, due, reason."""
    found = case.work_items.filter(done_at=None).order_by("rank", "due_at")
    return list(found.values_list("kind", "due_at", "reason"))


def days(first: date, count: int) -> Sequence[date]:
    return [first + number * DAY for number in range(count)]


def fill(case: Case, count: int) -> None:
    """Many more cases with due steps, like `case`; the rules about their people are not what these tests are about."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH new_borrower AS (
                INSERT INTO accounts_borrower (id, entity_id, external_index, identity_sealed, name_mask, language, country,
                    zones, preferred_channel, created_at)
                SELECT gen_random_uuid(), b.entity_id, decode(md5(n::text), 'hex'), b.identity_sealed, b.name_mask,
                    b.language, b.country, b.zones, b.preferred_channel, b.created_at
                FROM accounts_borrower b, generate_series(1, %(count)s) n WHERE b.id = %(borrower)s
                RETURNING id
            ), new_loan AS (
                INSERT INTO accounts_loan (id, borrower_id, portfolio_id, external_id, product, tape_digest, created_at,
                    updated_at)
                SELECT gen_random_uuid(), id, %(portfolio)s, id::text, '', '', now(), now() FROM new_borrower
                RETURNING id, borrower_id
            ), new_case AS (
                INSERT INTO cases_case (id, borrower_id, loan_id, portfolio_id, state, state_seq, arrears_reason, opened_on)
                SELECT gen_random_uuid(), borrower_id, id, %(portfolio)s, 'overdue', 0, '', now() FROM new_loan
                RETURNING id, portfolio_id
            ), new_lease AS (INSERT INTO cases_lease (case_id) SELECT id FROM new_case)
            INSERT INTO cases_workitem (id, case_id, portfolio_id, kind, rank, due_at, reason, created_at, result)
            SELECT gen_random_uuid(), id, portfolio_id, 'first_call', 50, %(due)s - random() * interval '9 days', 'test',
                %(due)s, ''
            FROM new_case
            """,
            {
                "count": count,
                "borrower": case.borrower_id,
                "portfolio": case.portfolio_id,
                "due": NOW,
            },
        )
