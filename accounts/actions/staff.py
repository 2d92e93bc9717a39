"""Staff and teams: made and changed by administrators. Nobody is deleted; who leaves is switched off."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actions.portfolios import changed_fields, require
from accounts.models import Portfolio, Role, Team, User
from compliance.audit import Actor, Stream, record

DETAILS = ("username", "first_name", "last_name", "email", "role", "team", "agency", "language", "is_active")


@transaction.atomic
def add_staff(*, user: User, password: str, by: Actor, at: datetime) -> User:
    """Store a new member of staff with their first password; a hash of it that `user` carries already is kept, for who gives
    many the same. Raises `PermissionDenied`, `ValidationError`."""
    require(by, "accounts.add_user")
    validate_password(password, user)
    if not user.password:
        user.set_password(password)
    user.full_clean()
    user.save(force_insert=True)
    record(
        "staff.created",
        stream=Stream.staff(user.ref),
        by=by,
        at=at,
        staff=user.ref,
        role=user.role,
    )
    return user


@transaction.atomic
def change_staff(*, user: User, by: Actor, at: datetime, password: str | None = None) -> User:
    """Store the `DETAILS` that were changed on `user`, and a new password where one is given; it signs them
    out everywhere. Nothing changed: no event. Raises `PermissionDenied`, and `ValidationError`, also where
    nobody would be left who can administer."""
    require(by, "accounts.change_user")
    # Two administrators who switch each other off wait for each other here.
    list(_administrators().select_for_update(no_key=True).order_by("pk"))
    changed = changed_fields(user, DETAILS)
    check_administrators(user)
    if password:
        validate_password(password, user)
        user.set_password(password)
        changed.append("password")
    if changed:
        user.full_clean()
        # The flag follows the role (`User.save`).
        user.save(update_fields=[*changed, "is_staff"])
        record(
            "staff.changed",
            stream=Stream.staff(user.ref),
            by=by,
            at=at,
            staff=user.ref,
            fields=changed,
        )
    return user


def check_administrators(user: User) -> None:
    """Raises `ValidationError` where this change would leave nobody who can administer."""
    if user.role == Role.ADMINISTRATOR and user.is_active:
        return
    administrators = _administrators()
    if administrators.filter(pk=user.pk).exists() and not administrators.exclude(pk=user.pk).exists():
        raise ValidationError(
            _("This is the last administrator. Please make somebody else one first."),
            code="last_administrator",
        )


@transaction.atomic
def add_team(*, team: Team, portfolios: Iterable[Portfolio], by: Actor, at: datetime) -> Team:
    """Store a new team that works these portfolios. Raises `PermissionDenied`, `ValidationError`."""
    require(by, "accounts.add_team")
    team.full_clean()
    team.save(force_insert=True)
    team.portfolios.set(portfolios)
    record("team.created", stream=Stream.system(), by=by, at=at, team=team.pk)
    return team


@transaction.atomic
def change_team(*, team: Team, portfolios: Iterable[Portfolio], by: Actor, at: datetime) -> Team:
    """Store a changed name and the portfolios that the team works from now on. Nothing changed: no event.
    Raises `PermissionDenied`, `ValidationError`."""
    require(by, "accounts.change_team")
    changed = changed_fields(team, ("name",))
    if changed:
        team.full_clean()
        team.save(update_fields=changed)
    wanted = {portfolio.pk for portfolio in portfolios}
    if wanted != set(team.portfolios.values_list("pk", flat=True)):
        team.portfolios.set(wanted)
        changed.append("portfolios")
    if changed:
        record("team.changed", stream=Stream.system(), by=by, at=at, team=team.pk, fields=changed)
    return team


@transaction.atomic
def remove_team(*, team: Team, by: Actor, at: datetime) -> None:
    """Remove a team nobody is in. Raises `PermissionDenied`, `ValidationError` (team_has_people)."""
    require(by, "accounts.delete_team")
    if team.user_set.exists():
        raise ValidationError(
            _("There are still people in this team. Please move them first."), code="team_has_people"
        )
    record("team.removed", stream=Stream.system(), by=by, at=at, team=team.pk)
    team.delete()


@transaction.atomic
def note_sign_in(*, user: User, at: datetime) -> None:
    """This member of staff has signed in."""
    record("staff.signed_in", stream=Stream.staff(user.ref), by=Actor.staff(user), at=at, staff=user.ref)


@transaction.atomic
def note_failed_sign_in(*, at: datetime) -> None:
    """Somebody tried to sign in and gave a wrong name or password. Which name stays out of the log: it may
    be a password typed into the wrong field."""
    record(
        "staff.sign_in_failed",
        stream=Stream.system(),
        by=Actor.system("sign_in"),
        at=at,
        reason="wrong_credentials",
    )


def _administrators():
    return User.objects.filter(role=Role.ADMINISTRATOR, is_active=True)
