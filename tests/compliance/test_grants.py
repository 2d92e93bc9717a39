"""What the app's own login may do to each table. A new table fails here until somebody says what the app needs of it."""

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db

READ = {"SELECT"}
ADD = READ | {"INSERT"}
CHANGE = ADD | {"UPDATE"}
REPLACE = ADD | {"DELETE"}
ALL = CHANGE | {"DELETE"}

GRANTS = {
    # The log, the gate, the map: read, or added to by the database's own functions.
    "compliance_auditevent": ADD,
    "compliance_auditstream": READ,
    "compliance_contactdecision": READ,
    "compliance_permit": READ,
    "compliance_legalclock": READ,
    "accounts_debitdecision": READ,
    "accounts_receipt": READ,  # a view of the ledger
    "cases_edge": READ,
    "cases_legalsteporder": READ,
    # What happened: added, never changed.
    "accounts_ledgerentry": ADD,
    "accounts_importedrecord": ADD,
    "accounts_reconciliation": ADD,
    "accounts_providerline": ADD,
    "accounts_provideranswer": ADD,
    "accounts_terms": ADD,
    "accounts_chargecap": ADD,
    "accounts_relatedpersonrefusal": ADD,
    "accounts_debit": ADD,
    "accounts_debitoutcome": ADD,
    "accounts_extension": ADD,
    "cases_affordability": ADD,
    "cases_agencyevaluation": ADD,
    "cases_bureaufile": ADD,
    "cases_bureaunotice": ADD,
    "cases_bureaureporting": ADD,
    "cases_casemessage": ADD,
    "cases_debitmessage": ADD,
    "cases_furnished": ADD,
    "cases_dayreport": ADD,
    "cases_legalstep": ADD,
    "cases_limitation": ADD,
    "cases_note": ADD,
    "cases_placementbatch": ADD,
    "cases_placementlift": ADD,
    "cases_planinstalment": ADD,
    "cases_reason": ADD,
    "cases_scriptstep": ADD,
    "cases_transition": ADD,
    "communications_scriptversion": ADD,
    "communications_templateversion": ADD,
    "compliance_contactattempt": ADD,
    "compliance_contactoutcome": ADD,
    "compliance_mediarequest": ADD,
    "compliance_packversion": ADD,
    "compliance_signature": ADD,
    # What goes on: changed, never removed.
    "accounts_agency": CHANGE,
    "accounts_agencybar": CHANGE,
    "accounts_borrower": CHANGE,
    "accounts_contactpoint": CHANGE,
    "accounts_importrun": CHANGE,
    "accounts_legalentity": CHANGE,
    "accounts_debitnotice": CHANGE,
    "accounts_document": CHANGE,
    "accounts_loan": CHANGE,
    "accounts_mandate": CHANGE,
    "cases_creditdispute": CHANGE,
    "accounts_payment": CHANGE,
    "accounts_portfolio": CHANGE,
    "accounts_relatedperson": CHANGE,
    "accounts_user": CHANGE,
    "cases_approval": CHANGE,
    "cases_call": CHANGE,
    "accounts_pause": CHANGE,
    "cases_case": CHANGE,
    "cases_daypart": CHANGE,
    "cases_dayrun": CHANGE,
    "cases_lease": CHANGE,
    "cases_legalquestion": CHANGE,
    "cases_offer": CHANGE,
    "cases_placement": CHANGE,
    "cases_plan": CHANGE,
    "cases_promise": CHANGE,
    "cases_scriptrun": CHANGE,
    "cases_workitem": CHANGE,
    "communications_message": CHANGE,
    "communications_script": CHANGE,
    "communications_template": CHANGE,
    "compliance_complaint": CHANGE,
    "compliance_consent": CHANGE,
    "compliance_designation": CHANGE,
    "compliance_finding": CHANGE,
    "compliance_hold": CHANGE,
    "compliance_override": CHANGE,
    "compliance_setaside": CHANGE,
    "compliance_whatif": CHANGE,
    # Replaced: a later tape's schedule, the guesses about a payment, what a team works.
    "accounts_instalment": REPLACE,
    "accounts_paymentcandidate": REPLACE,
    "accounts_team_portfolios": REPLACE,
    # Removed: a key erases its borrower, a team goes when nobody is in it, sessions end.
    "accounts_borrowerkey": ALL,
    "accounts_team": ALL,
    "django_session": ALL,
    # Django's own. Rights come from accounts/roles.py; the tables that could give others are read at most.
    "accounts_user_groups": ALL,
    "accounts_user_user_permissions": ALL,
    "auth_group": READ,
    "auth_group_permissions": READ,
    "auth_permission": READ,
    "django_admin_log": ALL,
    "django_content_type": READ,
    "django_migrations": READ,
}

HELD = """
SELECT table_.relname, array_agg(right_ ORDER BY right_)
FROM pg_class table_
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS right_
WHERE table_.relnamespace = 'public'::regnamespace AND table_.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND has_table_privilege('forbear_app', table_.oid, right_)
GROUP BY table_.relname
"""


def test_the_app_may_do_this_and_no_more():
    with connection.cursor() as cursor:
        cursor.execute(HELD)
        held = {name: set(rights) for name, rights in cursor.fetchall()}
    assert held == GRANTS


def test_every_table_is_the_owners():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND pg_has_role('forbear_app', relowner, 'MEMBER')"
        )
        assert cursor.fetchall() == []


def test_the_app_makes_nothing_in_the_schema():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_schema_privilege('forbear_app', 'public', 'CREATE'),"
            " (SELECT rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = 'forbear_app')"
        )
        assert cursor.fetchone() == (False, False)


DEFINERS = """
SELECT proname, has_function_privilege('forbear_app', oid, 'EXECUTE'), coalesce(proconfig::text, '')
FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef ORDER BY proname
"""


def test_what_runs_as_the_owner_looks_only_where_it_should():
    path = '{"search_path=pg_catalog, public, pg_temp"}'
    with connection.cursor() as cursor:
        cursor.execute(DEFINERS)
        assert cursor.fetchall() == [
            ("audit_numbered", False, path),
            ("audit_stream_filled", False, path),
            ("audit_take", True, path),
            ("day_statistics", True, path),
            ("debit_answered", False, path),
            ("debit_decide", True, path),
            ("debit_spend", False, path),
            ("furnished_check", False, path),
            ("gate_decide", True, path),
            ("permit_spend", False, path),
        ]
