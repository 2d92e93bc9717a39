"""Borrowers and the people around them: sealing, opening a seal, finding. Every function here leaves its
event.

What is sealed is bound to its place: a contact value to its contact point, a name to its person. What is
opened is opened only after the event that says so has been written.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.models import (
    Borrower,
    BorrowerKey,
    ContactKind,
    ContactPoint,
    LegalEntity,
    Loan,
    PointStatus,
    Portfolio,
    RelatedPerson,
    RelatedPersonRefusal,
    Relation,
)
from accounts.phones import ContactError, mask_email, mask_name, mask_phone, normalise_email, read_phone
from accounts.seal import Seal, blind_index, new_seal, seal_of
from accounts.tapes.fields import GIVERS, GROUNDS, HARVESTED, SOURCES
from compliance.audit import Actor, Stream, record

IDENTITY = "identity"
IDENTITY_FIELDS = frozenset({"name", "external_id", "national_id", "born_on", "address", "employer"})

ORIGINS = frozenset({*SOURCES, *GIVERS})
"""Where a contact point or a related person may come from; `HARVESTED` ones are refused in so many words."""

_CODE = re.compile(r"[a-z][a-z0-9_]{1,29}")


class BorrowerRefused(Exception):
    """What was asked is not done. `code` for machines; the text is a sentence for the person who asked."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Address:
    """One contact value in its normal form, with what rules and lists need of it."""

    value: str
    mask: str
    country: str = ""
    zones: tuple[str, ...] = ()
    line_type: str = ""


def read_address(kind: str, text: str, *, region: str | None = None) -> Address:
    """The value that `text` says; `region` (ISO 3166) is where a phone number without its country code is
    dialled.

    Raises `ContactError` for what is no phone number or e-mail address, and for an empty text.
    """
    if kind == ContactKind.PHONE:
        phone = read_phone(text, region)
        return Address(phone.e164, mask_phone(phone.e164), phone.country, phone.zones, phone.line_type)
    if kind == ContactKind.EMAIL:
        value = normalise_email(text)
        return Address(value, mask_email(value))
    value = " ".join(text.split())
    if not value:
        raise ContactError(f"{kind}_invalid")
    return Address(value, "***" if kind == ContactKind.POSTAL else f"{value[0]}***", region or "")


def customer_index(external_id: str) -> bytes:
    """The blind index of a lender's customer id; compare it within one legal entity only."""
    return blind_index("customer", external_id.strip())


def sealed_borrower(
    *,
    entity_id: int,
    external_id: str,
    identity: Mapping[str, str],
    language: str,
    country: str = "",
    zones: Iterable[str] = (),
    preferred_channel: str = "",
) -> tuple[Borrower, BorrowerKey, Seal]:
    """Unsaved rows of a new borrower and the seal for what else belongs to them. `identity` holds the
    `name` and other `IDENTITY_FIELDS`; `zones` are those that address and whereabouts indicate."""
    if unknown := identity.keys() - IDENTITY_FIELDS:
        raise ValueError(f"An identity has no {', '.join(sorted(unknown))}.")
    borrower_id = uuid7()
    seal, wrapped, wrapped_by = new_seal(borrower_id)
    borrower = Borrower(
        id=borrower_id,
        entity_id=entity_id,
        external_index=customer_index(external_id),
        identity_sealed=seal.seal_json(IDENTITY, {**identity, "external_id": external_id.strip()}),
        name_mask=mask_name(identity["name"])[:60],
        language=language,
        country=country,
        zones=list(zones),
        preferred_channel=preferred_channel,
    )
    return borrower, BorrowerKey(borrower=borrower, wrapped=wrapped, wrapped_by=wrapped_by), seal


def sealed_point(
    *,
    seal: Seal,
    borrower_id: UUID,
    kind: str,
    address: Address,
    source: str,
    ground: str,
    verified_on: date | None = None,
    related_person_id: UUID | None = None,
    owner: str = "borrower",
    zones: Iterable[str] = (),
) -> ContactPoint:
    """The unsaved row of a contact point. `zones` adds to those the address itself indicates. Raises
    `BorrowerRefused` for a source or ground that does not carry it."""
    check_origin(source=source, ground=ground)
    point_id = uuid7()
    return ContactPoint(
        id=point_id,
        borrower_id=borrower_id,
        related_person_id=related_person_id,
        kind=kind,
        value_sealed=seal.seal(_point_field(point_id), address.value),
        mask=address.mask[:80],
        value_index=blind_index(kind, address.value),
        country=address.country,
        zones=sorted({*address.zones, *zones}),
        line_type=address.line_type,
        owner=owner,
        source=source,
        ground=ground,
        verified_on=verified_on,
    )


def sealed_person(
    *, seal: Seal, borrower_id: UUID, relation: str, name: str, given_by: str, given_on: date, ground: str
) -> RelatedPerson:
    """The unsaved row of a person around the borrower. Raises `BorrowerRefused` as `sealed_point`."""
    check_origin(source=given_by, ground=ground)
    person_id = uuid7()
    return RelatedPerson(
        id=person_id,
        borrower_id=borrower_id,
        relation=Relation(relation),
        name_sealed=seal.seal(_person_field(person_id), name),
        name_mask=mask_name(name)[:60],
        given_by=given_by,
        given_on=given_on,
        ground=ground,
    )


def person_name(seal: Seal, person: RelatedPerson) -> str:
    """The name of a person around the borrower, for code that must tell people apart; it is shown to nobody."""
    return seal.open(_person_field(person.pk), bytes(person.name_sealed))


def check_origin(*, source: str, ground: str) -> None:
    """Personal data need a lawful source and ground. Raises `BorrowerRefused` (harvested, source_unknown,
    ground_unknown)."""
    if source in HARVESTED:
        raise BorrowerRefused(
            "harvested", _("Data taken from an address book or bought from others may not be used.")
        )
    if source not in ORIGINS:
        raise BorrowerRefused("source_unknown", _("Please say where this comes from."))
    if ground not in GROUNDS:
        raise BorrowerRefused("ground_unknown", _("Please say on what ground we may keep this."))


@transaction.atomic
def add_borrower(
    *,
    entity: LegalEntity,
    external_id: str,
    identity: Mapping[str, str],
    language: str,
    by: Actor,
    at: datetime,
    country: str = "",
    zones: Iterable[str] = (),
    preferred_channel: str = "",
) -> Borrower:
    """Take over one borrower of a lender, sealed. Raises `IntegrityError` when the entity has this customer
    already."""
    borrower, key, _seal = sealed_borrower(
        entity_id=entity.pk,
        external_id=external_id,
        identity=identity,
        language=language,
        country=country,
        zones=zones,
        preferred_channel=preferred_channel,
    )
    borrower.save(force_insert=True)
    key.save(force_insert=True)
    record(
        "borrower.imported",
        stream=Stream.borrower(borrower.pk),
        by=by,
        at=at,
        borrower=borrower.pk,
        contact_points=0,
        related_persons=0,
    )
    return borrower


@transaction.atomic
def add_contact_point(
    *,
    borrower: Borrower,
    kind: str,
    text: str,
    source: str,
    ground: str,
    by: Actor,
    at: datetime,
    region: str | None = None,
    related_person: RelatedPerson | None = None,
    verified_on: date | None = None,
    zones: Iterable[str] = (),
    case: UUID | None = None,
) -> ContactPoint:
    """A number or address of the borrower, or of a person around them. One that is in use already comes
    back as it is; one that was retired comes back into use, because somebody gave it to us again.

    Raises `ContactError` for what is no number or address, and `BorrowerRefused` for a source or ground
    that does not carry it, or when it belongs to a person who refused contact: that holds for ever.
    """
    check_origin(source=source, ground=ground)
    if related_person is not None and related_person.borrower_id != borrower.pk:
        raise ValueError("This person stands by another borrower.")
    address = read_address(kind, text, region=region)
    # Two people adding the same number wait for each other here.
    Borrower.objects.select_for_update(no_key=True).get(pk=borrower.pk)
    _refuse_refused(related_person)
    known = (
        borrower.contact_points.select_related("related_person")
        .filter(kind=kind, value_index=blind_index(kind, address.value))
        .first()
    )
    if known is not None:
        _refuse_refused(known.related_person)
        if known.status == PointStatus.ACTIVE:
            return known
        known.status, known.status_reason = PointStatus.ACTIVE, ""
        known.source, known.ground, known.verified_on = source, ground, verified_on
        known.save(update_fields=["status", "status_reason", "source", "ground", "verified_on"])
        point = known
    else:
        point = sealed_point(
            seal=seal_of(borrower),
            borrower_id=borrower.pk,
            kind=kind,
            address=address,
            source=source,
            ground=ground,
            verified_on=verified_on,
            related_person_id=related_person.pk if related_person else None,
            owner=related_person.relation if related_person else "borrower",
            zones=zones,
        )
        point.save(force_insert=True)
    record(
        "contact_point.added",
        stream=Stream.borrower(borrower.pk),
        by=by,
        at=at,
        case=case,
        borrower=borrower.pk,
        contact_point=point.pk,
        kind=kind,
        source=source,
        ground=ground,
    )
    return point


@transaction.atomic
def retire_contact_point(
    *, point: ContactPoint, status: str, reason: str, by: Actor, at: datetime, case: UUID | None = None
) -> ContactPoint:
    """Take a number or address out of use: `status` wrong, bounced or retired; `reason` a short code
    ("wrong_number"). Already out of use: nothing changes."""
    if status not in (PointStatus.WRONG, PointStatus.BOUNCED, PointStatus.RETIRED):
        raise ValueError(f"A contact point is not retired as {status!r}.")
    check_code(reason)
    locked = ContactPoint.objects.select_for_update(no_key=True).get(pk=point.pk)
    if locked.status != PointStatus.ACTIVE:
        return locked
    locked.status, locked.status_reason = status, reason
    locked.save(update_fields=["status", "status_reason"])
    record(
        "contact_point.retired",
        stream=Stream.borrower(locked.borrower_id),
        by=by,
        at=at,
        case=case,
        borrower=locked.borrower_id,
        contact_point=locked.pk,
        reason=reason,
    )
    return locked


@transaction.atomic
def add_related_person(
    *,
    borrower: Borrower,
    relation: str,
    name: str,
    given_by: str,
    given_on: date,
    ground: str,
    by: Actor,
    at: datetime,
    case: UUID | None = None,
) -> RelatedPerson:
    """A guarantor, co-borrower or other person around the borrower: who named them, when, on what ground we
    keep it. Raises `BorrowerRefused` when source or ground does not carry it."""
    person = sealed_person(
        seal=seal_of(borrower),
        borrower_id=borrower.pk,
        relation=relation,
        name=name,
        given_by=given_by,
        given_on=given_on,
        ground=ground,
    )
    person.save(force_insert=True)
    record(
        "related_person.added",
        stream=Stream.borrower(borrower.pk),
        by=by,
        at=at,
        case=case,
        borrower=borrower.pk,
        related_person=person.pk,
        relation=relation,
        given_by=given_by,
        given_on=given_on,
        ground=ground,
    )
    return person


@transaction.atomic
def refuse_related_person(
    *, person: RelatedPerson, channel: str, by: Actor, at: datetime, case: UUID | None = None
) -> RelatedPersonRefusal:
    """This person does not want to hear from us. Said on one channel (`channel`), it holds for all, and for
    ever; their numbers and addresses go out of use. Said again on the same channel, nothing changes."""
    RelatedPerson.objects.select_for_update(no_key=True).get(pk=person.pk)
    earlier = person.refusals.filter(channel=channel).first()
    if earlier is not None:
        return earlier
    refusal = RelatedPersonRefusal.objects.create(
        person=person, channel=channel, refused_at=at, recorded_by=by.ref
    )
    record(
        "related_person.refused",
        stream=Stream.borrower(person.borrower_id),
        by=by,
        at=at,
        case=case,
        borrower=person.borrower_id,
        related_person=person.pk,
        channel=channel,
    )
    for point in person.contact_points.usable().order_by("pk"):
        retire_contact_point(
            point=point, status=PointStatus.RETIRED, reason="refused", by=by, at=at, case=case
        )
    return refusal


def open_identity(
    *, borrower: Borrower, by: Actor, at: datetime, why: str, case: UUID | None = None
) -> dict[str, Any]:
    """The borrower's name and other `IDENTITY_FIELDS`, for one who may open seals. `why` is a short code
    ("call").

    The event is written and committed first: without it nothing is opened. Raises `PermissionDenied`; and
    `RuntimeError` inside another transaction, because that one could still undo the event after the name
    has been read.
    """
    record_opening(borrower.pk, what=IDENTITY, by=by, at=at, why=why, case=case)
    return seal_of(borrower).open_json(IDENTITY, borrower.identity_sealed)


def open_contact_point(
    *, point: ContactPoint, by: Actor, at: datetime, why: str, case: UUID | None = None
) -> str:
    """The number or address behind a contact point. As `open_identity`."""
    record_opening(point.borrower_id, what=f"contact_point:{point.pk}", by=by, at=at, why=why, case=case)
    return open_for_attempt(point=point)


def open_related_person(
    *, person: RelatedPerson, by: Actor, at: datetime, why: str, case: UUID | None = None
) -> str:
    """The name of a person around the borrower. As `open_identity`."""
    record_opening(person.borrower_id, what=f"related_person:{person.pk}", by=by, at=at, why=why, case=case)
    return seal_of(person.borrower).open(_person_field(person.pk), person.name_sealed)


@dataclass(frozen=True, slots=True)
class Opened:
    """A borrower's name and the numbers and addresses asked for, by contact point."""

    name: str
    values: Mapping[UUID, str]


def read_opened(borrower: Borrower, points: Iterable[ContactPoint]) -> Opened:
    """What a person has opened a moment ago (`open_identity`) and still has on the screen: the event of that opening is
    the event of this reading. For the page that keeps the two minutes, and for nothing else."""
    seal = seal_of(borrower)
    identity = seal.open_json(IDENTITY, borrower.identity_sealed)
    values = {point.pk: seal.open(_point_field(point.pk), point.value_sealed) for point in points}
    return Opened(identity["name"] or borrower.name_mask, values)


def open_for_attempt(*, point: ContactPoint) -> str:
    """The number or address of a contact attempt whose permit has just been spent: that attempt's own event
    is the event of this opening. For the code that places the attempt, and for nothing else."""
    return seal_of(point.borrower).open(_point_field(point.pk), point.value_sealed)


class Search:
    """What can be searched for, always exactly."""

    PHONE = "phone"
    EMAIL = "email"
    CUSTOMER = "customer"
    LOAN = "loan"
    KINDS = (PHONE, EMAIL, CUSTOMER, LOAN)


@transaction.atomic
def find(*, kind: str, text: str, by: Actor, at: datetime) -> list[Borrower]:
    """The borrowers that a member of staff may see and that have exactly this phone number (in any common
    spelling, read in the countries of the portfolios that person sees), e-mail address, customer id or loan
    id. At most 50, newest last.

    A text that is no number or address finds nothing. The event says what kind was searched and how many
    were found, never the text.
    """
    if kind not in Search.KINDS:
        raise ValueError(f"Nobody can search by {kind!r}.")
    if by.user is None:
        raise PermissionDenied(_("Only staff can search for borrowers."))
    borrowers = Borrower.objects.visible_to(by.user)
    if kind == Search.LOAN:
        loans = Loan.objects.visible_to(by.user).filter(external_id=text.strip())
        borrowers = borrowers.filter(pk__in=loans.values("borrower"))
    elif kind == Search.CUSTOMER:
        borrowers = borrowers.filter(external_index=customer_index(text))
    else:
        values = _spellings(kind, text, by)
        points = ContactPoint.objects.filter(value_index__in=[blind_index(kind, value) for value in values])
        borrowers = borrowers.filter(pk__in=points.filter(kind=kind).values("borrower"))
    found = list(borrowers.order_by("pk")[:50])
    record("borrower.searched", stream=Stream.staff(by.user.ref), by=by, at=at, kind=kind, found=len(found))
    return found


def _spellings(kind: str, text: str, by: Actor) -> set[str]:
    """Every value the text may mean: a number without its country code is read in each country the searcher
    works for."""
    readings: set[tuple[str, str | None]] = {(text, None)}
    if kind == Search.PHONE:
        readings |= {(text, portfolio.country or None) for portfolio in Portfolio.objects.visible_to(by.user)}
        if text.strip().startswith("00"):
            readings.add((f"+{text.strip()[2:]}", None))
    values = set()
    for written, region in readings:
        with suppress(ContactError):
            values.add(read_address(kind, written, region=region).value)
    return values


def record_opening(
    borrower_id: UUID, *, what: str, by: Actor, at: datetime, why: str, case: UUID | None
) -> None:
    """Write and commit the event of opening something sealed, before it is opened. For the code that keeps it
    sealed. As `open_identity`."""
    check_code(why)
    if not by.may("accounts.unseal"):
        raise PermissionDenied(_("Opening a borrower's data is not part of this role."))
    with transaction.atomic(durable=True):
        record(
            "borrower.unsealed",
            stream=Stream.borrower(borrower_id),
            by=by,
            at=at,
            case=case,
            borrower=borrower_id,
            what=what,
            why=why,
        )


def check_code(text: str) -> None:
    """Reasons in the log are short codes: free text could name people. Raises `ValueError`."""
    if not _CODE.fullmatch(text):
        raise ValueError("A reason is a short code of lower-case letters, digits and underscores.")


def _refuse_refused(person: RelatedPerson | None) -> None:
    if person is not None and person.refusals.exists():
        raise BorrowerRefused("refused_for_ever", _("This person does not want to be contacted."))


def _point_field(point_id: UUID) -> str:
    return f"contact_point:{point_id}"


def _person_field(person_id: UUID) -> str:
    return f"related_person:{person_id}"
