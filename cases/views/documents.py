"""Documents of a case: the list, taking one in, making one, and looking at one for two minutes with a reason."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from csp.constants import SELF
from csp.decorators import csp_update
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from accounts.actions.documents import (
    LARGEST,
    DocumentRefused,
    add_document,
    open_document,
    read_document,
)
from accounts.http import StaffRequest
from accounts.models import Document, DocumentKind, EntryKind, LedgerEntry, Media, Payment, PaymentState
from accounts.models.document import MADE_ONLY
from accounts.seal import SealBroken
from cases.actions.papers import language_of, make_paper
from cases.models import Case, Plan
from cases.papers.build import KINDS
from cases.papers.facts import PaperRefused
from cases.views.found import case_or_404
from cases.words import amount, day
from compliance.audit import Actor

OPEN_FOR = timedelta(minutes=2)
REASONS: tuple[tuple[str, str | Promise], ...] = (
    ("check", gettext_lazy("To check what the borrower gave us")),
    ("decide", gettext_lazy("To decide on what the borrower asks for")),
    ("evidence", gettext_lazy("To see whether the evidence is complete")),
    ("give_copy", gettext_lazy("To give the borrower a copy")),
    ("complaint", gettext_lazy("For a complaint or a dispute")),
)
ERASED = gettext_lazy("This borrower has been erased; nothing sealed can be opened or added any more.")
ENDINGS = {Media.PDF: "pdf", Media.PNG: "png", Media.JPEG: "jpg", Media.TEXT: "txt", Media.HTML: "html"}
FRAMED = "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
NOTHING = f"default-src 'none'; {FRAMED}"
POLICIES = {
    # Browsers show no PDF in a sandbox, nor where nothing may be loaded; their viewers are boxes of their own.
    Media.PDF: FRAMED,
    # Our papers carry their own looks. A sandboxed page has no scripts, no forms and no origin.
    Media.HTML: f"{NOTHING}; style-src 'unsafe-inline'; sandbox",
}


class UploadForm(forms.Form):
    """A file, what it is, and whether it is about this loan alone."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What it is"),
        choices=[(kind.value, kind.label) for kind in DocumentKind if kind not in MADE_ONLY],
    )
    about = forms.ChoiceField(
        label=gettext_lazy("It is about"),
        choices=[("loan", gettext_lazy("this loan")), ("borrower", gettext_lazy("the borrower"))],
        initial="loan",
    )
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("PDF, PNG, JPEG or plain text, up to 10 MB. It is kept sealed."),
        widget=forms.ClearableFileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg,.txt"}),
        allow_empty_file=True,  # said by the action, as everything about the content
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError(
                _("The file is larger than %(most)s MB.") % {"most": LARGEST // 2**20}
            )
        return file


class PaperForm(forms.Form):
    """Which paper: on the loan itself, or on one of its payments, waivers and plans; and in which language."""

    what = forms.ChoiceField(label=gettext_lazy("Document"))
    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=[("en", "English"), ("zh-hans", "简体中文")]
    )
    on = forms.DateField(
        label=gettext_lazy("As of the end of"), required=False, widget=forms.DateInput(),
        help_text=gettext_lazy("Today where you leave it empty."),
    )  # fmt: skip
    good_to = forms.DateField(
        label=gettext_lazy("Good to"), required=False, widget=forms.DateInput(),
        help_text=gettext_lazy("For a payoff quotation: the last day on which it holds."),
    )  # fmt: skip

    def __init__(self, case: Case, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["what"].choices = papers_of(case)  # type: ignore[attr-defined]

    def clean_what(self) -> tuple[str, UUID | None]:
        kind, _colon, subject = self.cleaned_data["what"].partition(":")
        return kind, UUID(subject) if subject else None


def papers_of(case: Case) -> Sequence[tuple[str, str]]:
    """What can be made of this case's loan, as `kind` or `kind:subject`."""
    currency = case.portfolio.currency
    whole = [kind for kind in KINDS if kind in ("statement", "payoff", "settlement_certificate")]
    found = [(str(kind), str(DocumentKind(kind).label)) for kind in whole]
    for plan in Plan.objects.filter(case__loan=case.loan_id).order_by("-agreed_at", "-pk")[:20]:
        words = {"amount": amount(plan.total, currency), "day": day(plan.agreed_on)}
        found.append((f"plan_agreement:{plan.pk}", _("Plan agreement: %(amount)s, %(day)s") % words))
    taken_back = LedgerEntry.objects.filter(loan=case.loan_id, kind=EntryKind.WAIVER_BACK).values("reference")
    waivers = LedgerEntry.objects.filter(loan=case.loan_id, kind=EntryKind.WAIVER).exclude(
        reference__in=taken_back
    )
    for entry in waivers.order_by("-value_date", "-pk")[:20]:
        words = {"amount": amount(-entry.amount, currency), "day": day(entry.value_date)}
        found.append((f"waiver_agreement:{entry.pk}", _("Waiver agreement: %(amount)s, %(day)s") % words))
    payments = Payment.objects.filter(loan=case.loan_id, state=PaymentState.POSTED)
    for payment in payments.order_by("-value_date", "-pk")[:20]:
        words = {"amount": amount(payment.amount, currency), "day": day(payment.value_date)}
        found.append((f"receipt:{payment.pk}", _("Receipt: %(amount)s, %(day)s") % words))
    return found


def _documents(request: StaffRequest, case: Case):
    """Of the case's loan and of its borrower alone, those this person may know of."""
    return (
        Document.objects.visible_to(request.user)
        .filter(borrower=case.borrower_id)
        .filter(Q(loan=case.loan_id) | Q(loan=None))
    )


def _document(request: StaffRequest, case: Case, document_id: UUID) -> Document:
    found = _documents(request, case).select_related("added_by", "borrower__key").defer("content_sealed")
    return get_object_or_404(found, pk=document_id)


def _list(
    request: StaffRequest, case: Case, *, upload: UploadForm | None = None, paper: PaperForm | None = None
) -> HttpResponse:
    may_add = request.user.has_perm("accounts.add_document") and hasattr(case.borrower, "key")
    context = {
        "case": case,
        "documents": _documents(request, case).listed(),
        "upload": (upload or UploadForm()) if may_add else None,
        "paper": (paper or PaperForm(case, initial={"language": language_of(case.loan)}))
        if may_add
        else None,
    }
    return render(request, "cases/documents.html", context, status=422 if upload or paper else 200)


@require_safe
@login_required
@permission_required("accounts.view_document", raise_exception=True)
def case_documents(request: StaffRequest, case_id: UUID) -> HttpResponse:
    return _list(request, case_or_404(request, case_id))


@require_POST
@login_required
@permission_required("accounts.add_document", raise_exception=True)
def case_document_add(request: StaffRequest, case_id: UUID) -> HttpResponse:
    case = case_or_404(request, case_id)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list(request, case, upload=form)
    try:
        document = add_document(
            borrower=case.borrower,
            loan=case.loan if form.cleaned_data["about"] == "loan" else None,
            kind=form.cleaned_data["kind"],
            content=form.cleaned_data["file"].read(),
            by=Actor.staff(request.user),
            at=timezone.now(),
            case=case.pk,
        )
    except DocumentRefused as refused:
        form.add_error("file", str(refused))
        return _list(request, case, upload=form)
    except SealBroken:
        messages.warning(request, ERASED)
        return redirect("case_documents", case.pk)
    messages.success(request, _("Kept sealed, until %(day)s at least.") % {"day": day(document.retain_until)})
    return redirect("case_documents", case.pk)


@require_POST
@login_required
@permission_required("accounts.add_document", raise_exception=True)
def case_paper(request: StaffRequest, case_id: UUID) -> HttpResponse:
    case = case_or_404(request, case_id)
    form = PaperForm(case, request.POST)
    if not form.is_valid():
        return _list(request, case, paper=form)
    kind, subject = form.cleaned_data["what"]
    try:
        document = make_paper(
            case=case,
            kind=kind,
            subject=subject,
            language=form.cleaned_data["language"],
            on=form.cleaned_data["on"],
            good_to=form.cleaned_data["good_to"],
            by=Actor.staff(request.user),
            at=timezone.now(),
        )
    except PaperRefused as refused:
        form.add_error(None, str(refused))
        return _list(request, case, paper=form)
    except SealBroken:
        messages.warning(request, ERASED)
        return redirect("case_documents", case.pk)
    return redirect("case_document", case.pk, document.pk)


@require_safe
@login_required
@permission_required("accounts.view_document", raise_exception=True)
@csp_update({"frame-src": [SELF]})  # type: ignore[arg-type]  # django-csp types views of any request only
def case_document(request: StaffRequest, case_id: UUID, document_id: UUID) -> HttpResponse:
    """What is known of a document; what it says, for two minutes after it was opened."""
    case = case_or_404(request, case_id)
    document = _document(request, case, document_id)
    context = {
        "case": case,
        "document": document,
        "open_for": _seconds_open(request, document, timezone.now()),
        "reasons": REASONS if request.user.has_perm("accounts.unseal") else (),
        "erased": not hasattr(document.borrower, "key"),
        "image": document.media in (Media.PNG, Media.JPEG),
    }
    return render(request, "cases/document.html", context)


@require_POST
@login_required
@permission_required("accounts.unseal", raise_exception=True)
def case_document_open(request: StaffRequest, case_id: UUID, document_id: UUID) -> HttpResponse:
    case = case_or_404(request, case_id)
    document = _document(request, case, document_id)
    reason, now = request.POST.get("reason", ""), timezone.now()
    if reason not in dict(REASONS):
        messages.warning(request, _("Please choose why you need to see it."))
        return redirect("case_document", case.pk, document.pk)
    try:
        open_document(document=document, by=Actor.staff(request.user), at=now, why=reason, case=case.pk)
    except DocumentRefused as refused:
        messages.warning(request, str(refused))
    except SealBroken:
        messages.warning(request, ERASED)
    else:
        # Remembered is that this person opened it; what it says is never kept.
        request.session["open_document"] = {"id": str(document.pk), "until": (now + OPEN_FOR).isoformat()}
    return redirect("case_document", case.pk, document.pk)


@require_safe
@login_required
@permission_required("accounts.unseal", raise_exception=True)
@xframe_options_sameorigin
def case_document_content(request: StaffRequest, case_id: UUID, document_id: UUID) -> HttpResponse:
    """The bytes of a document that this person has opened within the last two minutes; for anybody else there are none."""
    document = _document(request, case_or_404(request, case_id), document_id)
    if _seconds_open(request, document, timezone.now()) is None:
        raise Http404
    try:
        content = read_document(document)
    except (DocumentRefused, SealBroken):
        raise Http404 from None
    media = Media(document.media)
    charset = "; charset=utf-8" if media in (Media.TEXT, Media.HTML) else ""
    response = HttpResponse(content, content_type=f"{media.value}{charset}")
    # Its type is what we found it to be, its name is ours, and no store of any browser or proxy keeps it.
    response["Content-Disposition"] = f'inline; filename="document-{document.pk}.{ENDINGS[media]}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = POLICIES.get(media, f"{NOTHING}; sandbox")
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    return response


def _seconds_open(request: StaffRequest, document: Document, at: datetime) -> int | None:
    """How long the document that this person opened stays open; None when it is closed."""
    opened = request.session.get("open_document")
    if not opened or opened["id"] != str(document.pk) or document.destroyed_at:
        return None
    until = parse_datetime(opened["until"])
    left = (until - at).total_seconds() if until else 0
    return int(left) or None if left > 0 else None
