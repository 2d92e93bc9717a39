"""Who may do what: one table, role by role. The backend answers Django's own permission checks from it.

Deny by default: what a role does not list, it may not do. Superusers do not exist; the administrator is a role.
"""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from accounts.models.staff import Role, User

SEE_CASES = frozenset(
    {"cases.view_case", "accounts.view_loan", "accounts.view_borrower", "accounts.view_document"}
)

ROLES: dict[str, frozenset[str]] = {
    # Works on the team's cases: sees, talks, agrees, logs.
    Role.AGENT: SEE_CASES
    | {
        "cases.work_case",
        "cases.ask_legal",
        "cases.talk_case",
        "accounts.unseal",
        "accounts.add_payment",
        "accounts.add_document",
        "accounts.view_mandate",
        "accounts.give_mandate",
        "accounts.end_mandate",
        "cases.announce_debit",
        "cases.log_credit_dispute",
        "compliance.place_contact",
        "compliance.ask_override",
        "compliance.log_complaint",
    },
    # Leads a team: everything an agent does, and the team's queues, imports and payments.
    Role.SUPERVISOR: SEE_CASES
    | {
        "cases.work_case",
        "cases.talk_case",
        "cases.see_board",
        "cases.view_dayrun",
        "cases.view_placement",
        "cases.place_case",
        "cases.reassign_case",
        "cases.close_case",
        "cases.view_approval",
        "cases.answer_approval",
        "cases.answer_settlement",
        "cases.propose_legal",
        "cases.ask_legal",
        "accounts.unseal",
        "accounts.add_payment",
        "accounts.add_document",
        "accounts.open_sensitive_document",
        "accounts.view_mandate",
        "accounts.give_mandate",
        "accounts.end_mandate",
        "cases.announce_debit",
        "cases.settle_debit",
        "cases.view_furnished",
        "cases.view_creditdispute",
        "cases.log_credit_dispute",
        "accounts.match_payment",
        "accounts.import_loans",
        "accounts.import_payments",
        "accounts.import_provider",
        "accounts.view_provider_file",
        "accounts.answer_provider_line",
        "accounts.import_history",
        "compliance.place_contact",
        "compliance.ask_override",
        "compliance.view_override",
        "compliance.answer_override",
        "compliance.log_complaint",
        "compliance.view_complaint",
        "compliance.end_hold",
    },
    # Oversees every portfolio: complaints, holds, the audit log. Does not collect.
    Role.COMPLIANCE: SEE_CASES
    | {
        "accounts.see_all_portfolios",
        "accounts.unseal",
        "accounts.add_document",
        "accounts.open_sensitive_document",
        "accounts.open_contact",
        "accounts.sign_reconciliation",
        "accounts.view_provider_file",
        "accounts.view_mandate",
        "accounts.end_mandate",
        "cases.furnish",
        "cases.view_furnished",
        "cases.view_creditdispute",
        "cases.log_credit_dispute",
        "cases.answer_credit_dispute",
        "accounts.bar_agency",
        "cases.view_placement",
        "cases.evaluate_agency",
        "cases.see_board",
        "cases.view_dayrun",
        "cases.ask_legal",
        "compliance.log_complaint",
        "compliance.view_complaint",
        "compliance.resolve_complaint",
        "compliance.end_hold",
        "compliance.view_finding",
        "compliance.answer_finding",
        "compliance.search_audit",
        "compliance.view_override",
        "compliance.answer_override",
        "compliance.view_contactdecision",
        "compliance.view_packversion",
        "compliance.sign_pack",
        "compliance.set_aside_rule",
        "compliance.try_pack",
    },
    # Works on cases at law, and sees how they came there.
    Role.LEGAL: SEE_CASES
    | {
        "accounts.see_all_portfolios",
        "accounts.unseal",
        "accounts.add_document",
        "cases.see_legal",
        "cases.move_to_legal",
        "cases.propose_legal",
        "cases.answer_legal",
        "cases.answer_settlement",
        "cases.view_approval",
        "accounts.view_mandate",
        "accounts.end_mandate",
        "cases.view_furnished",
        "cases.view_creditdispute",
        "cases.log_credit_dispute",
        "compliance.view_packversion",
        "compliance.sign_pack",
        "compliance.set_aside_rule",
        "compliance.log_complaint",
        "compliance.view_complaint",
    },
    # Sets up portfolios, teams and staff, and brings in tapes. Sees no borrower.
    Role.ADMINISTRATOR: frozenset(
        {
            "accounts.see_all_portfolios",
            "accounts.import_loans",
            "accounts.import_payments",
            "accounts.import_history",
            *(
                f"accounts.{verb}_{noun}"
                for verb in ("view", "add", "change")
                for noun in ("portfolio", "legalentity", "team", "user", "agency")
            ),
            "accounts.delete_team",
        }
    ),
    # Collects for an agency: talks about the cases placed with it, never sees what is sealed, agrees a promise at most.
    Role.AGENCY: frozenset(
        {"cases.view_case", "cases.talk_case", "compliance.place_contact", "compliance.log_complaint"}
    ),
}


class RoleBackend(ModelBackend):
    """Signs people in by name and password; permissions come from `ROLES` and from nowhere else."""

    def get_user(self, user_id: int) -> User | None:
        """The person of a session, with the team or agency, which every page shows."""
        user = User.objects.select_related("team", "agency").filter(pk=user_id).first()
        return user if self.user_can_authenticate(user) else None

    def _get_permissions(self, user_obj: Any, obj: Any, from_name: str) -> set[str]:
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        return set(ROLES.get(user_obj.role, ()))

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return user_obj.is_active and perm in self._get_permissions(user_obj, obj, "role")
