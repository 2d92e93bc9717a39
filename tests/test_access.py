"""Who may open what: every address of the site against every role.

The table lists, per address, the roles that get in; every other role gets 403, and nobody gets in without signing in.
An address that is missing here fails the test, so that nobody adds a page without saying whose it is.
"""

import uuid

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import Role
from tests.factories import make_user

EVERYBODY = frozenset(Role)
WITHOUT_SIGN_IN = frozenset({"sign_in", "sign_out", "health", "preferences"})

CASEWORK = {Role.AGENT, Role.SUPERVISOR}
SEES_CASES = {Role.AGENT, Role.SUPERVISOR, Role.COMPLIANCE, Role.LEGAL}

# Names of addresses → roles that may open them. Filled per app, in the order of the URL files.
PAGES: dict[str, set[str] | frozenset[str]] = {
    "home": EVERYBODY,
}


def addresses(patterns=None, prefix: str = "") -> dict[str, URLPattern]:
    """Every named address of ours; the admin site has its own rules and its own test."""
    found: dict[str, URLPattern] = {}
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                found |= addresses(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            found[pattern.name] = pattern
    return found


def address(name: str) -> str:
    """The address with made-up ids: whether a person may open it is decided before whether the thing exists."""
    converters = addresses()[name].pattern.converters
    return reverse(name, kwargs={key: _sample(kind) for key, kind in converters.items()})


def _sample(converter):
    return uuid.UUID(int=7) if "UUID" in type(converter).__name__ else ("1" if "Int" in type(converter).__name__ else "x")


def test_every_address_is_in_the_table():
    assert set(addresses()) == set(PAGES) | WITHOUT_SIGN_IN


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(set(PAGES)))
def test_nobody_gets_in_without_signing_in(client, name):
    answer = client.get(address(name))
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("sign_in"))


@pytest.mark.django_db
@pytest.mark.parametrize("role", sorted(Role))
@pytest.mark.parametrize("name", sorted(set(PAGES)))
def test_role_and_address(client, name, role):
    client.force_login(make_user(role=role))
    get, post = client.get(address(name)).status_code, client.post(address(name)).status_code
    if role in PAGES[name]:
        # In: the page, a redirect onwards, a wrong form, the wrong method, or no such thing for this person.
        assert 403 not in (get, post)
    else:
        assert {get, post} <= {403, 405}
        assert 403 in (get, post)
