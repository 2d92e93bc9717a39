"""Signing in: who came in and who did not is in the log; a name that is guessed at has to wait."""

import json

import pytest
from django.conf import settings
from django.urls import reverse

from collections_site.sign_in import MOST_TRIES, WAIT
from compliance.models import AuditEvent
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db
WAITING = "There were too many tries with this name. Please wait a quarter of an hour."


def try_it(client, name, password, **more):
    return client.post(reverse("sign_in"), {"username": name, "password": password, **more})


def events():
    return list(AuditEvent.objects.order_by("recorded_at").values_list("type", "actor"))


def test_who_comes_in_is_in_the_log(client):
    amina = make_user("amina")
    assert try_it(client, "amina", PASSWORD).status_code == 302
    assert events() == [("staff.signed_in", str(amina.ref))]


def test_who_does_not_come_in_is_in_the_log_without_what_was_typed(client):
    make_user("amina")
    assert try_it(client, "amina", "wrong-secret").status_code == 200
    assert try_it(client, "my-password-in-the-wrong-field", "x").status_code == 200
    assert events() == [("staff.sign_in_failed", "sign_in")] * 2
    leaves = b"".join(bytes(leaf) for leaf in AuditEvent.objects.values_list("leaf", flat=True))
    for typed in (b"amina", b"secret", b"wrong-field"):
        assert typed not in leaves


def test_who_has_left_does_not_come_in(client):
    make_user("amina", is_active=False)
    assert try_it(client, "amina", PASSWORD).status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_name_that_is_guessed_at_has_to_wait(client, queue_server):
    make_user("amina")
    for _ in range(MOST_TRIES):
        assert WAITING not in try_it(client, "amina", "guess").content.decode()
    assert WAITING in try_it(client, "Amina", PASSWORD).content.decode()
    assert WAITING in try_it(client, "amina", PASSWORD).content.decode()
    assert "_auth_user_id" not in client.session
    [key] = queue_server.keys("sign-in:*")
    assert b"amina" not in key
    assert 0 < queue_server.ttl(key) <= WAIT
    # Others come in, and so does she once the time is over.
    make_user("bola")
    assert try_it(client, "bola", PASSWORD).status_code == 302
    queue_server.delete(key)
    assert try_it(client, "amina", PASSWORD).status_code == 302


def test_coming_in_forgets_the_typing_errors(client, queue_server):
    make_user("amina")
    for _ in range(MOST_TRIES - 1):
        try_it(client, "amina", "typo")
    assert try_it(client, "amina", PASSWORD).status_code == 302
    assert queue_server.keys("sign-in:*") == []


def test_without_the_queue_people_still_come_in(client, monkeypatch):
    make_user("amina")
    monkeypatch.setitem(settings.RQ_QUEUES["default"], "URL", "redis://127.0.0.1:1/0")
    assert try_it(client, "amina", PASSWORD).status_code == 302


@pytest.mark.parametrize("elsewhere", ["https://example.com/", "//example.com", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(client, elsewhere):
    make_user("amina")
    assert try_it(client, "amina", PASSWORD, next=elsewhere).url == reverse("home")


def test_a_change_of_password_ends_every_session(client):
    amina = make_user("amina")
    try_it(client, "amina", PASSWORD)
    assert client.get(reverse("queue")).status_code == 200
    amina.set_password("another-long-password")
    amina.save()
    assert client.get(reverse("queue")).status_code == 302
    assert json.dumps(dict(client.session)).find("amina") == -1


def test_files_stay_out_of_caches_too(client):
    client.force_login(make_user("amina"))
    answer = client.post(reverse("preferences"), {"theme": "dark"})
    assert set(answer.headers["Cache-Control"].split(", ")) == {"private", "no-store"}
