"""Signing in by name and password, with patience for typing errors and none for guessing."""

from contextlib import suppress
from typing import Any

import django_rq
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

MOST_TRIES = 10
WAIT = 15 * 60
"""Seconds from the first wrong try after which a name may be tried again."""


class SignInForm(AuthenticationForm):
    """After `MOST_TRIES` wrong passwords a name has to wait, whether anybody has it or not; the password is not looked at.

    Tries are counted on the queue's server, for all web processes together. Where it does not answer nobody is kept out.
    """

    def clean(self) -> dict[str, Any]:
        name = self.cleaned_data.get("username")
        if name and self.cleaned_data.get("password") and _tries(name) > MOST_TRIES:
            raise ValidationError(
                _("There were too many tries with this name. Please wait a quarter of an hour."),
                code="too_many_tries",
            )
        cleaned = super().clean()
        if name:
            _forget(name)
        return cleaned


def _tries(name: str) -> int:
    """How often this name was tried lately, this time included."""
    with suppress(RedisError):
        tries = django_rq.get_connection("default").pipeline()
        tries.incr(_key(name))
        tries.expire(_key(name), WAIT, nx=True)
        return tries.execute()[0]
    return 0


def _forget(name: str) -> None:
    with suppress(RedisError):
        django_rq.get_connection("default").delete(_key(name))


def _key(name: str) -> str:
    """A name may be a password typed into the wrong field: it is not kept, not even here."""
    return f"sign-in:{salted_hmac('sign-in', name.casefold()).hexdigest()}"
