"""Writing to a borrower from the desk, an agency's or our own."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from accounts.http import StaffRequest
from accounts.models import ContactPoint
from cases.actions.work import LeaseHeld
from cases.actions.writing import WriteRefused, write
from cases.desk.page import CasePage
from cases.tasks import send_written
from cases.views.doing import deed, refused_form
from cases.views.opened import form_for


@deed("compliance.place_contact")
def case_write(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form = form_for(page, "write", request.POST)
    if not form.is_valid():
        return refused_form(request, page, "write", form)
    point = get_object_or_404(
        ContactPoint, pk=form.cleaned_data["contact_point"], borrower=page.row.borrower_id
    )
    try:
        message = write(case=page.row, contact_point=point, user=request.user, at=page.at)
    except (WriteRefused, LeaseHeld) as refused:
        return refused_form(request, page, "write", form, str(refused))
    send_written.delay(str(message.pk), str(page.row.pk))
    messages.success(request, _("It leaves as soon as the rules allow; the timeline says when it has."))
    return None
