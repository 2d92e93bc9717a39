"""Legal entities and portfolios: made and changed by administrators, opened for contact by compliance."""

from datetime import datetime

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import ProgrammingError, models, transaction
from django.utils.translation import gettext as _
from psycopg.errors import InsufficientPrivilege

from accounts.actions.borrowers import check_code
from accounts.actions.caps import keep_caps
from accounts.models import LegalEntity, Portfolio, Terms
from compliance.audit import Actor, Stream, record

# What `change_portfolio` changes. Whether it is open for contact is not among them: that has its own actions.
TERMS = (
    "code",
    "name",
    "entity",
    "currency",
    "jurisdictions",
    "our_role",
    "zone",
    "language",
    "allocation_order",
    "bucket_edges",
    "payments_fresh_days",
)


class NotReconciled(Exception):
    """No reconciliation covers every file of what was known before. The text is a sentence."""

    def __init__(self) -> None:
        super().__init__(_("Please sign the reconciliation first: it covers every file that was imported."))


@transaction.atomic
def create_entity(*, entity: LegalEntity, by: Actor, at: datetime) -> LegalEntity:
    """Store a new legal entity. Raises `PermissionDenied`, `ValidationError`."""
    require(by, "accounts.add_legalentity")
    entity.full_clean()
    entity.save(force_insert=True)
    record("legal_entity.created", stream=Stream.system(), by=by, at=at, entity=entity.ref)
    return entity


@transaction.atomic
def change_entity(*, entity: LegalEntity, by: Actor, at: datetime) -> LegalEntity:
    """Store what was changed on `entity`. Nothing changed: no event. Raises `PermissionDenied`,
    `ValidationError`."""
    require(by, "accounts.change_legalentity")
    changed = changed_fields(entity, ("name",))
    if changed:
        entity.full_clean()
        entity.save(update_fields=changed)
        record(
            "legal_entity.changed",
            stream=Stream.system(),
            by=by,
            at=at,
            entity=entity.ref,
            fields=changed,
        )
    return entity


@transaction.atomic
def create_portfolio(*, portfolio: Portfolio, by: Actor, at: datetime) -> Portfolio:
    """Store a new portfolio, closed for contact whatever it says. Raises `PermissionDenied`,
    `ValidationError`."""
    require(by, "accounts.add_portfolio")
    portfolio.contact_open = False
    portfolio.full_clean()
    portfolio.save(force_insert=True)
    record(
        "portfolio.created",
        stream=Stream.system(),
        by=by,
        at=at,
        portfolio=portfolio.ref,
        code=portfolio.code,
        currency=portfolio.currency,
        jurisdictions=portfolio.jurisdictions,
        role=portfolio.our_role,
    )
    return portfolio


@transaction.atomic
def change_portfolio(*, portfolio: Portfolio, by: Actor, at: datetime) -> Portfolio:
    """Store the `TERMS` that were changed on `portfolio`. Nothing changed: no event. Entity, currency and
    order of allocation stay once there are loans. Raises `PermissionDenied`, `ValidationError`."""
    require(by, "accounts.change_portfolio")
    changed = changed_fields(portfolio, TERMS)
    if changed:
        portfolio.full_clean()
        portfolio.save(update_fields=changed)
        record(
            "portfolio.changed",
            stream=Stream.system(),
            by=by,
            at=at,
            portfolio=portfolio.ref,
            fields=changed,
        )
        keep_caps(portfolio=portfolio, by=by, at=at)
    return portfolio


@transaction.atomic
def set_terms(*, terms: Terms, by: Actor, at: datetime) -> Terms:
    """Store terms that hold from a business date on, today or later: what was charged and agreed by the earlier ones stays.
    Raises `PermissionDenied`, `ValidationError`."""
    require(by, "accounts.change_portfolio")
    terms.full_clean()
    if terms.from_on < terms.portfolio.business_date(at):
        raise ValidationError({"from_on": _("New terms hold from today or later.")})
    terms.save(force_insert=True)
    record(
        "portfolio.terms_set",
        stream=Stream.system(),
        by=by,
        at=at,
        portfolio=terms.portfolio.ref,
        terms=terms.pk,
        from_on=terms.from_on,
    )
    keep_caps(portfolio=terms.portfolio, by=by, at=at)
    return terms


@transaction.atomic
def open_contact(*, portfolio: Portfolio, by: Actor, at: datetime) -> Portfolio:
    """The import has been reconciled: from now on the gate may allow contact. Open already: nothing changes.
    Needs `accounts.open_contact` (`PermissionDenied`); raises `NotReconciled` where nobody has signed."""
    require(by, "accounts.open_contact")
    portfolio = Portfolio.objects.select_for_update(no_key=True).get(pk=portfolio.pk)
    if not portfolio.contact_open:
        portfolio.contact_open = True
        try:
            with transaction.atomic():
                portfolio.save(update_fields=["contact_open"])
        except ProgrammingError as error:
            if isinstance(error.__cause__, InsufficientPrivilege):
                raise NotReconciled from error
            raise
        record("portfolio.contact_opened", stream=Stream.system(), by=by, at=at, portfolio=portfolio.ref)
    return portfolio


@transaction.atomic
def close_contact(*, portfolio: Portfolio, reason: str, by: Actor, at: datetime) -> Portfolio:
    """From now on nobody of this portfolio is contacted. `reason` is a short code ("import_wrong"). Closed
    already: nothing changes. Needs `accounts.open_contact` (`PermissionDenied`)."""
    require(by, "accounts.open_contact")
    check_code(reason)
    portfolio = Portfolio.objects.select_for_update(no_key=True).get(pk=portfolio.pk)
    if portfolio.contact_open:
        portfolio.contact_open = False
        portfolio.save(update_fields=["contact_open"])
        record(
            "portfolio.contact_closed",
            stream=Stream.system(),
            by=by,
            at=at,
            portfolio=portfolio.ref,
            reason=reason,
        )
    return portfolio


def require(by: Actor, permission: str) -> None:
    if not by.may(permission):
        raise PermissionDenied(_("This is not part of your role."))


def changed_fields(row: models.Model, fields: tuple[str, ...]) -> list[str]:
    """The fields that differ from the stored row, which stays locked until the transaction ends."""
    stored = type(row)._default_manager.select_for_update(no_key=True).get(pk=row.pk)
    return [name for name in fields if row.serializable_value(name) != stored.serializable_value(name)]
