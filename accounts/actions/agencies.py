"""Agencies: set up by administrators; barred, and let again, by compliance officers. None is deleted; one that works for us
no more has a last day."""

from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actions.portfolios import changed_fields, require
from accounts.models import Agency, AgencyBar, BarReason, User
from compliance.audit import Actor, Stream, record

DETAILS = (
    "name", "address", "phone", "licence", "since", "until", "commission_percent", "upheld_most", "upheld_days",
)  # fmt: skip
MOST_WORDS = 2000


@transaction.atomic
def add_agency(*, agency: Agency, by: Actor, at: datetime) -> Agency:
    """Store a new agency. Raises `PermissionDenied`, `ValidationError`."""
    require(by, "accounts.add_agency")
    agency.full_clean()
    agency.save(force_insert=True)
    record("agency.created", stream=Stream.system(), by=by, at=at, agency=agency.ref)
    return agency


@transaction.atomic
def change_agency(*, agency: Agency, by: Actor, at: datetime) -> Agency:
    """Store the `DETAILS` that were changed on `agency`; what was placed on earlier terms keeps them. Nothing changed: no
    event. Raises `PermissionDenied`, `ValidationError`."""
    require(by, "accounts.change_agency")
    if changed := changed_fields(agency, DETAILS):
        agency.full_clean()
        agency.save(update_fields=changed)
        record("agency.changed", stream=Stream.system(), by=by, at=at, agency=agency.ref, fields=changed)
    return agency


@transaction.atomic
def bar_agency(
    *,
    agency: Agency,
    reason: str,
    words: str,
    from_on: date,
    ends_on: date | None,
    person: User,
    at: datetime,
) -> AgencyBar:
    """From a day on the agency gets no more cases; what it has stays until it is recalled. Needs `accounts.bar_agency`
    (`PermissionDenied`); raises `ValidationError` (words, days)."""
    by = Actor.staff(person)
    require(by, "accounts.bar_agency")
    words = words.replace("\0", "").strip()
    if not words or len(words) > MOST_WORDS:
        raise ValidationError(_("Please say in your own words why."), code="words")
    if ends_on is not None and ends_on < from_on:
        raise ValidationError(_("It does not end before it begins."), code="days")
    # Whoever is just placing cases with it comes before or after, never beside.
    Agency.objects.select_for_update(no_key=True).get(pk=agency.pk)
    bar = AgencyBar.objects.create(
        agency=agency, reason=BarReason(reason), words=words, from_on=from_on, ends_on=ends_on, set_by=person, set_at=at
    )  # fmt: skip
    record(
        "agency.barred", stream=Stream.system(), by=by, at=at, agency=agency.ref, reason=bar.reason, from_on=from_on,
        ends_on=ends_on,
    )  # fmt: skip
    return bar


@transaction.atomic
def lift_bar(*, bar: AgencyBar, person: User, at: datetime) -> AgencyBar:
    """The agency may be given cases again. Lifted already: nothing changes. Needs `accounts.bar_agency`
    (`PermissionDenied`)."""
    by = Actor.staff(person)
    require(by, "accounts.bar_agency")
    bar = AgencyBar.objects.select_for_update(of=("self",)).select_related("agency").get(pk=bar.pk)
    if bar.lifted_at is None:
        bar.lifted_by, bar.lifted_at = person, at
        bar.save(update_fields=["lifted_by", "lifted_at"])
        record("agency.bar_lifted", stream=Stream.system(), by=by, at=at, agency=bar.agency.ref)
    return bar
