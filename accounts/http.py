"""Requests: their type as views behind `login_required` get it, and ids that forms send."""

from uuid import UUID

from django.http import Http404, HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import User


class StaffRequest(HttpRequest):
    user: User
    htmx: HtmxDetails


def sent_id(request: HttpRequest, name: str) -> UUID:
    """The id that a form sent under `name`; what is none belongs to nothing: `Http404`."""
    try:
        return UUID(request.POST.get(name, ""))
    except ValueError:
        raise Http404 from None
