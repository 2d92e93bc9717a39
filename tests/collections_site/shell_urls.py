"""Addresses for the tests of the frame: every page the nav may lead to, as an empty page, and one page with keys."""

from django.contrib.auth import views as auth
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

from collections_site import views

PAGE = """{% extends "base.html" %}{% load desk %}
{% block title %}Keys{% endblock %}{% block heading %}Keys{% endblock %}
{% block content %}
  <p id="pressed">{{ pressed }}</p>
  <form method="post">{% csrf_token %}
    <button type="submit" name="pressed" value="promise" data-key="p">Promise {% key "p" %}</button>
    <button type="button" data-key="g" aria-disabled="true">Greyed</button>
    <label for="note">Note</label>
    <textarea id="note" name="note" data-draft="case-1:note" data-key="m"></textarea>
  </form>
  {% if form %}<form method="post" data-keys-only>{% csrf_token %}
    <label class="choice">
      <input type="radio" name="outcome" value="busy" data-key="p">{% key "p" %}<span data-label>Busy</span>
    </label>
  </form>{% endif %}
{% endblock %}"""


def page(request: HttpRequest) -> HttpResponse:
    template = engines["django"].from_string(PAGE)
    return HttpResponse(
        template.render({"pressed": request.POST.get("pressed", ""), "form": "form" in request.GET}, request)
    )


def refused(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("as a test wants it")


NAMES = ["board", "queue", "queue_next", "case_promise", "legal_cases", "complaints", "audit"]
NAMES += ["imports", "payments_unmatched", "search"]
admin = (
    [path("accounts/user/", page, name="accounts_user_changelist"), path("", page, name="index")],
    "admin",
)

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", auth.LoginView.as_view(template_name="registration/sign_in.html"), name="sign_in"),
    path("sign-out/", auth.LogoutView.as_view(), name="sign_out"),
    path("preferences/", views.preferences, name="preferences"),
    path("health/", views.healthz, name="health"),
    path("help/states/", page, name="states"),
    path("refused/", refused),
    path("broken/", broken),
    *[path(f"{name}/", page, name=name) for name in NAMES],
    path("settings/", include(admin)),
]
