"""What a page is about, or that there is no such thing for this person."""

from uuid import UUID

from django.http import Http404

from accounts.http import StaffRequest
from cases.desk.page import desk_case
from cases.models import Case


def case_or_404(request: StaffRequest, case_id: UUID) -> Case:
    """The case as `desk_case` gives it; `Http404` where this person may not see it."""
    case = desk_case(request.user, case_id)
    if case is None:
        raise Http404
    return case
