"""The pack desk: rules in force in plain words, what changes next, how texts differ, and who has signed them."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.http import StaffRequest
from accounts.models import Portfolio
from compliance.actions import set_asides
from compliance.actions.gate import packs as packs_in_force
from compliance.actions.packs import PackRefused, sign, store_packs
from compliance.actions.set_asides import SetAsideRefused
from compliance.audit import Actor
from compliance.forms import SetAsideForm
from compliance.law import drafts, law_at
from compliance.models import PackVersion, SetAside
from compliance.models.law import SIGNATURES
from compliance.pack_words import changes_ahead, differences, in_words, missing_years, said, title
from compliance.rules import Pack, parse_pack
from compliance.rules.shapes import Words

GATE = Actor.system("gate")


@dataclass(frozen=True)
class PackLine:
    """A pack in force: how many rules, how many of them drafts, and its signatures."""

    pack: Pack
    title: Words
    rules: int
    signers: list[str]
    signed: bool


@require_safe
@login_required
@permission_required("compliance.view_packversion", raise_exception=True)
def packs(request: StaffRequest) -> HttpResponse:
    return _desk(request)


def _desk(request: StaffRequest, form: SetAsideForm | None = None, status: int = 200) -> HttpResponse:
    now = timezone.now()
    law = law_at(now, packs_in_force())
    aside = SetAside.objects.visible_to(request.user).not_ended()
    aside = aside.select_related("portfolio", "proposed_by", "approved_by")
    today = timezone.localdate(now)
    context = {
        "packs": _lines(law.signed),
        "ahead": changes_ahead(packs_in_force(), today),
        "missing": missing_years(packs_in_force(), today),
        "aside": [_aside_line(each, request, now) for each in aside],
        "form": form or _form(request, law.signed),
        "may_set_aside": request.user.has_perm("compliance.set_aside_rule"),
        "may_try": request.user.has_perm("compliance.try_pack"),
    }
    return render(request, "compliance/packs.html", context, status=status)


def _lines(signed: frozenset[str]) -> list[PackLine]:
    every = packs_in_force().all
    stored = PackVersion.objects.filter(pk__in=[pack.digest for pack in every])
    signers = {
        version.pk: [each.signer.display_name for each in version.signatures.all()]
        for version in stored.prefetch_related("signatures__signer")
    }
    return [
        PackLine(pack, title(pack), len(pack.entries), signers.get(pack.digest, []), pack.id in signed)
        for pack in every
    ]


@dataclass(frozen=True)
class AsideLine:
    """`past`: its last day has gone, so the rule binds again. `may_approve`: by somebody other than who proposed it."""

    set_aside: SetAside
    says: Words | None
    holds: bool
    past: bool
    may_approve: bool


def _aside_line(each: SetAside, request: StaffRequest, now) -> AsideLine:
    rule = packs_in_force().rule(each.rule)
    past = each.portfolio.business_date(now) > each.ends_on
    waiting = each.approved_at is None and not past
    return AsideLine(
        set_aside=each,
        says=said(rule) if rule else None,
        holds=each.holds(now),
        past=past,
        may_approve=waiting and each.proposed_by_id != request.user.pk,
    )


def _form(request: StaffRequest, signed: frozenset[str], data=None) -> SetAsideForm:
    portfolios = Portfolio.objects.visible_to(request.user)
    return SetAsideForm(sorted(drafts(packs_in_force(), signed)), portfolios, data)


@require_safe
@login_required
@permission_required("compliance.view_packversion", raise_exception=True)
def pack(request: StaffRequest, digest: str) -> HttpResponse:
    """One text: its rules in words, its signatures, and the other texts of the same pack to compare it with."""
    now = timezone.now()
    version = _version(digest)
    found = parse_pack(version.text, version.pack)
    signatures = list(version.signatures.select_related("signer"))
    signed = len({each.signer_id for each in signatures}) >= SIGNATURES
    today = timezone.localdate(now)
    others = PackVersion.objects.filter(pack=version.pack).exclude(pk=version.pk).defer("text")
    context = {
        "version": version,
        "title": title(found),
        "rules": [in_words(rule, signed=signed, today=today) for rule in found.rules],
        "terms": [in_words(term, signed=signed, today=today) for term in found.terms],
        "signatures": signatures,
        "signed": signed,
        "missing": max(0, SIGNATURES - len({each.signer_id for each in signatures})),
        "in_force": digest in {each.digest for each in packs_in_force().all},
        "may_sign": request.user.has_perm("compliance.sign_pack")
        and request.user.pk not in {each.signer_id for each in signatures},
        "others": others,
    }
    return render(request, "compliance/pack.html", context)


def _version(digest: str) -> PackVersion:
    """A stored text; one in force that nothing has stored yet is stored now."""
    if digest in {each.digest for each in packs_in_force().all} and not PackVersion.objects.filter(pk=digest):
        store_packs(packs=packs_in_force(), by=GATE, at=timezone.now())
    return get_object_or_404(PackVersion, pk=digest)


@require_POST
@login_required
@permission_required("compliance.sign_pack", raise_exception=True)
def pack_sign(request: StaffRequest, digest: str) -> HttpResponse:
    version = _version(digest)
    try:
        sign(version=version, signer=request.user, at=timezone.now())
    except PackRefused as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _("You have signed this text."))
    return redirect("pack", digest=version.pk)


@require_safe
@login_required
@permission_required("compliance.view_packversion", raise_exception=True)
def pack_compare(request: StaffRequest, before: str, after: str) -> HttpResponse:
    """How two texts differ, in words."""
    old, new = (_version(digest) for digest in (before, after))
    found = differences(parse_pack(old.text, old.pack), parse_pack(new.text, new.pack))
    return render(
        request, "compliance/pack_compare.html", {"before": old, "after": new, "differences": found}
    )


# Setting drafts aside


@require_POST
@login_required
@permission_required("compliance.set_aside_rule", raise_exception=True)
def set_aside_propose(request: StaffRequest) -> HttpResponse:
    signed = law_at(timezone.now(), packs_in_force()).signed
    form = _form(request, signed, request.POST)
    if not form.is_valid():
        return _desk(request, form, status=422)
    ends_on: date = form.cleaned_data["ends_on"]
    try:
        set_asides.propose(
            rule=form.cleaned_data["rule"],
            portfolio=form.cleaned_data["portfolio"],
            reason=form.cleaned_data["reason"],
            ends_on=ends_on,
            proposer=request.user,
            at=timezone.now(),
        )
    except SetAsideRefused as refusal:
        form.add_error(refusal.code if refusal.code in form.fields else None, str(refusal))
        return _desk(request, form, status=422)
    messages.success(request, _("Proposed. The rule binds until a second person has agreed."))
    return redirect("packs")


@require_POST
@login_required
@permission_required("compliance.set_aside_rule", raise_exception=True)
def set_aside_approve(request: StaffRequest, set_aside_id: UUID) -> HttpResponse:
    return _answer(request, set_aside_id, approve=True)


@require_POST
@login_required
@permission_required("compliance.set_aside_rule", raise_exception=True)
def set_aside_end(request: StaffRequest, set_aside_id: UUID) -> HttpResponse:
    return _answer(request, set_aside_id, approve=False)


def _answer(request: StaffRequest, set_aside_id: UUID, *, approve: bool) -> HttpResponse:
    found = get_object_or_404(SetAside.objects.visible_to(request.user), pk=set_aside_id)
    try:
        if approve:
            set_asides.approve(set_aside=found, approver=request.user, at=timezone.now())
            told = _("The rule is set aside for this portfolio.")
        else:
            set_asides.end(set_aside=found, person=request.user, at=timezone.now())
            told = _("The rule binds this portfolio.")
    except SetAsideRefused as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, told)
    return redirect("packs")
