"""The request as views behind `login_required` get it: for types only."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import User


class StaffRequest(HttpRequest):
    user: User
    htmx: HtmxDetails
