"""Who owes: borrowers, how they are reached, and the people around them. Identity and addresses are sealed.

A sealed column holds AES-256-GCM ciphertext under the borrower's own key (`accounts/seal.py`); beside it stand a mask for
lists and, where staff must search, a keyed blind index of the normalised value.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models.portfolio import LegalEntity


class BorrowerQuerySet(models.QuerySet["Borrower"]):
    def visible_to(self, user) -> "BorrowerQuerySet":
        if user.has_perm("accounts.see_all_portfolios"):
            return self
        if not user.team_id:
            return self.none()
        # A subquery, not a join: a borrower with three loans is still one row.
        from accounts.models.loan import Loan

        return self.filter(
            models.Exists(Loan.objects.filter(borrower=models.OuterRef("pk"), portfolio__team=user.team_id))
        )


class Borrower(models.Model):
    """One person towards one legal entity. Holds nothing readable but masks and what rules need in bulk."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    entity = models.ForeignKey(LegalEntity, models.PROTECT)
    external_index = models.BinaryField()
    identity_sealed = models.BinaryField()
    name_mask = models.CharField(max_length=60)
    language = models.CharField(max_length=10)
    country = models.CharField(max_length=2, blank=True)
    # Time zones that address and stated whereabouts indicate; phones carry their own.
    zones = ArrayField(models.CharField(max_length=40), default=list)
    preferred_channel = models.CharField(max_length=12, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BorrowerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "external_index"], name="borrower_once_per_entity")
        ]


class BorrowerKey(models.Model):
    """The borrower's data key, wrapped. Destroying this row erases the borrower everywhere."""

    borrower = models.OneToOneField(Borrower, models.CASCADE, primary_key=True, related_name="key")
    wrapped = models.BinaryField()
    wrapped_by = models.CharField(max_length=16)  # fingerprint of the wrapping key, for rotation

    class Meta:
        default_permissions = ()


class Relation(models.TextChoices):
    GUARANTOR = "guarantor", _("Guarantor")
    CO_BORROWER = "co_borrower", _("Co-borrower")
    EMERGENCY_CONTACT = "emergency_contact", _("Emergency contact")
    ATTORNEY = "attorney", _("Attorney")
    REPRESENTATIVE = "representative", _("Representative")
    HOUSEHOLD = "household", _("Household member")


class RelatedPerson(models.Model):
    """Someone around the borrower: who named them, when, and on what ground we hold their data."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.CASCADE, related_name="related_persons")
    relation = models.CharField(max_length=20, choices=Relation)
    name_sealed = models.BinaryField()
    name_mask = models.CharField(max_length=60)
    given_by = models.CharField(max_length=30)
    given_on = models.DateField()
    ground = models.CharField(max_length=30)
    created_at = models.DateTimeField(auto_now_add=True)


class RelatedPersonRefusal(models.Model):
    """This person does not want to be contacted. Append-only: it holds for ever."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    person = models.ForeignKey(RelatedPerson, models.PROTECT, related_name="refusals")
    channel = models.CharField(max_length=12)
    refused_at = models.DateTimeField()
    recorded_by = models.CharField(max_length=60)


class ContactKind(models.TextChoices):
    PHONE = "phone", _("Phone")
    EMAIL = "email", _("E-mail")
    APP = "app", _("App")
    WECHAT = "wechat", _("WeChat")
    POSTAL = "postal", _("Postal address")


class Place(models.TextChoices):
    """Where a number or address rings or arrives. Empty: not known; a mobile is tied to no place."""

    HOME = "home", _("at home")
    WORK = "work", _("at work")


class PointStatus(models.TextChoices):
    ACTIVE = "active", _("in use")
    WRONG = "wrong", _("wrong number or address")
    BOUNCED = "bounced", _("does not receive")
    RETIRED = "retired", _("retired")


class ContactPointQuerySet(models.QuerySet["ContactPoint"]):
    def usable(self) -> "ContactPointQuerySet":
        return self.filter(status=PointStatus.ACTIVE)


class ContactPoint(models.Model):
    """One number or address, where it came from, when it was verified, on what ground we hold it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.CASCADE, related_name="contact_points")
    related_person = models.ForeignKey(
        RelatedPerson, models.CASCADE, null=True, blank=True, related_name="contact_points"
    )
    kind = models.CharField(max_length=10, choices=ContactKind)
    value_sealed = models.BinaryField()
    mask = models.CharField(max_length=80)
    value_index = models.BinaryField()
    country = models.CharField(max_length=2, blank=True)
    zones = ArrayField(models.CharField(max_length=40), default=list)
    line_type = models.CharField(max_length=20, blank=True)
    place = models.CharField(max_length=10, choices=Place, blank=True)
    owner = models.CharField(max_length=20, default="borrower")
    source = models.CharField(max_length=30)
    ground = models.CharField(max_length=30)
    verified_on = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=PointStatus, default=PointStatus.ACTIVE)
    status_reason = models.CharField(max_length=30, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ContactPointQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["borrower", "kind", "value_index"], name="contact_point_once"),
            models.UniqueConstraint(fields=["borrower", "id"], name="contact_point_of_borrower"),
        ]
        indexes = [models.Index(fields=["value_index"], name="contact_point_search")]
