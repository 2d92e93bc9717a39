"""The pages of credit records, mandates and uncertain debits: what people see and do there, and who may not."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.actions.mandates import end_mandate
from accounts.models import DebitNotice, Mandate, Role
from cases.actions import bureau, debits, furnishing
from cases.models import BureauFile, BureauNotice, CreditDispute, DebitMessage, Furnished
from communications.actions.messages import send
from tests.cases.debit_stories import announce, mandate_for, posted
from tests.cases.stories import make_case
from tests.factories import SYSTEM, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def now():
    return timezone.now().replace(hour=17, minute=0)


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def case(portfolio, now):
    today = portfolio.business_date(now)
    return make_case(portfolio, principal=100_00, due_on=today - 60 * DAY, at=now - 40 * DAY)


@pytest.fixture
def officer():
    return make_user(role=Role.COMPLIANCE)


def test_an_agent_records_a_mandate_announces_a_debit_and_takes_a_revocation(client, case, people, now):
    client.force_login(people.alice)
    page = reverse("mandates", args=[case.pk])
    assert "No mandate yet" in client.get(page).content.decode()
    today = case.portfolio.business_date(now)
    given = {
        "source": "wallet", "instrument": "wlt_7Qm2x9", "proof": "call-17", "most_per_debit": "100.00",
        "most_per_month": "300.00", "floor": "20", "from_on": today, "to_on": "",
    }  # fmt: skip
    refused = client.post(
        reverse("mandate_give", args=[case.pk]), {**given, "instrument": "4111111111111111"}
    )
    assert refused.status_code == 422
    assert "never a number of an account" in refused.content.decode()
    assert client.post(reverse("mandate_give", args=[case.pk]), given).url == page
    mandate = Mandate.objects.get()
    assert (mandate.most_per_debit, mandate.floor) == (100_00, 20_00)
    with posted():
        late = {"amount": "40", "collect_on": today}
        assert client.post(reverse("debit_announce", args=[case.pk]), late).status_code == 422
        client.post(
            reverse("debit_announce", args=[case.pk]), {"amount": "40", "collect_on": today + 4 * DAY}
        )
    notice = DebitNotice.objects.get()
    assert (notice.amount, notice.collect_on) == (40_00, today + 4 * DAY)
    client.post(reverse("debit_withdraw", args=[case.pk, notice.pk]))
    assert "withdrawn" in client.get(page).content.decode()
    client.post(reverse("mandate_end", args=[case.pk, mandate.pk]))
    mandate.refresh_from_db()
    assert mandate.end_reason == "revoked"
    assert "revoked by the borrower" in client.get(page).content.decode()


def test_another_teams_agent_sees_no_mandate_and_ends_none(client, case, people):
    mandate = mandate_for(case)
    client.force_login(people.charlie)
    assert client.get(reverse("mandates", args=[case.pk])).status_code == 404
    assert client.post(reverse("mandate_end", args=[case.pk, mandate.pk])).status_code == 404
    assert client.get(reverse("credit_record", args=[case.pk])).status_code == 404


def test_why_nothing_was_drawn_stands_beside_the_announcement(client, case, people, now):
    mandate = mandate_for(case, floor=50_00, at=now - 4 * DAY)
    notice = announce(case, mandate, at=now - 4 * DAY)
    debits.decide(notice=notice, balance=None, at=now)
    client.force_login(people.alice)
    text = client.get(reverse("mandates", args=[case.pk])).content.decode()
    assert "not drawn: the balance would fall below what is left untouched, or is not known" in text


def test_a_supervisor_says_what_came_of_an_uncertain_debit(client, case, people, now):
    notice = announce(case, mandate_for(case, at=now - 4 * DAY), at=now - 4 * DAY)
    debit = debits.place(decision=debits.decide(notice=notice, balance=None, at=now), at=now)
    assert debits.sweep(at=now + 1 * DAY) == 1
    client.force_login(people.bob)
    assert str(debit.pk) in client.get(reverse("debits")).content.decode()
    client.post(reverse("debit_settle", args=[debit.pk]), {"answer": "paid", "reference": "W-5"})
    assert debit.outcomes.certain().get().payment.reference == "W-5"
    assert "Nothing is uncertain" in client.get(reverse("debits")).content.decode()
    assert client.post(reverse("debit_settle", args=[debit.pk]), {"answer": "failed"}).status_code == 404


def test_from_the_first_notice_to_the_file(client, case, officer, portfolio, now):
    client.force_login(officer)
    page = reverse("bureau")
    assert "reports to no bureau" in client.get(page).content.decode()
    client.post(reverse("bureau_reporting", args=[portfolio.code]), {"bureau": "CB1"})
    assert bureau.reporting_to(portfolio, portfolio.business_date(now)) == "CB1"
    assert "not told yet" in client.get(page, {"show": "waiting"}).content.decode()
    with posted():
        client.post(reverse("bureau_notices", args=[portfolio.code]))
    assert BureauNotice.objects.count() == 1
    assert "told; its days are running" in client.get(page, {"show": "waiting"}).content.decode()
    client.post(reverse("bureau_furnish", args=[portfolio.code]))
    assert not BureauFile.objects.exists()


@pytest.fixture
def furnished(case, portfolio, now):
    """Told thirty days ago, reported today."""
    then = now - 30 * DAY
    bureau.set_reporting(
        portfolio=portfolio, bureau="CB1", from_on=portfolio.business_date(then), by=SYSTEM, at=then
    )
    with posted():
        notice = bureau.plan_bureau_notice(case=case, by=SYSTEM, at=then)
        assert send(message_id=notice.message_id, at=then).status == "accepted"
    return case


def test_the_officer_makes_the_file_once_and_takes_it_out(client, furnished, officer, portfolio):
    client.force_login(officer)
    assert "Make this month" in client.get(reverse("bureau")).content.decode()
    client.post(reverse("bureau_furnish", args=[portfolio.code]))
    client.post(reverse("bureau_furnish", args=[portfolio.code]))
    file = BureauFile.objects.get()
    answer = client.post(reverse("bureau_file", args=[file.pk]))
    assert answer.content.decode().splitlines()[0].startswith("loan,kind,as_of,status")
    assert len(answer.content.decode().splitlines()) == 2
    assert answer["Content-Disposition"].startswith(f'attachment; filename="{portfolio.code}-')
    assert "monthly file" in client.get(reverse("bureau"), {"show": "files"}).content.decode()
    client.post(reverse("bureau_line", args=[Furnished.objects.get().pk]), {"what": "withdraw"})
    assert list(Furnished.objects.order_by("pk").values_list("kind", flat=True)) == ["month", "withdrawal"]


def test_a_dispute_goes_from_the_case_to_its_answer(client, furnished, people, officer, portfolio, now):
    case = furnished
    furnishing.furnish(portfolio=portfolio, by=SYSTEM, at=now)
    client.force_login(people.alice)
    record = reverse("credit_record", args=[case.pk])
    assert "Reported as late" in client.get(record).content.decode()
    empty = client.post(
        reverse("credit_dispute", args=[case.pk]), {"about": "dates", "channel": "call", "words": " "}
    )
    assert empty.status_code == 422
    said = {"about": "dates", "channel": "call", "words": "I was in hospital, and told you."}
    assert client.post(reverse("credit_dispute", args=[case.pk]), said).url == record
    dispute = CreditDispute.objects.get()
    assert client.post(reverse("credit_dispute_answer", args=[dispute.pk])).status_code == 403
    client.force_login(officer)
    assert case.borrower.name_mask in client.get(reverse("bureau"), {"show": "disputes"}).content.decode()
    answer = {"answer": "right", "words": "You are right. We took it back."}
    assert client.post(reverse("credit_dispute_answer", args=[dispute.pk]), answer).url == record
    dispute.refresh_from_db()
    assert dispute.state == "corrected"
    assert not Furnished.objects.standing().exists()


def test_the_case_page_asks_for_the_small_section(client, furnished, people):
    client.force_login(people.alice)
    page = client.get(reverse("case", args=[furnished.pk])).content.decode()
    record = reverse("credit_record", args=[furnished.pk])
    assert f'hx-get="{record}"' in page
    part = client.get(record, headers={"HX-Request": "true", "HX-Target": "credit-record"}).content.decode()
    assert part.strip().startswith('<section class="part" id="credit-record"')
    assert "Told; nothing is reported before" in part
    assert end_mandate(
        mandate=mandate_for(furnished), reason="revoked", by=SYSTEM, at=timezone.now()
    ).ended_at
    assert DebitMessage.objects.count() == 0
