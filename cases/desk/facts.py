"""What a case page shows besides the case itself, read in one statement."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Model

from accounts.ageing import Later
from accounts.models import ContactPoint, User
from cases.models import Call, Case, Offer, Plan, PlanInstalment, Promise, Reason, ScriptRun, ScriptStep
from communications.models import ScriptVersion
from compliance.models import Consent, Designation, MediaRequest

FACTS = """
SELECT jsonb_build_object(
    'points', (
        SELECT jsonb_agg(
            to_jsonb(p) - 'value_index' || jsonb_build_object('value_sealed', encode(p.value_sealed, 'base64'))
        )
        FROM accounts_contactpoint p WHERE p.borrower_id = %(borrower)s
    ),
    'persons', (
        SELECT jsonb_agg(
            jsonb_build_object('id', p.id, 'relation', p.relation, 'name_mask', p.name_mask, 'refused', EXISTS (
                SELECT FROM accounts_relatedpersonrefusal WHERE person_id = p.id
            )) ORDER BY p.created_at, p.id
        )
        FROM accounts_relatedperson p WHERE p.borrower_id = %(borrower)s
    ),
    'designations', (
        SELECT jsonb_agg(
            to_jsonb(d) || jsonb_build_object('words_sealed', encode(d.words_sealed, 'base64')) ORDER BY d.from_on, d.id
        )
        FROM compliance_designation d WHERE d.borrower_id = %(borrower)s AND d.withdrawn_at IS NULL
    ),
    'wishes', (
        SELECT jsonb_agg(to_jsonb(m) ORDER BY m.received_at, m.id)
        FROM compliance_mediarequest m WHERE m.borrower_id = %(borrower)s
    ),
    'consents', (
        SELECT jsonb_agg(to_jsonb(c) ORDER BY c.recorded_at, c.id)
        FROM compliance_consent c WHERE c.borrower_id = %(borrower)s AND c.revoked_at IS NULL
    ),
    'bookings', (
        SELECT jsonb_agg(
            jsonb_build_array(
                e.kind, e.value_date, e.amount, e.fees, e.interest, e.principal, e.credit, e.booked_at, e.reference
            ) ORDER BY e.value_date, e.id
        )
        FROM accounts_ledgerentry e WHERE e.loan_id = %(loan)s
    ),
    'instalments', (
        SELECT jsonb_agg(jsonb_build_array(i.due_on, i.amount) ORDER BY i.due_on, i.number)
        FROM accounts_instalment i WHERE i.loan_id = %(loan)s
    ),
    'others', (
        SELECT jsonb_agg(
            jsonb_build_array(c.id, c.loan_id, c.state, c.opened_on, f.currency) ORDER BY c.opened_on DESC, c.id DESC
        )
        FROM cases_case c JOIN accounts_portfolio f ON f.id = c.portfolio_id
        WHERE c.borrower_id = %(borrower)s AND c.id <> %(case)s AND (
            %(sees_all)s OR f.id IN (SELECT portfolio_id FROM accounts_team_portfolios WHERE team_id = %(team)s)
        )
    ),
    'promises', (
        SELECT jsonb_agg(to_jsonb(p) ORDER BY p.made_at DESC, p.due_on, p.number)
        FROM cases_promise p WHERE p.case_id = %(case)s
    ),
    'plans', (
        SELECT jsonb_agg(to_jsonb(p) ORDER BY p.agreed_at DESC, p.id DESC) FROM cases_plan p WHERE p.case_id = %(case)s
    ),
    'plan_instalments', (
        SELECT jsonb_agg(to_jsonb(i) ORDER BY i.number)
        FROM cases_planinstalment i JOIN cases_plan p ON p.id = i.plan_id WHERE p.case_id = %(case)s
    ),
    'offers', (
        SELECT jsonb_agg(to_jsonb(o) ORDER BY o.offered_at DESC, o.id DESC) FROM cases_offer o WHERE o.case_id = %(case)s
    ),
    'reasons', (
        SELECT jsonb_agg(to_jsonb(r) ORDER BY r.at DESC, r.id DESC) FROM cases_reason r WHERE r.case_id = %(case)s
    ),
    'extensions', (
        SELECT jsonb_agg(jsonb_build_array(e.agreed_on, e.due_from, e.days) ORDER BY e.agreed_on, e.id)
        FROM accounts_extension e WHERE e.loan_id = %(loan)s
    ),
    'placement', (
        SELECT jsonb_build_object('agency', a.name, 'until', p.return_on, 'house_writes', b.house_writes)
        FROM cases_placement p JOIN accounts_agency a ON a.id = p.agency_id JOIN cases_placementbatch b ON b.id = p.batch_id
        WHERE p.case_id = %(case)s AND p.ended_at IS NULL
    ),
    'call', (
        SELECT to_jsonb(c) || jsonb_build_object('contact_point', a.contact_point_id)
        FROM cases_call c JOIN compliance_contactattempt a ON a.id = c.attempt_id
        WHERE c.case_id = %(case)s AND c.agent_id = %(user)s AND c.logged_at IS NULL
        ORDER BY c.placed_at DESC LIMIT 1
    ),
    'run', (
        SELECT to_jsonb(r) || jsonb_build_object('version', to_jsonb(v))
        FROM cases_scriptrun r JOIN communications_scriptversion v ON v.id = r.version_id
        WHERE r.case_id = %(case)s AND r.agent_id = %(user)s AND r.finished_at IS NULL
    ),
    'steps', (
        SELECT jsonb_agg(to_jsonb(s) ORDER BY s.seq) FROM cases_scriptstep s JOIN cases_scriptrun r ON r.id = s.run_id
        WHERE r.case_id = %(case)s AND r.agent_id = %(user)s AND r.finished_at IS NULL
    )
)
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody around the borrower; `refused`: does not want to be contacted."""

    id: str
    relation: str
    name_mask: str
    refused: bool


@dataclass(frozen=True, slots=True)
class Booking:
    """An entry of the loan's ledger, minor units of its portfolio's currency; the four components add up to `amount`."""

    kind: str
    value_date: date
    amount: int
    fees: int
    interest: int
    principal: int
    credit: int
    booked_at: datetime
    reference: str


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """What falls due on a day, minor units."""

    due_on: date
    amount: int


@dataclass(frozen=True, slots=True)
class OtherCase:
    """Another case of the borrower that the person at the desk may see."""

    id: UUID
    loan_id: UUID
    state: str
    opened_on: date
    currency: str


@dataclass(frozen=True, slots=True)
class Placed:
    """The agency that has the case, until which day (included), and whether the house writes beside it."""

    agency: str
    until: date
    house_writes: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """`points` are the numbers and addresses of the borrower and of those around them. Designations and consents are those
    nobody has taken back, `wishes` about channels all there are, in their order. Promises, plans, offers,
    reasons and other cases: newest first. `call` is the one of the person at the desk that waits for its outcome, `called`
    what it was placed to; `run` is the person's open walk through a script, `steps` its answers so far."""

    points: list[ContactPoint]
    persons: list[Person]
    designations: list[Designation]
    wishes: list[MediaRequest]
    consents: list[Consent]
    bookings: list[Booking]
    instalments: list[Due]
    others: list[OtherCase]
    promises: list[Promise]
    plans: list[Plan]
    plan_instalments: list[PlanInstalment]
    offers: list[Offer]
    reasons: list[Reason]
    extensions: list[Later]
    placement: Placed | None
    call: Call | None
    called: ContactPoint | None
    run: ScriptRun | None
    steps: list[ScriptStep]


def read_facts(case: Case, user: User) -> Facts:
    """The facts of a case for the person at the desk."""
    values: dict[str, Any] = {
        "case": case.pk,
        "borrower": case.borrower_id,
        "loan": case.loan_id,
        "user": user.pk,
        "team": user.team_id,
        "sees_all": user.has_perm("accounts.see_all_portfolios"),
    }
    with connection.cursor() as cursor:
        cursor.execute(FACTS, values)
        found: dict[str, Any] = {name: part or [] for name, part in json.loads(cursor.fetchone()[0]).items()}
    points = [_row(ContactPoint, each) for each in found["points"]]
    call, run, placed = found["call"], found["run"], found["placement"]
    return Facts(
        points=points,
        persons=[Person(**each) for each in found["persons"]],
        designations=[_row(Designation, each) for each in found["designations"]],
        wishes=[_row(MediaRequest, each) for each in found["wishes"]],
        consents=[_row(Consent, each) for each in found["consents"]],
        bookings=[_booking(*each) for each in found["bookings"]],
        instalments=[Due(date.fromisoformat(day), amount) for day, amount in found["instalments"]],
        others=[
            OtherCase(UUID(pk), UUID(loan), state, date.fromisoformat(day), currency)
            for pk, loan, state, day, currency in found["others"]
        ],
        promises=[_row(Promise, each) for each in found["promises"]],
        plans=[_row(Plan, each) for each in found["plans"]],
        plan_instalments=[_row(PlanInstalment, each) for each in found["plan_instalments"]],
        offers=[_row(Offer, each) for each in found["offers"]],
        reasons=[_row(Reason, each) for each in found["reasons"]],
        extensions=[
            Later(date.fromisoformat(agreed), date.fromisoformat(due), days)
            for agreed, due, days in found["extensions"]
        ],
        placement=Placed(**{**placed, "until": date.fromisoformat(placed["until"])}) if placed else None,
        call=_row(Call, call) if call else None,
        called=next((point for point in points if call and str(point.pk) == call["contact_point"]), None),
        run=_row(ScriptRun, run, version=_row(ScriptVersion, run["version"])) if run else None,
        steps=[_row(ScriptStep, each) for each in found["steps"]],
    )


def _booking(kind: str, value_date: str, amount: int, *rest: Any) -> Booking:
    fees, interest, principal, credit, booked_at, reference = rest
    entered = datetime.fromisoformat(booked_at)
    counts_from = date.fromisoformat(value_date)
    return Booking(kind, counts_from, amount, fees, interest, principal, credit, entered, reference)


M = TypeVar("M", bound=Model)


def _row(model: type[M], columns: dict[str, Any], **related: Model) -> M:
    """A row of a model from its columns as JSON, as a query would give it, with rows that it points to."""
    fields = [field for field in model._meta.concrete_fields if field.column in columns]
    values = [field.to_python(columns[str(field.column)]) for field in fields]
    row = model.from_db(connection.alias, [field.attname for field in fields], values)
    for name, other in related.items():
        setattr(row, name, other)
    return row
