"""What the borrower asks or agrees to, written down and taken back on the case."""

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse

from accounts.http import StaffRequest, sent_id
from cases.actions.wishes import WishRefused, note_wish, take_back
from cases.desk.page import CasePage
from cases.views.doing import by, deed, refused_form
from cases.views.opened import form_for


@deed("cases.talk_case")
def case_wish(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form = form_for(page, "wish", request.POST)
    if not form.is_valid():
        return refused_form(request, page, "wish", form)
    try:
        note_wish(case=page.row, wish=form.wish(), by=by(request), at=page.at)  # type: ignore[attr-defined]
    except WishRefused as refused:
        return refused_form(request, page, "wish", form, str(refused))
    return None


@deed("cases.talk_case")
def case_wish_back(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    kind = request.POST.get("kind", "")
    if kind not in ("designation", "consent"):
        raise Http404
    try:
        take_back(case=page.row, kind=kind, pk=sent_id(request, "id"), by=by(request), at=page.at)
    except ObjectDoesNotExist:
        raise Http404 from None
    return None
