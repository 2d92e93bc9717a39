"""Roles, the administrators' pages, and the actions behind them: portfolios, teams, staff."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse

from accounts.actions.portfolios import (
    NotReconciled,
    change_entity,
    change_portfolio,
    close_contact,
    create_entity,
    create_portfolio,
    open_contact,
)
from accounts.actions.staff import (
    add_staff,
    add_team,
    change_staff,
    change_team,
    note_failed_sign_in,
    note_sign_in,
    remove_team,
)
from accounts.models import LegalEntity, Portfolio, Role, Team, User
from accounts.roles import ROLES
from compliance.audit import Actor
from compliance.audit.models import AuditEvent
from tests.factories import (
    NOW,
    PASSWORD,
    SYSTEM,
    make_borrower,
    make_loan,
    make_people,
    make_portfolio,
    make_team,
    make_user,
    reconcile,
)

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "quiet-rivers-run-deep"


@pytest.fixture
def administrator():
    return make_user("ada", role=Role.ADMINISTRATOR)


@pytest.fixture
def ada(administrator):
    return Actor.staff(administrator)


def events():
    """Type and data of all events, in order."""
    return [
        (event.type, json.loads(bytes(event.leaf))["data"])
        for event in AuditEvent.objects.order_by("recorded_at")
    ]


# The table


def test_every_permission_in_the_table_exists():
    known = {f"{app}.{codename}" for app, codename in Permission.objects.values_list(
        "content_type__app_label", "codename")}  # fmt: skip
    assert {permission for role in ROLES.values() for permission in role} - known == set()


def test_every_role_has_its_line():
    assert set(ROLES) == set(Role)


@pytest.mark.parametrize("role", sorted(Role))
def test_a_person_may_what_the_role_may(role):
    user = make_user(role=role)
    assert user.get_all_permissions() == ROLES[role]
    assert all(user.has_perm(permission) for permission in ROLES[role])
    for others in ROLES.values():
        for permission in others - ROLES[role]:
            assert not user.has_perm(permission)


def test_who_has_left_may_nothing():
    user = make_user(role=Role.COMPLIANCE, is_active=False)
    assert user.get_all_permissions() == set()
    assert not user.has_perm("accounts.unseal")


def test_nobody_is_above_the_table():
    user = make_user(role=Role.AGENT, is_superuser=True, is_staff=True)
    user.refresh_from_db()
    assert (user.is_superuser, user.is_staff) == (False, False)
    assert not user.has_perm("accounts.add_user")


def test_permissions_given_in_the_database_count_for_nothing():
    user = make_user(role=Role.AGENT)
    user.user_permissions.add(Permission.objects.get(codename="add_user"))
    assert not User.objects.get(pk=user.pk).has_perm("accounts.add_user")


def test_administrators_see_no_borrower():
    assert not {
        permission
        for permission in ROLES[Role.ADMINISTRATOR]
        if permission.partition(".")[2] in ("unseal", "view_borrower", "view_loan", "view_case", "work_case")
    }


def test_portfolios_are_seen_by_their_team():
    portfolio = make_portfolio()
    people = make_people(portfolio)
    assert list(Portfolio.objects.visible_to(people.alice)) == [portfolio]
    assert list(Portfolio.objects.visible_to(people.charlie)) == []
    assert list(Portfolio.objects.visible_to(make_user(role=Role.COMPLIANCE))) == [portfolio]


# Portfolios


def new_portfolio(**changed):
    entity = LegalEntity.objects.first() or LegalEntity.objects.create(name="Lender")
    terms = {"code": "wallet-usd", "name": "Wallet", "currency": "USD", "jurisdictions": ["US", "US-MA"]}
    return Portfolio(entity=entity, **terms | changed)


def test_creating_a_portfolio(ada):
    portfolio = create_portfolio(portfolio=new_portfolio(contact_open=True), by=ada, at=NOW)
    assert Portfolio.objects.get(pk=portfolio.pk).contact_open is False
    assert events() == [
        (
            "portfolio.created",
            {
                "portfolio": str(portfolio.ref),
                "code": "wallet-usd",
                "currency": "USD",
                "jurisdictions": ["US", "US-MA"],
                "role": "creditor",
            },
        )
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("currency", "XXX"),
        ("currency", "usd"),
        ("zone", "Mars/Olympus"),
        ("language", "tlh"),
        ("jurisdictions", ["USA"]),
        ("jurisdictions", ["us"]),
        ("allocation_order", ["fees", "interest"]),
        ("allocation_order", ["fees", "fees", "principal"]),
        ("bucket_edges", [60, 30]),
        ("bucket_edges", []),
        ("bucket_edges", [0, 30]),
        ("code", "with space"),
        ("our_role", "friend"),
    ],
)
def test_terms_that_make_no_sense_are_refused(ada, field, value):
    with pytest.raises(ValidationError) as refusal:
        create_portfolio(portfolio=new_portfolio(**{field: value}), by=ada, at=NOW)
    assert field in refusal.value.message_dict
    assert not Portfolio.objects.exists()


def test_changing_a_portfolio_says_what_changed(ada):
    portfolio = create_portfolio(portfolio=new_portfolio(), by=ada, at=NOW)
    portfolio.name, portfolio.bucket_edges, portfolio.contact_open = "New name", [10, 20], True
    change_portfolio(portfolio=portfolio, by=ada, at=NOW)
    change_portfolio(portfolio=portfolio, by=ada, at=NOW)
    stored = Portfolio.objects.get()
    assert (stored.name, stored.bucket_edges, stored.contact_open) == ("New name", [10, 20], False)
    assert events()[1:] == [
        ("portfolio.changed", {"portfolio": str(portfolio.ref), "fields": ["name", "bucket_edges"]})
    ]


@pytest.mark.parametrize(
    ("field", "value"), [("currency", "CNY"), ("allocation_order", ["principal", "interest", "fees"])]
)
def test_what_the_books_rest_on_stays_once_there_are_loans(ada, field, value):
    portfolio = make_portfolio()
    setattr(portfolio, field, value)
    change_portfolio(portfolio=portfolio, by=ada, at=NOW)
    portfolio = make_portfolio()
    make_loan(make_borrower(portfolio))
    setattr(portfolio, field, value)
    with pytest.raises(ValidationError) as refusal:
        change_portfolio(portfolio=portfolio, by=ada, at=NOW)
    assert list(refusal.value.message_dict) == [field]


def test_only_compliance_opens_for_contact(ada):
    portfolio = make_portfolio(contact_open=False)
    for role in set(Role) - {Role.COMPLIANCE}:
        with pytest.raises(PermissionDenied):
            open_contact(portfolio=portfolio, by=Actor.staff(make_user(role=role)), at=NOW)
    officer = Actor.staff(make_user(role=Role.COMPLIANCE))
    with pytest.raises(NotReconciled):
        open_contact(portfolio=portfolio, by=officer, at=NOW)
    reconcile(portfolio, by=officer)
    for _ in range(2):
        assert open_contact(portfolio=portfolio, by=officer, at=NOW).contact_open
    for _ in range(2):
        assert not close_contact(portfolio=portfolio, reason="import_wrong", by=officer, at=NOW).contact_open
    ref = str(portfolio.ref)
    assert events()[0][0] == "portfolio.reconciled"
    assert events()[1:] == [
        ("portfolio.contact_opened", {"portfolio": ref}),
        ("portfolio.contact_closed", {"portfolio": ref, "reason": "import_wrong"}),
    ]


def test_legal_entities(ada):
    entity = create_entity(entity=LegalEntity(name="Lender"), by=ada, at=NOW)
    entity.name = "Lender of Last Resort"
    change_entity(entity=entity, by=ada, at=NOW)
    ref = str(entity.ref)
    assert events() == [
        ("legal_entity.created", {"entity": ref}),
        ("legal_entity.changed", {"entity": ref, "fields": ["name"]}),
    ]


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMINISTRATOR}))
def test_others_set_nothing_up(role):
    by, team = Actor.staff(make_user(role=role)), make_team()
    portfolio, user = make_portfolio(), make_user()
    attempts = [
        lambda: create_entity(entity=LegalEntity(name="X"), by=by, at=NOW),
        lambda: change_entity(entity=portfolio.entity, by=by, at=NOW),
        lambda: create_portfolio(portfolio=new_portfolio(), by=by, at=NOW),
        lambda: change_portfolio(portfolio=portfolio, by=by, at=NOW),
        lambda: add_staff(user=User(username="x"), password=NEW_PASSWORD, by=by, at=NOW),
        lambda: change_staff(user=user, by=by, at=NOW),
        lambda: add_team(team=Team(name="X"), portfolios=[], by=by, at=NOW),
        lambda: change_team(team=team, portfolios=[], by=by, at=NOW),
        lambda: remove_team(team=team, by=by, at=NOW),
    ]
    for attempt in attempts:
        with pytest.raises(PermissionDenied):
            attempt()
    assert events() == []


# Staff and teams


def test_adding_staff(ada):
    user = add_staff(user=User(username="erin", role=Role.AGENT), password=NEW_PASSWORD, by=ada, at=NOW)
    assert User.objects.get(pk=user.pk).check_password(NEW_PASSWORD)
    assert events() == [("staff.created", {"staff": str(user.ref), "role": "agent"})]


@pytest.mark.parametrize("password", ["short", "password1234", "erin-the-agent"])
def test_a_weak_password_is_refused(ada, password):
    with pytest.raises(ValidationError):
        add_staff(user=User(username="erin-the-agent"), password=password, by=ada, at=NOW)
    assert not User.objects.filter(username="erin-the-agent").exists()


def test_changing_staff_says_what_changed(administrator, ada):
    user = make_user("erin", role=Role.AGENT)
    user.role, user.is_active = Role.ADMINISTRATOR, False
    change_staff(user=user, password=NEW_PASSWORD, by=ada, at=NOW)
    change_staff(user=user, by=ada, at=NOW)
    stored = User.objects.get(pk=user.pk)
    assert (stored.role, stored.is_staff, stored.is_active) == ("administrator", True, False)
    assert stored.check_password(NEW_PASSWORD)
    assert events() == [
        ("staff.changed", {"staff": str(user.ref), "fields": ["role", "is_active", "password"]})
    ]


@pytest.mark.parametrize("change", [{"role": Role.AGENT}, {"is_active": False}])
def test_the_last_administrator_stays(administrator, ada, change):
    make_user(role=Role.ADMINISTRATOR, is_active=False)
    for field, value in change.items():
        setattr(administrator, field, value)
    with pytest.raises(ValidationError, match="last administrator"):
        change_staff(user=administrator, by=SYSTEM, at=NOW)
    make_user(role=Role.ADMINISTRATOR)
    change_staff(user=administrator, by=SYSTEM, at=NOW)


def test_teams(ada):
    portfolio = make_portfolio()
    team = add_team(team=Team(name="North"), portfolios=[portfolio], by=ada, at=NOW)
    change_team(team=team, portfolios=[portfolio], by=ada, at=NOW)
    team.name = "South"
    change_team(team=team, portfolios=[], by=ada, at=NOW)
    user = make_user(team=team)
    with pytest.raises(ValidationError, match="people"):
        remove_team(team=team, by=ada, at=NOW)
    user.team = None
    change_staff(user=user, by=ada, at=NOW)
    key = team.pk
    remove_team(team=team, by=ada, at=NOW)
    assert not Team.objects.exists()
    assert events() == [
        ("team.created", {"team": key}),
        ("team.changed", {"team": key, "fields": ["name", "portfolios"]}),
        ("staff.changed", {"staff": str(user.ref), "fields": ["team"]}),
        ("team.removed", {"team": key}),
    ]


def test_sign_ins_are_noted(administrator):
    note_sign_in(user=administrator, at=NOW)
    note_failed_sign_in(at=NOW)
    assert events() == [
        ("staff.signed_in", {"staff": str(administrator.ref)}),
        ("staff.sign_in_failed", {"reason": "wrong_credentials"}),
    ]


# The administrators' pages

MODELS = ("agency", "legalentity", "portfolio", "team", "terms", "user")


@pytest.fixture
def admin_client(client, administrator):
    client.force_login(administrator)
    return client


def pages():
    """Every page of the six models, with a row each."""
    rows = [make_portfolio(), make_team(), make_user()]
    rows.append(rows[0].entity)
    found = [reverse("admin:index")]
    for row in rows:
        name = f"admin:accounts_{row._meta.model_name}"
        found += [
            reverse(f"{name}_changelist"),
            reverse(f"{name}_add"),
            reverse(f"{name}_change", args=[row.pk]),
        ]
        found += [reverse(f"{name}_history", args=[row.pk])]
    return found


def test_administrators_open_every_page(admin_client):
    for page in pages():
        assert admin_client.get(page).status_code == 200, page


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMINISTRATOR}))
def test_others_do_not_get_in(client, role):
    client.force_login(make_user(role=role))
    for page in pages():
        assert client.get(page, follow=True).status_code == 403, page


def test_who_is_not_signed_in_signs_in_first(client):
    answer = client.get(reverse("admin:accounts_user_changelist"), follow=True)
    assert answer.redirect_chain[-1][0] == f"{reverse('sign_in')}?next=/admin/accounts/user/"


def test_the_index_shows_six_things(admin_client):
    [app] = admin_client.get(reverse("admin:index")).context["app_list"]
    assert sorted(model["object_name"].lower() for model in app["models"]) == sorted(MODELS)


def test_nothing_else_of_django_is_there(admin_client):
    assert admin_client.get("/admin/auth/group/").status_code in (403, 404)


def test_a_person_is_added_in_the_browser(admin_client, administrator):
    team = make_team()
    form = {
        "username": "erin",
        "role": "agent",
        "team": team.pk,
        "language": "zh-hans",
        "is_active": "on",
        "new_password": NEW_PASSWORD,
        "new_password_again": NEW_PASSWORD,
    }
    answer = admin_client.post(reverse("admin:accounts_user_add"), form)
    assert answer.status_code == 302, answer.context["errors"]
    erin = User.objects.get(username="erin")
    assert (erin.role, erin.team, erin.language) == ("agent", team, "zh-hans")
    assert erin.check_password(NEW_PASSWORD)
    [event] = AuditEvent.objects.all()
    assert (event.type, event.actor) == ("staff.created", str(administrator.ref))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"new_password": ""}, "new_password"),
        ({"new_password_again": "something-else-9"}, "new_password_again"),
        ({"new_password": "short", "new_password_again": "short"}, "new_password"),
        ({"role": "owner"}, "role"),
        ({"username": "ada"}, "username"),
    ],
)
def test_a_wrong_form_is_shown_again(admin_client, change, field):
    form = {
        "username": "erin",
        "role": "agent",
        "language": "en",
        "is_active": "on",
        "new_password": NEW_PASSWORD,
        "new_password_again": NEW_PASSWORD,
    }
    answer = admin_client.post(reverse("admin:accounts_user_add"), form | change)
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not User.objects.filter(username="erin").exists()


def test_a_person_is_changed_in_the_browser(admin_client):
    user = make_user("erin")
    page = reverse("admin:accounts_user_change", args=[user.pk])
    form = {"username": "erin", "role": "supervisor", "language": "en", "is_active": "on"}
    assert admin_client.post(page, form).status_code == 302
    user.refresh_from_db()
    assert user.role == "supervisor"
    assert user.check_password(PASSWORD)
    passwords = {"new_password": NEW_PASSWORD, "new_password_again": NEW_PASSWORD}
    assert admin_client.post(page, form | passwords).status_code == 302
    user.refresh_from_db()
    assert user.check_password(NEW_PASSWORD)
    assert [data["fields"] for _type, data in events()] == [["role"], ["password"]]


def test_the_last_administrator_is_told_in_the_form(admin_client, administrator):
    page = reverse("admin:accounts_user_change", args=[administrator.pk])
    form = {"username": "ada", "role": "agent", "language": "en", "is_active": "on"}
    answer = admin_client.post(page, form)
    assert answer.status_code == 200
    assert "last administrator" in answer.content.decode()


def test_ones_own_password_is_changed_where_everyones_is(admin_client, administrator):
    answer = admin_client.get(reverse("admin:password_change"))
    assert answer.url == reverse("admin:accounts_user_change", args=[administrator.pk])


def test_a_portfolio_is_made_and_changed_in_the_browser(admin_client):
    entity = LegalEntity.objects.create(name="Lender")
    form = {
        "code": "wallet-cny",
        "name": "Wallet",
        "entity": entity.pk,
        "our_role": "creditor",
        "jurisdictions": "CN",
        "zone": "Asia/Shanghai",
        "currency": "CNY",
        "language": "zh-hans",
        "allocation_order": "interest,fees,principal",
        "bucket_edges": "15,30",
        "contact_open": "on",
    }
    answer = admin_client.post(reverse("admin:accounts_portfolio_add"), form)
    assert answer.status_code == 302, answer.context["errors"]
    portfolio = Portfolio.objects.get()
    assert (portfolio.jurisdictions, portfolio.bucket_edges) == (["CN"], [15, 30])
    assert portfolio.contact_open is False
    page = reverse("admin:accounts_portfolio_change", args=[portfolio.pk])
    answer = admin_client.post(page, form | {"bucket_edges": "30,15", "zone": "Nowhere"})
    assert sorted(answer.context["adminform"].form.errors) == ["bucket_edges", "zone"]
    assert admin_client.post(page, form | {"name": "Wallet loans"}).status_code == 302
    assert [kind for kind, _data in events()] == ["portfolio.created", "portfolio.changed"]


def test_a_team_is_made_changed_and_removed_in_the_browser(admin_client):
    portfolio = make_portfolio()
    add = reverse("admin:accounts_team_add")
    assert admin_client.post(add, {"name": "North", "portfolios": [portfolio.pk]}).status_code == 302
    team = Team.objects.get()
    assert list(team.portfolios.all()) == [portfolio]
    change = reverse("admin:accounts_team_change", args=[team.pk])
    assert admin_client.post(change, {"name": "South", "portfolios": []}).status_code == 302
    remove = reverse("admin:accounts_team_delete", args=[team.pk])
    user = make_user(team=team)
    assert admin_client.post(remove, {"post": "yes"}).status_code == 403
    User.objects.filter(pk=user.pk).update(team=None)
    assert admin_client.post(remove, {"post": "yes"}).status_code == 302
    assert not Team.objects.exists()
    assert [kind for kind, _data in events()] == ["team.created", "team.changed", "team.removed"]


def test_nothing_else_is_deleted(admin_client):
    portfolio, user = make_portfolio(), make_user()
    for row in (portfolio, portfolio.entity, user):
        page = reverse(f"admin:accounts_{row._meta.model_name}_delete", args=[row.pk])
        assert admin_client.post(page, {"post": "yes"}).status_code == 403
    listing = admin_client.get(reverse("admin:accounts_user_changelist")).content.decode()
    assert "delete_selected" not in listing


def test_the_admin_log_knows_people_by_their_sign_in_name_only(admin_client):
    user = make_user("erin", first_name="Erin", last_name="Ashford", email="erin@example.com")
    page = reverse("admin:accounts_user_change", args=[user.pk])
    form = {
        "username": "erin",
        "first_name": "Erin",
        "last_name": "Marsh",
        "email": "erin@example.com",
        "role": "agent",
        "language": "en",
        "is_active": "on",
    }
    assert admin_client.post(page, form).status_code == 302
    entry = LogEntry.objects.get()
    assert entry.object_repr == "erin"
    text = entry.object_repr + entry.change_message
    assert not any(name in text for name in ("Ashford", "Marsh", "example.com"))
