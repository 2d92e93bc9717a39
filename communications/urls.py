from django.urls import URLPattern, path

from communications import views

# /demo/: only where FORBEAR_DEMO says so
demo_urls: list[URLPattern] = [
    path("demo/mail/", views.mail_sink, name="mail_sink"),
]

urlpatterns: list[URLPattern] = demo_urls
