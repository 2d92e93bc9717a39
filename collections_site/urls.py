"""The table of contents of the site. Each app lists its own pages by noun."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path

from collections_site import views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-out/", auth.LogoutView.as_view(), name="sign_out"),
    path("preferences/", views.preferences, name="preferences"),
    path("health/", views.healthz, name="health"),
    path("", include("cases.urls")),
    path("", include("accounts.urls")),
    path("", include("compliance.urls")),
    path("", include("communications.urls")),
    path("admin/", admin.site.urls),
]
