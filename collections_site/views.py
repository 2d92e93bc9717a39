"""Pages that belong to no app: where a person starts, language and theme, whether the site is well."""

import django_rq
from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from redis.exceptions import RedisError

from accounts.actions.staff import note_failed_sign_in, note_sign_in
from accounts.models.staff import Theme
from collections_site.context import Shell
from collections_site.sign_in import SignInForm


class SignIn(LoginView):
    """By name and password; who came in, and that somebody did not, is in the log."""

    template_name = "registration/sign_in.html"
    authentication_form = SignInForm

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        note_sign_in(user=form.get_user(), at=timezone.now())
        return super().form_valid(form)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        note_failed_sign_in(at=timezone.now())
        return super().form_invalid(form)


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """To the page where the day starts; see `context.START`."""
    start = Shell(request).home
    if start is None:
        raise PermissionDenied(_("Your role has no page here yet. An administrator can change your role."))
    return HttpResponseRedirect(start)


class PreferencesForm(forms.Form):
    """Any of the three; what is not sent stays as it is."""

    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False)
    theme = forms.ChoiceField(choices=Theme.choices, required=False)
    shortcuts = forms.ChoiceField(choices=[("on", "on"), ("off", "off")], required=False)


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Keep language, theme and shortcuts on the person; before sign-in, the language in a cookie."""
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest()
    chosen = {name: value for name, value in form.cleaned_data.items() if value}
    response = HttpResponseRedirect(address_to_return_to(request))
    person = request.user
    if person.is_authenticated:
        if "shortcuts" in chosen:
            chosen["shortcuts"] = chosen["shortcuts"] == "on"
        for name, value in chosen.items():
            setattr(person, name, value)
        person.save(update_fields=list(chosen))
    elif "language" in chosen:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen["language"],
            max_age=365 * 24 * 3600,
            samesite="Lax",
            secure=request.is_secure(),
            httponly=True,
        )
    return response


def address_to_return_to(request: HttpRequest) -> str:
    """The page the person was on, if it is one of ours; otherwise the start."""
    for address in (request.POST.get("next"), request.headers.get("Referer")):
        if address and url_has_allowed_host_and_scheme(
            address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        ):
            return address
    return reverse("home")


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while database and queue answer, else 503; says which. For load balancers: no sign-in, no words."""
    answers = {"database": True, "queue": True}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        answers["database"] = False
    try:
        django_rq.get_connection("default").ping()
    except RedisError:
        answers["queue"] = False
    return JsonResponse(answers, status=200 if all(answers.values()) else 503)
