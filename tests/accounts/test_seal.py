"""The seal: bound to its owner and field, one key a borrower, wrapped by a key that can be exchanged."""

import json
import os
from base64 import b64encode
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts import seal
from accounts.actions.borrowers import IDENTITY, open_for_attempt
from accounts.actions.keys import waiting
from accounts.models import BorrowerKey, ContactPoint, ImportRun
from accounts.seal import SealBroken, blind_index, new_seal, open_seal, rewrap, row_digest, seal_of
from compliance.audit.models import AuditEvent
from tests.factories import make_borrower, make_portfolio


@pytest.fixture
def seal_keys(settings):
    """Sets the wrapping keys, newest first, for the length of a test."""

    def use(*keys):
        settings.SEAL_KEYS = list(keys)
        seal._wrapping_keys.cache_clear()

    yield use
    seal._wrapping_keys.cache_clear()


def new_key():
    return b64encode(os.urandom(32)).decode()


def test_what_is_sealed_opens_again():
    owner = uuid4()
    box, wrapped, wrapped_by = new_seal(owner)
    sealed = box.seal("note", "她会在周五付款")
    assert "周五".encode() not in sealed
    again = open_seal(owner, wrapped, wrapped_by)
    assert again.open("note", sealed) == "她会在周五付款"
    assert again.open_json("identity", box.seal_json("identity", {"name": "王芳"})) == {"name": "王芳"}


def test_equal_texts_are_sealed_differently():
    box, _wrapped, _by = new_seal(uuid4())
    assert box.seal("note", "the same") != box.seal("note", "the same")


def test_a_sealed_text_opens_in_its_own_field_only():
    box, _wrapped, _by = new_seal(uuid4())
    with pytest.raises(SealBroken):
        box.open("identity", box.seal("note", "text"))


def test_a_sealed_text_does_not_open_for_another_owner():
    owner, other = uuid4(), uuid4()
    box, wrapped, wrapped_by = new_seal(owner)
    with pytest.raises(SealBroken):
        open_seal(other, wrapped, wrapped_by)
    other_box, _wrapped, _by = new_seal(other)
    with pytest.raises(SealBroken):
        other_box.open("note", box.seal("note", "text"))


@pytest.mark.parametrize("place", [0, 12, -1])
def test_a_changed_byte_breaks_the_seal(place):
    box, wrapped, wrapped_by = new_seal(owner := uuid4())
    sealed = bytearray(box.seal("note", "text"))
    sealed[place] ^= 1
    with pytest.raises(SealBroken):
        box.open("note", bytes(sealed))
    key = bytearray(wrapped)
    key[place] ^= 1
    with pytest.raises(SealBroken):
        open_seal(owner, bytes(key), wrapped_by)


def test_blind_indexes_tell_kinds_apart_and_nothing_else():
    assert blind_index("phone", "+1") == blind_index("phone", "+1")
    assert len({blind_index("phone", "+1"), blind_index("email", "+1"), blind_index("phone", "+2")}) == 3
    assert len(blind_index("phone", "+1")) == 16


def test_blind_indexes_and_digests_need_their_key(settings):
    before = blind_index("phone", "+1"), row_digest(b"row")
    settings.BLIND_INDEX_KEY = "another"
    assert blind_index("phone", "+1") != before[0]
    assert row_digest(b"row") != before[1]


def test_a_rewrapped_key_opens_the_same_texts_without_the_old_key(seal_keys):
    old, new = new_key(), new_key()
    owner = uuid4()
    seal_keys(old)
    box, wrapped, wrapped_by = new_seal(owner)
    sealed = box.seal("note", "text")
    seal_keys(new, old)
    assert open_seal(owner, wrapped, wrapped_by).open("note", sealed) == "text"
    rewrapped, by_new = rewrap(owner, wrapped, wrapped_by)
    seal_keys(new)
    assert open_seal(owner, rewrapped, by_new).open("note", sealed) == "text"
    with pytest.raises(SealBroken, match="FORBEAR_SEAL_KEYS"):
        open_seal(owner, wrapped, wrapped_by)


# In the database


def rotate():
    out = StringIO()
    call_command("rotate_seal_keys", stdout=out)
    return json.loads(out.getvalue())


@pytest.mark.django_db
def test_rotation_wraps_every_older_key_once(seal_keys):
    old, new = new_key(), new_key()
    seal_keys(old)
    portfolio = make_portfolio()
    borrower = make_borrower(portfolio, name="Dana Field", phone="212 555 0123")
    point = borrower.contact_points.get()
    run_id = uuid4()
    box, wrapped, wrapped_by = new_seal(run_id)
    run = ImportRun.objects.create(
        id=run_id,
        kind="loans",
        portfolio=portfolio,
        mapping="standard",
        file_digest="",
        state="done",
        file_sealed=box.seal("file", b"id"),
        wrapped_key=wrapped,
        wrapped_by=wrapped_by,
    )
    ImportRun.objects.create(
        kind="loans", portfolio=portfolio, mapping="standard", file_digest="", state="done"
    )

    seal_keys(new, old)
    make_borrower(portfolio)
    assert waiting() == {"borrowers": 1, "imports": 1}
    assert rotate() == {"borrowers": 1, "imports": 1}
    assert rotate() == {"borrowers": 0, "imports": 0}

    seal_keys(new)
    borrower.refresh_from_db()
    point.refresh_from_db()
    run.refresh_from_db()
    assert seal_of(borrower).open_json(IDENTITY, borrower.identity_sealed)["name"] == "Dana Field"
    assert open_for_attempt(point=point) == "+12125550123"
    assert open_seal(run.pk, run.wrapped_key, run.wrapped_by).open_bytes("file", run.file_sealed) == b"id"
    rotated = AuditEvent.objects.filter(type="seal.rotated").order_by("seq")
    assert [json.loads(bytes(event.leaf))["data"] for event in rotated] == [
        {"kind": "borrowers", "keys": 1},
        {"kind": "imports", "keys": 1},
    ]


@pytest.mark.django_db
def test_rotation_says_so_when_the_old_key_is_gone(seal_keys):
    seal_keys(new_key())
    make_borrower(make_portfolio())
    seal_keys(new_key())
    with pytest.raises(CommandError, match="FORBEAR_SEAL_KEYS"):
        call_command("rotate_seal_keys")


@pytest.mark.django_db
def test_destroying_the_key_erases_the_borrower():
    borrower = make_borrower(make_portfolio(), phone="212 555 0123")
    BorrowerKey.objects.filter(borrower=borrower).delete()
    with pytest.raises(SealBroken, match="erased"):
        open_for_attempt(point=ContactPoint.objects.get())
