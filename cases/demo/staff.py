"""Who works in the demo, and for whom: legal entities, portfolios, one team for each, and those who oversee them all."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django.contrib.auth.hashers import make_password

from accounts.actions import agencies, portfolios, staff
from accounts.actions.reconciliation import figures_of, sign_reconciliation
from accounts.models import Agency, Authority, LegalEntity, Portfolio, Role, Team, Terms, User
from accounts.models.terms import usual_authority
from cases.demo.book import PRODUCTS, Product
from cases.demo.logins import DEMO_PASSWORD
from compliance.audit import Actor

SEED = Actor.system("seed_demo")
# Six weeks of history hold few loans that are ninety days late, and legal's page should have something to show.
LEGAL_AFTER_DAYS = 45
# The same goes for agencies and settlements: half of what was owed may be forgiven, and early.
PLACEMENT_AFTER_DAYS, SETTLEMENT_AFTER_DAYS = 25, 14
AUTHORITY = {
    **usual_authority(),
    Role.SUPERVISOR.value: usual_authority()[Role.SUPERVISOR] | {Authority.SETTLEMENT_PERCENT.value: 50},
}
PAYMENTS_FRESH_DAYS = 30
"""The demo is looked at for weeks, while nobody sends it payments."""

# Username, first name, last name (a Chinese name is one). The first login of each role is named after it.
OVERSEERS = {
    Role.COMPLIANCE: ("compliance", "Ingrid", "Vale"),
    Role.LEGAL: ("legal", "Omar", "Reyes"),
}
SUPERVISORS = {"WALLET-US": ("supervisor", "Ruth", "Okafor"), "WALLET-CN": ("supervisor.cn", "", "沈雅")}
AGENTS = {
    "WALLET-US": (
        ("agent", "Alex", "Morgan"),
        ("agent.us2", "Jamie", "Cole"),
        ("agent.us3", "Noor", "Haddad"),
    ),
    "WALLET-CN": (
        ("agent.cn1", "", "方琳"),
        ("agent.cn2", "", "贺凯"),
        ("agent.cn3", "", "苏宁"),
        ("agent.cn4", "", "陶帆"),
    ),
}
# Name, address, phone, licence, percent of what is repaid. The second of each portfolio gets barred.
AGENCIES = {
    "WALLET-US": (
        (
            "Harborlight Recovery LLC",
            "212 Fulton Street, New York, NY",
            "+1 212 555 0175",
            "NYC 2098114",
            "18",
        ),
        ("Northgate Credit Services", "40 Bay Road, Newark, NJ", "+1 201 555 0181", "NJ 77310", "25"),
    ),
    "WALLET-CN": (
        ("和信催收服务有限公司", "上海市虹口区四川北路示例大厦8层", "021-0000 0175", "沪金备0175号", "15"),
        ("速达资产管理有限公司", "苏州市姑苏区示例路40号", "0512-0000 0181", "苏金备0181号", "22"),
    ),
}
# Of the first agency; those of the second come after them.
COLLECTORS = {
    "WALLET-US": (("agency", "Dana", "Whitlock"), ("agency.us2", "Theo", "Brandt")),
    "WALLET-CN": (("agency.cn1", "", "韩露"), ("agency.cn2", "", "丁然")),
}


@dataclass(frozen=True)
class Crew:
    """One portfolio with its people; `agents` in the order of their logins. Each of the `agencies` has one of the
    `collectors`."""

    product: Product
    portfolio: Portfolio
    supervisor: User
    agents: tuple[User, ...]
    agencies: tuple[Agency, ...]
    collectors: tuple[User, ...]


@dataclass(frozen=True)
class Staff:
    crews: tuple[Crew, ...]
    compliance: User
    legal: User
    administrator: User


def set_up(at: datetime) -> Staff:
    """Everybody with the demo's password, and portfolios open for contact."""
    administrator = _person("administrator", "Paula", "Stern", Role.ADMINISTRATOR, SEED, at)
    by = Actor.staff(administrator)
    overseers = {role: _person(*names, role, by, at) for role, names in OVERSEERS.items()}
    # The portfolio whose people read English comes first: its agent and supervisor are the plain logins.
    crews = tuple(
        _crew(product, administrator, overseers[Role.COMPLIANCE], at)
        for product in sorted(PRODUCTS, key=lambda each: each.language)
    )
    return Staff(crews, overseers[Role.COMPLIANCE], overseers[Role.LEGAL], administrator)


def _crew(product: Product, administrator: User, compliance: User, at: datetime) -> Crew:
    by = Actor.staff(administrator)
    entity = portfolios.create_entity(entity=LegalEntity(name=product.entity), by=by, at=at)
    portfolio = portfolios.create_portfolio(
        portfolio=Portfolio(
            code=product.code,
            name=product.name,
            entity=entity,
            currency=product.currency,
            jurisdictions=list(product.jurisdictions),
            zone=product.zone,
            language=product.language,
            payments_fresh_days=PAYMENTS_FRESH_DAYS,
        ),
        by=by,
        at=at,
    )
    terms = Terms(
        portfolio=portfolio, from_on=portfolio.business_date(at), legal_after_days=LEGAL_AFTER_DAYS,
        placement_after_days=PLACEMENT_AFTER_DAYS, settlement_after_days=SETTLEMENT_AFTER_DAYS,
        authority=AUTHORITY,
    )  # fmt: skip
    portfolios.set_terms(terms=terms, by=by, at=at)
    officer = Actor.staff(compliance)
    figures = figures_of(portfolio)
    # A new product: nothing of it was known before.
    sign_reconciliation(portfolio=portfolio, shown=figures.digest, nothing=figures.empty, by=officer, at=at)
    portfolio = portfolios.open_contact(portfolio=portfolio, by=officer, at=at)
    team = staff.add_team(team=Team(name=f"Team {product.code}"), portfolios=[portfolio], by=by, at=at)
    people: dict[str, Any] = {"team": team, "language": product.language}
    supervisor = _person(*SUPERVISORS[product.code], Role.SUPERVISOR, by, at, **people)
    agents = tuple(_person(*names, Role.AGENT, by, at, **people) for names in AGENTS[product.code])
    firms = tuple(_agency(*firm, by, at) for firm in AGENCIES[product.code])
    collectors = tuple(
        _person(*names, Role.AGENCY, by, at, agency=firm, language=product.language)
        for firm, names in zip(firms, COLLECTORS[product.code], strict=True)
    )
    return Crew(product, portfolio, supervisor, agents, firms, collectors)


def _agency(
    name: str, address: str, phone: str, licence: str, percent: str, by: Actor, at: datetime
) -> Agency:
    agency = Agency(
        name=name, address=address, phone=phone, licence=licence, since=at.date() - timedelta(days=400),
        commission_percent=Decimal(percent),
    )  # fmt: skip
    return agencies.add_agency(agency=agency, by=by, at=at)


def _person(
    username: str, first_name: str, last_name: str, role: Role, by: Actor, at: datetime, **fields: object
) -> User:
    user = User(username=username, first_name=first_name, last_name=last_name, role=role, **fields)
    user.password = _hash()
    return staff.add_staff(user=user, password=DEMO_PASSWORD, by=by, at=at)


@cache
def _hash() -> str:
    """Hashing is dear on purpose; for what everybody is told, once is enough."""
    return make_password(DEMO_PASSWORD)
