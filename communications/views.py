"""Pages of what was said: in a demo, its mailbox."""

from django.conf import settings
from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from communications import sink

MAILS_PER_PAGE = 20


@require_safe
@login_required
@permission_required("accounts.view_borrower", raise_exception=True)
def mail_sink(request: HttpRequest) -> HttpResponse:
    """What the demo's mail server kept, newest first."""
    if not settings.DEMO:
        raise Http404
    page = Paginator(sink.kept(sink.folder()), MAILS_PER_PAGE).get_page(request.GET.get("page"))
    mails = [sink.read(path) for path in page]
    return render(request, "communications/mail_sink.html", {"page": page, "mails": mails})
