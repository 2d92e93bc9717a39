"""The first days of a case, from the lender's file to the log, in the browsers of those who work on it.

Four real loans of a lender in Nigeria, one of them with an amount made wrong. One borrower has got a name, a number and an
address of our invention: she lives where she may be contacted at the hour at which the test happens to run.
"""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import django_rq
import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page, expect
from rq import SimpleWorker

from accounts.models import Portfolio, Role, Team, User
from cases import tasks
from cases.models import Case, CaseState
from cases.words import day
from communications import sink
from compliance.actions.gate import packs
from compliance.rules import Channel, Facts, decide
from tests.communications.smtp import mail_sink
from tests.factories import PASSWORD, make_user
from tests.shared_data import shared_data

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DUE_ON = date(2017, 8, 24)  # thirty days after the first loan's 25 July
OWED = "NGN\xa034,500.00"


class Place(NamedTuple):
    """Where the borrower lives. Between the four of them somebody is awake at any hour of the week."""

    zone: str
    country: str
    state: str
    phone: str
    jurisdiction: str

    def may(self, channel: Channel, at: datetime) -> bool:
        facts = Facts(
            role="creditor",
            jurisdictions=(self.jurisdiction,),
            channel=channel,
            purpose="collect",
            contact_point="N1",
            debts=("D1",),
            zones=(self.zone,),
            arrears_positive=True,
        )
        # The test must be over before the lawful hours are.
        return all(decide(facts, packs(), moment).allowed for moment in (at, at + timedelta(minutes=5)))


PLACES = (
    Place("Africa/Lagos", "NG", "", "+234 803 123 4567", "US"),
    Place("America/New_York", "US", "NY", "+1 212 555 0142", "US"),
    Place("Pacific/Honolulu", "US", "HI", "+1 808 555 0142", "US"),
    Place("Asia/Shanghai", "CN", "", "+86 138 0013 8000", "CN"),
)


class Clock:
    """The real clock of this process, and by how much it has been set ahead."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta()
        self.real = timezone.now
        patch.setattr(timezone, "now", self.now)

    def now(self) -> datetime:
        return self.real() + self.ahead

    def sleep_until_a_call_is_lawful(self, place: Place) -> None:
        """Until tomorrow at this hour; a day longer where that is a quiet Sunday morning."""
        self.ahead += timedelta(days=1, minutes=1)
        while not place.may(Channel.CALL, self.now()):
            self.ahead += timedelta(days=1)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def place(clock: Clock) -> Place:
    return next(place for place in PLACES if place.may(Channel.EMAIL, clock.now()))


@pytest.fixture
def mailbox(tmp_path, settings) -> Iterator[Path]:
    """Where the mail ends up: a real server on this machine."""
    settings.DEFAULT_FROM_EMAIL = "care@lender.example"
    with mail_sink(tmp_path / "mail") as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        yield tmp_path / "mail"


@pytest.fixture
def tape(place: Place) -> bytes:
    """The first four of the lender's current loans. The first borrower can be reached; the fourth loan's amount has become a
    negative one."""
    with gzip.open(shared_data("superlender/trainperf.csv.gz"), "rt", encoding="utf-8", newline="") as file:
        rows = [row for row, _number in zip(csv.DictReader(file), range(4), strict=False)]
    reached = {"name": "Ngozi Adeyemi", "email": "ngozi@mail.example", "phone": place.phone}
    rows[0] |= reached | {"country": place.country, "state": place.state}
    rows[3]["loanamount"] = "-" + rows[3]["loanamount"]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def run_worker() -> None:
    """All that waits in the queues, by a worker such as the supervisor starts."""
    queues = [django_rq.get_queue(name) for name in settings.RQ_QUEUES]
    SimpleWorker(queues, connection=queues[0].connection).work(burst=True, logging_level="WARNING")


def sign_in(page: Page, user: User, first_page: str) -> None:
    page.goto("/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    page.wait_for_url(f"**{first_page}")


def go_to(page: Page, name: str) -> None:
    """A page of the bar, which keeps the later ones behind "More"."""
    bar = page.get_by_label("Main")
    link = bar.get_by_role("link", name=name)
    if not link.is_visible():
        bar.get_by_text("More", exact=True).click()
    link.click()


def press(page: Page, key: str, then: str) -> None:
    """Press a key; the middle column then holds these words."""
    page.keyboard.press(key)
    expect(page.locator("#conversation")).to_contain_text(then)


def words_of(page: Page, selector: str) -> str:
    return " ".join(page.locator(selector).inner_text().replace("\xa0", " ").split())


def words_of_all(page: Page, selector: str) -> list[str]:
    return [" ".join(each.replace("\xa0", " ").split()) for each in page.locator(selector).all_inner_texts()]


def set_up(page: Page, administrator: User, place: Place) -> tuple[Portfolio, Team]:
    """The lender, its portfolio and the team that works on it, on the administrators' pages."""
    sign_in(page, administrator, "/imports/")
    go_to(page, "Settings")
    page.goto("/admin/accounts/legalentity/add/")
    page.get_by_label("Name").fill("River Wallet")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/admin/accounts/portfolio/add/")
    page.get_by_label("Code").fill("river")
    page.locator("#id_name").fill("Wallet loans")
    page.get_by_label("Legal entity").select_option("River Wallet")
    page.get_by_label("Jurisdictions").fill(place.jurisdiction)
    page.get_by_label("Time zone of its business day").fill("Africa/Lagos")
    page.get_by_label("Currency").fill("NGN")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/admin/accounts/team/add/")
    page.locator("#id_name").fill("Lagoon")
    page.locator("#id_portfolios_from").select_option("river · Wallet loans")
    page.locator("#id_portfolios_add").click()
    page.get_by_role("button", name="Save", exact=True).click()
    portfolio, team = Portfolio.objects.get(code="river"), Team.objects.get(name="Lagoon")
    assert [*team.portfolios.all()] == [portfolio]
    return portfolio, team


def bring_in(page: Page, supervisor: User, tape: bytes) -> None:
    """Upload, a look at every row, confirmation, the worker, the result and the rejected row."""
    sign_in(page, supervisor, "/board/")
    go_to(page, "Imports")
    page.get_by_role("link", name="Import loans").click()
    page.get_by_label("Portfolio").select_option("river · Wallet loans")
    page.get_by_label("Columns are named as in").select_option("Superlender")
    page.get_by_label("File").set_input_files({"name": "loans.csv", "mimeType": "text/csv", "buffer": tape})
    page.get_by_role("button", name="Look at it").click()
    page.wait_for_url("**/imports/*/")
    assert words_of(page, ".figures") == "3 new 0 changed 0 unchanged 1 rejected"
    assert words_of_all(page, "#import-run tbody tr") == ["5 loanamount “-10000” is negative."]
    page.get_by_role("button", name="Import the good rows").click()
    expect(page.locator("#import-run")).to_have_text("Waiting for the worker. You can leave this page.")
    run_worker()
    # The page asks again by itself.
    expect(page.get_by_role("link", name="Download the rejected rows")).to_be_visible()
    assert words_of(page, ".figures") == "3 new 0 changed 0 unchanged 1 rejected"
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rejected rows").click()
    [rejected] = csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"), newline=""))
    sent = list(csv.DictReader(io.StringIO(tape.decode(), newline="")))[3]
    made_plain = {"loanamount": "'-10000", "why": "loanamount: “-10000” is negative."}
    assert rejected == {"row": "5", **sent, **made_plain}


def open_for_contact(page: Page, officer: User) -> None:
    """Somebody signs that the import is right and nothing was known before: only now may anybody be contacted."""
    sign_in(page, officer, "/complaints/")
    go_to(page, "Portfolios")
    assert words_of_all(page, "tbody tr")[0].startswith("river Wallet loans · River Wallet")
    page.get_by_role("link", name="Reconcile and sign").click()
    page.wait_for_url("**/reconciliation/")
    assert words_of(page, ".figures").startswith("3 loans 3 borrowers NGN")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.locator("#messages")).to_contain_text("river may be contacted from now on, within the law.")


def talk(page: Page, agent: User, days_late: int, promised_for: date) -> None:
    """The next case by one key, the call, the script by its digits, and what was promised."""
    sign_in(page, agent, "/queue/")
    rows = words_of_all(page, "tbody tr")
    assert [row.partition(" NGN ")[0].partition(" river")[0] for row in rows] == [
        "N*** A***",
        "name not given",
        "name not given",
    ]
    first = f"NGN 34,500.00 {days_late} 91+ First call The first notice went out; nobody has spoken with them yet. now"
    assert first in rows[0]
    page.keyboard.press("n")
    page.wait_for_url("**/cases/**")
    assert words_of(page, "#who-name") == "N*** A***"
    press(page, "k", "May I speak with N*** A***, please?")
    press(page, "1", "would you tell me your full name")
    press(page, "1", f"A payment was due on 24 Aug 2017, and {OWED} of it is still open.")
    page.keyboard.press("q")
    press(page, "1", "Is now a good moment to talk about it for a few minutes?")
    press(page, "1", "May I ask whether something has made this time difficult for you?")
    press(page, "6", "What was it about this payment?")
    press(page, "1", "Would a later day suit you")
    press(page, "o", "How did the call go?")
    page.keyboard.press("p")
    page.get_by_label("Amount in NGN").fill("20,000")
    page.get_by_label("By", exact=True).fill(promised_for.isoformat())
    page.get_by_label("Amount in NGN").press("Enter")
    expect(page.locator("[aria-labelledby=agreements-label]")).to_contain_text("promised by")
    assert words_of(page, "[aria-labelledby=agreements-label] .lines") == (
        f"NGN 20,000.00 promised by {day(promised_for)} open"
    )


def pay(page: Page, closed_on: date) -> None:
    """All that is late comes in; the case closes by itself."""
    press(page, "y", "A payment")
    page.get_by_label("Amount in NGN").fill("34500")
    page.get_by_label("Reference").fill("W-1001")
    page.get_by_label("Reference").press("Enter")
    expect(page.locator("#conversation")).to_contain_text(
        f"This case is closed: back on track, on {day(closed_on)}."
    )
    assert words_of_all(page, "#timeline .event div > span:first-child")[:6] == [
        "From “in conversation” to “back on track”",
        "Promise kept",
        f"Paid NGN 34,500.00, counted from {day(closed_on)}",
        f"Promised NGN 20,000.00 by {day(closed_on + timedelta(days=7))}",
        "From “notified” to “in conversation”",
        "Call: Promises to pay",
    ]


def take_away_the_log(page: Page, officer: User) -> list[dict[str, Any]]:
    sign_in(page, officer, "/complaints/")
    go_to(page, "Audit log")
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON Lines").click()
    return [json.loads(line) for line in download.value.path().read_text("utf-8").splitlines()]


def test_from_the_lenders_file_to_the_log(
    open_browser: Callable[[], Page], clock: Clock, place: Place, mailbox: Path, tape: bytes
):
    grace = make_user("grace", role=Role.ADMINISTRATOR)
    chen = make_user("chen", role=Role.COMPLIANCE)
    portfolio, team = set_up(open_browser(), grace, place)
    bola = make_user("bola", role=Role.SUPERVISOR, team=team)
    amina = make_user("amina", team=team, first_name="Amina", last_name="Bello")
    bring_in(open_browser(), bola, tape)
    officers_page = open_browser()
    open_for_contact(officers_page, chen)

    # The business day: three late loans, one notice.
    today = portfolio.business_date(clock.now())
    out = io.StringIO()
    call_command("run_day", date=today, stdout=out)
    summary = json.loads(out.getvalue())
    assert {name: summary[name] for name in ("loans", "overdue", "opened", "notices", "addresses")} == {
        "loans": 3, "overdue": 3, "opened": 3, "notices": 1, "addresses": 2,
    }  # fmt: skip
    tasks.dispatch()
    run_worker()
    [mail] = [sink.read(path) for path in sink.kept(mailbox)]
    assert (mail.sender, mail.recipient) == ("River Wallet <care@lender.example>", "ngozi@mail.example")
    assert mail.subject == "A message for you from River Wallet"
    assert mail.body.startswith(
        "Hello Ngozi Adeyemi,\n\nThis is River Wallet, writing about your loan …4762.\n\n"
        f"A payment was due on 24 August 2017, {(today - DUE_ON).days} days ago, and we have not seen all of it yet. "
        f"The amount still open is {OWED}."
    )
    case = Case.objects.get(loan__external_id="301994762")
    assert case.state == CaseState.NOTIFIED

    clock.sleep_until_a_call_is_lawful(place)
    call_day = portfolio.business_date(clock.now())
    page = open_browser()
    talk(page, amina, (call_day - DUE_ON).days, promised_for=call_day + timedelta(days=7))
    pay(page, closed_on=call_day)
    case = Case.objects.get(pk=case.pk)
    assert case.state == CaseState.CURED

    log = take_away_the_log(officers_page, chen)
    who = {str(user.ref): user.username for user in User.objects.all()}
    told = [(who.get(leaf["actor"]["ref"], leaf["actor"]["ref"]), leaf["type"], leaf) for leaf in log]
    assert [(actor, event) for actor, event, leaf in told if leaf.get("case") == str(case.pk)] == [
        ("run_day", "case.opened"),
        ("run_day", "message.planned"),
        ("run_day", "work.planned"),
        ("dispatch", "contact.decided"),
        ("dispatch", "contact.attempted"),
        ("dispatch", "message.sending"),
        ("dispatch", "message.accepted"),
        ("dispatch", "case.moved"),
        ("amina", "case.leased"),
        ("amina", "contact.decided"),
        ("amina", "contact.attempted"),
        ("amina", "script.started"),
        *[("amina", "script.step")] * 6,
        ("amina", "reason.recorded"),
        ("amina", "contact.outcome"),
        ("amina", "script.finished"),
        ("amina", "work.done"),
        ("amina", "case.moved"),
        ("amina", "promise.recorded"),
        ("amina", "payment.received"),
        ("amina", "payment.matched"),
        ("ledger", "promise.kept"),
        ("ledger", "case.moved"),
        ("ledger", "case.released"),
    ]
    moves = [leaf["data"] for _actor, event, leaf in told if event == "case.moved"]
    assert [(move["source"], move["target"]) for move in moves] == [
        ("overdue", "notified"),
        ("notified", "negotiating"),
        ("negotiating", "cured"),
    ]
    around = [(actor, event) for actor, event, leaf in told if "case" not in leaf]
    assert around == [
        ("grace", "staff.signed_in"),
        ("grace", "legal_entity.created"),
        ("grace", "portfolio.created"),
        ("grace", "team.created"),
        ("bola", "staff.signed_in"),
        ("bola", "import.previewed"),
        ("bola", "import.confirmed"),
        ("bola", "import.started"),
        *[("bola", "borrower.imported")] * 3,
        *[("bola", "loan.imported")] * 3,
        *[("bola", "ledger.posted")] * 3,
        ("bola", "import.finished"),
        ("bola", "import.rejects_downloaded"),
        ("chen", "staff.signed_in"),
        ("chen", "portfolio.reconciled"),
        ("chen", "portfolio.contact_opened"),
        ("run_day", "day.started"),
        ("run_day", "day.part_done"),
        ("run_day", "day.reported"),
        ("run_day", "day.finished"),
        # The first decision keeps the text of the law it rests on.
        *[("gate", "pack.stored")] * len(packs().all),
        ("amina", "staff.signed_in"),
        ("amina", "ledger.posted"),
        ("chen", "staff.signed_in"),
    ]
    # Nothing in it says who she is.
    for secret in ("Ngozi", "Adeyemi", "ngozi@", "".join(filter(str.isdigit, place.phone))[-8:]):
        assert secret not in json.dumps(log, ensure_ascii=False)
