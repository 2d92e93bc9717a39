"""Small builders for tests. Borrowers and loans go through real sealing and real ledger entries.

Every builder gives something sensible for what is left out; name what the test is about.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

from accounts.actions.borrowers import add_borrower, add_contact_point
from accounts.actions.ledger import open_loan
from accounts.actions.reconciliation import figures_of, sign_reconciliation
from accounts.models import (
    Agency,
    Borrower,
    ContactKind,
    LegalEntity,
    Loan,
    Portfolio,
    Reconciliation,
    Role,
    Team,
    Terms,
    User,
)
from compliance.audit import Actor

# A Tuesday, noon in New York, one in the morning (Wednesday) in Shanghai.
NOW = datetime(2026, 3, 3, 17, 0, tzinfo=UTC)
TODAY = NOW.date()
PASSWORD = "a-long-test-password"
SYSTEM = Actor.system("test")

_numbers = count(1)


def days_ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def make_team(name: str | None = None, portfolios: Sequence[Portfolio] = ()) -> Team:
    team = Team.objects.create(name=name or f"Team {next(_numbers)}")
    team.portfolios.set(portfolios)
    return team


def make_agency(name: str | None = None, **fields: Any) -> Agency:
    return Agency.objects.create(
        name=name or f"Agency {next(_numbers)}",
        address="1 Long Street",
        phone="+1 212 555 0100",
        licence="L-1",
        since=fields.pop("since", days_ago(400)),
        commission_percent=fields.pop("commission_percent", "10"),
        **fields,
    )


def make_user(
    username: str | None = None, *, role: str = Role.AGENT, team: Team | None = None, **fields
) -> User:
    """A member of staff who signs in with `PASSWORD`; who collects for an agency gets one where none is named."""
    if role == Role.AGENCY and "agency" not in fields:
        fields["agency"] = make_agency()
    return User.objects.create_user(
        username or f"{role}-{next(_numbers)}", password=PASSWORD, role=role, team=team, **fields
    )


def make_portfolio(
    code: str | None = None,
    *,
    currency: str = "USD",
    jurisdictions: Sequence[str] = ("US",),
    zone: str = "America/New_York",
    team: Team | None = None,
    entity: LegalEntity | None = None,
    contact_open: bool = True,
    terms: dict[str, Any] | None = None,
    **fields,
) -> Portfolio:
    """A portfolio open for contact, signed for as new, of an entity of its own, on the list of `team` where one is given.
    Its payments come in by themselves. `terms` hold since ever; without them the usual ones do."""
    code = code or f"portfolio-{next(_numbers)}"
    portfolio = Portfolio.objects.create(
        code=code,
        name=fields.pop("name", f"Loans {code}"),
        entity=entity or LegalEntity.objects.create(name=f"Lender of {code}"),
        currency=currency,
        jurisdictions=list(jurisdictions),
        zone=zone,
        contact_open=False,
        payments_read_at=fields.pop("payments_read_at", NOW),
        payments_fresh_days=fields.pop("payments_fresh_days", None),
        **fields,
    )
    if terms is not None:
        Terms.objects.create(portfolio=portfolio, from_on=date(2000, 1, 1), **terms)
    if contact_open:
        # As if signed long ago; tests of the signing itself go through `reconcile`.
        Reconciliation.objects.create(portfolio=portfolio, figures={}, signed_by="test", signed_at=NOW)
        Portfolio.objects.filter(pk=portfolio.pk).update(contact_open=True)
        portfolio.contact_open = True
    if team is not None:
        team.portfolios.add(portfolio)
    return portfolio


def reconcile(portfolio: Portfolio, *, by: Actor = SYSTEM, at: datetime = NOW) -> None:
    """Sign that everything was imported, and nothing of the kinds without a file."""
    figures = figures_of(portfolio)
    sign_reconciliation(
        portfolio=portfolio,
        shown=figures.digest,
        nothing=figures.empty,
        note="checked" if figures.refused else "",
        by=by,
        at=at,
    )


class People(NamedTuple):
    """The three of every test about who may do what."""

    alice: User  # works the portfolio
    bob: User  # leads her team
    charlie: User  # another team's


def make_people(portfolio: Portfolio) -> People:
    """Alice, an agent of the portfolio's team; Bob, her supervisor; Charlie, an agent of a team without
    it."""
    team = make_team("Insiders", [portfolio])
    return People(
        make_user("alice", team=team),
        make_user("bob", role=Role.SUPERVISOR, team=team),
        make_user("charlie", team=make_team("Outsiders")),
    )


def make_borrower(
    portfolio: Portfolio,
    *,
    name: str = "Dana Field",
    external_id: str | None = None,
    phone: str | None = None,
    email: str | None = None,
    language: str | None = None,
    country: str | None = None,
    zones: Sequence[str] = (),
    preferred_channel: str = "",
    at: datetime = NOW,
) -> Borrower:
    """A borrower of the portfolio's entity with the contact points given; the country is the portfolio's."""
    borrower = add_borrower(
        entity=portfolio.entity,
        external_id=external_id or f"C{next(_numbers):06}",
        identity={"name": name},
        language=language or portfolio.language,
        country=portfolio.country if country is None else country,
        zones=zones,
        preferred_channel=preferred_channel,
        by=SYSTEM,
        at=at,
    )
    for kind, text in ((ContactKind.PHONE, phone), (ContactKind.EMAIL, email)):
        if text is not None:
            add_contact_point(
                borrower=borrower,
                kind=kind,
                text=text,
                region=portfolio.country or None,
                source="application",
                ground="contract",
                by=SYSTEM,
                at=at,
            )
    return borrower


def make_loan(
    borrower: Borrower,
    *,
    portfolio: Portfolio | None = None,
    external_id: str | None = None,
    principal: int = 100_00,
    interest: int = 0,
    fees: int = 0,
    instalments: Sequence[tuple[date, int]] | None = None,
    due_on: date | None = None,
    disbursed_on: date | None = None,
    product: str = "",
    at: datetime = NOW,
) -> Loan:
    """A loan with its opening entry, minor units. Without `instalments` all of it falls due on `due_on`,
    ten days before `TODAY` where that is not given either. Without `portfolio` it is the only one of the
    borrower's entity."""
    due_on = due_on or days_ago(10)
    schedule = instalments or [(due_on, principal + interest + fees)]
    return open_loan(
        borrower=borrower,
        portfolio=portfolio or Portfolio.objects.get(entity=borrower.entity_id),
        external_id=external_id or f"L{next(_numbers):06}",
        principal=principal,
        interest=interest,
        fees=fees,
        instalments=schedule,
        disbursed_on=disbursed_on or min(day for day, _amount in schedule) - timedelta(days=30),
        product=product,
        by=SYSTEM,
        at=at,
    )
