"""The administrators' pages: legal entities, portfolios, teams and staff. Every save goes through an
action, with its event.

Who is no administrator does not get in (`is_staff` follows the role); nothing can be deleted but a team
without people.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.actions import agencies, portfolios, staff
from accounts.models import Agency, LegalEntity, Portfolio, Team, Terms, User
from compliance.audit import Actor


def sign_in(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """The site's own sign-in, not a second one; who has signed in and is no administrator is told so."""
    if request.user.is_authenticated:
        raise PermissionDenied(_("These pages are for administrators."))
    return redirect_to_login(request.GET.get("next") or reverse("admin:index"))


def own_password(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """One's own password is changed where everyone's is, through the action that leaves an event."""
    return redirect("admin:accounts_user_change", request.user.pk)


admin.site.login = sign_in  # type: ignore[method-assign]
admin.site.password_change = own_password  # type: ignore[method-assign, assignment]
admin.site.site_header = _("Forbear settings")
admin.site.site_title = _("Forbear")
admin.site.index_title = _("Portfolios, teams and staff")
admin.site.enable_nav_sidebar = False


class ActionAdmin(admin.ModelAdmin):
    """Saves through actions. Lists have no bulk actions: each change is one fact, with one event."""

    actions = None
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        context = {"by": Actor.staff(request.user), "at": timezone.now()}
        if change:
            self.change_row(obj, form, context)
        else:
            self.add_row(obj, form, context)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Related rows are part of the action."""

    def add_row(self, row: Any, form: Any, context: dict[str, Any]) -> None:
        raise NotImplementedError

    def change_row(self, row: Any, form: Any, context: dict[str, Any]) -> None:
        raise NotImplementedError


@admin.register(LegalEntity)
class LegalEntityAdmin(ActionAdmin):
    list_display = ["name"]
    ordering = ["name"]

    def add_row(self, row: LegalEntity, form: Any, context: dict[str, Any]) -> None:
        portfolios.create_entity(entity=row, **context)

    def change_row(self, row: LegalEntity, form: Any, context: dict[str, Any]) -> None:
        portfolios.change_entity(entity=row, **context)


@admin.register(Portfolio)
class PortfolioAdmin(ActionAdmin):
    list_display = ["code", "name", "currency", "contact_open"]
    list_display_links = ["code", "name"]
    readonly_fields = ["contact_open", "payments_read_at"]
    fieldsets = [
        (None, {"fields": ["code", "name", "entity", "our_role"]}),
        (_("Where and in what"), {"fields": ["jurisdictions", "zone", "currency", "language"]}),
        (_("Money"), {"fields": ["allocation_order", "bucket_edges"]}),
        (_("State"), {"fields": ["contact_open", "payments_fresh_days", "payments_read_at"]}),
    ]

    def add_row(self, row: Portfolio, form: Any, context: dict[str, Any]) -> None:
        portfolios.create_portfolio(portfolio=row, **context)

    def change_row(self, row: Portfolio, form: Any, context: dict[str, Any]) -> None:
        portfolios.change_portfolio(portfolio=row, **context)


@admin.register(Terms)
class TermsAdmin(ActionAdmin):
    """Terms are only added: what was charged and agreed by earlier ones stays as it was."""

    list_display = ["portfolio", "from_on", "late_rate", "late_fee", "legal_after_days"]
    list_filter = ["portfolio"]
    list_select_related = ["portfolio"]
    fieldsets = [
        (None, {"fields": ["portfolio", "from_on"]}),
        (
            _("For being late"),
            {
                "fields": [
                    "grace_days",
                    "late_rate",
                    "day_count",
                    "rounding",
                    "late_fee",
                    "late_fee_most",
                    "charges_most_percent",
                ]
            },
        ),
        (
            _("What may be agreed"),
            {
                "fields": [
                    "authority",
                    "promise_grace_days",
                    "promises_at_once",
                    "plan_breaks_at",
                    "plan_most_days",
                    "extension_most_times",
                    "settlement_after_days",
                    "settlement_within_days",
                    "offer_valid_days",
                ]
            },
        ),
        (_("When a stage may begin"), {"fields": ["legal_after_days", "placement_after_days"]}),
        (_("Agencies"), {"fields": ["agency_complaints_most", "agency_complaints_days"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_portfolio")

    def has_change_permission(self, request: HttpRequest, obj: Terms | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Terms | None = None) -> bool:
        return request.user.has_perm("accounts.view_portfolio")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.view_portfolio")

    def add_row(self, row: Terms, form: Any, context: dict[str, Any]) -> None:
        portfolios.set_terms(terms=row, **context)


@admin.register(Team)
class TeamAdmin(ActionAdmin):
    list_display = ["name"]
    fields = ["name", "portfolios"]
    filter_horizontal = ["portfolios"]

    def has_delete_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        return request.user.has_perm("accounts.delete_team") and obj is not None and not obj.user_set.exists()

    def add_row(self, row: Team, form: Any, context: dict[str, Any]) -> None:
        staff.add_team(team=row, portfolios=form.cleaned_data["portfolios"], **context)

    def change_row(self, row: Team, form: Any, context: dict[str, Any]) -> None:
        staff.change_team(team=row, portfolios=form.cleaned_data["portfolios"], **context)

    def delete_model(self, request: HttpRequest, obj: Team) -> None:
        staff.remove_team(team=obj, by=Actor.staff(request.user), at=timezone.now())


@admin.register(Agency)
class AgencyAdmin(ActionAdmin):
    list_display = ["name", "licence", "since", "until"]
    fieldsets = [
        (
            _("As the public list shows it"),
            {"fields": ["name", "address", "phone", "licence", "since", "until"]},
        ),
        (_("Terms"), {"fields": ["commission_percent", "upheld_most", "upheld_days"]}),
    ]

    def add_row(self, row: Agency, form: Any, context: dict[str, Any]) -> None:
        agencies.add_agency(agency=row, **context)

    def change_row(self, row: Agency, form: Any, context: dict[str, Any]) -> None:
        agencies.change_agency(agency=row, **context)


class StaffForm(forms.ModelForm):
    """A member of staff, and a password where one is to be set."""

    new_password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=password_validators_help_text_html,
    )
    new_password_again = forms.CharField(
        label=_("Password again"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = User
        fields = staff.DETAILS

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        # A new person needs a first password; for others an empty field keeps the one they have.
        for name in ("new_password", "new_password_again"):
            self.fields[name].required = not self.instance.pk

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        password = self.cleaned_data.get("new_password")
        try:
            if password:
                validate_password(password, self.instance)
        except ValidationError as error:
            self.add_error("new_password", error)
        if password != self.cleaned_data.get("new_password_again"):
            self.add_error("new_password_again", _("The two passwords differ."))
        try:
            if self.instance.pk:
                staff.check_administrators(self.instance)
        except ValidationError as error:
            self.add_error(None, error)


@admin.register(User)
class StaffAdmin(ActionAdmin):
    form = StaffForm
    list_display = ["username", "full_name", "role", "team", "is_active"]
    list_filter = ["role", "team", "is_active"]
    list_select_related = ["team", "agency"]
    search_fields = ["username", "first_name", "last_name"]
    ordering = ["username"]
    fieldsets = [
        (None, {"fields": ["username", "first_name", "last_name", "email"]}),
        (_("Work"), {"fields": ["role", "team", "agency", "language", "is_active"]}),
        (_("Sign-in"), {"fields": ["new_password", "new_password_again"]}),
    ]

    @admin.display(description=_("Name"))
    def full_name(self, row: User) -> str:
        return row.get_full_name()

    def add_row(self, row: User, form: Any, context: dict[str, Any]) -> None:
        staff.add_staff(user=row, password=form.cleaned_data["new_password"], **context)

    def change_row(self, row: User, form: Any, context: dict[str, Any]) -> None:
        staff.change_staff(user=row, password=form.cleaned_data["new_password"] or None, **context)
