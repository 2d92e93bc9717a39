"""What a file is, by its own bytes, and what speaks against taking it in. Names and what a browser claims are not asked.

A file that is two things at once shows one face to us and another to whoever opens the copy that was printed or kept.
"""

import re
import zlib
from collections.abc import Iterator
from itertools import pairwise

PDF, PNG, JPEG, TEXT = "application/pdf", "image/png", "image/jpeg", "text/plain"
MOST_PIXELS = 100_000_000
"""More than any telephone's camera gives within the size we take; a picture of a few bytes may claim billions."""
MOST_UNPACKED = 50 * 1024 * 1024


def media_type(content: bytes) -> str | None:
    """The media type that a file's own bytes show; None for any other than those we take in."""
    if content.startswith(b"%PDF-"):
        return PDF if b"%%EOF" in content[-2048:] else None
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG if _is_png(content) else None
    if content.startswith(b"\xff\xd8\xff"):
        # Telephones write more behind the end of the picture: a smaller one, or a few words of their own.
        return JPEG if b"\xff\xd9" in content[-65536:] and _jpeg_pixels(content) else None
    return TEXT if _is_text(content) else None


def objection(content: bytes, media: str) -> str | None:
    """Why a file of a type that we take in is not taken in: `archive` (it is one too), `pixels`, `acts` (a PDF that does
    something, carries other files, or does not let itself be looked into). None where nothing speaks against it."""
    if b"PK\x05\x06" in content[-66_000:]:  # where a ZIP archive, a program in Java for one, has its list
        return "archive"
    if media in (PNG, JPEG):
        pixels = _png_pixels(content) if media == PNG else _jpeg_pixels(content)
        return "pixels" if pixels > MOST_PIXELS else None
    return "acts" if media == PDF and _acts(content) else None


# Pictures


def _is_png(content: bytes) -> bool:
    """Chunk after chunk from the header to the end, and nothing behind it."""
    at, first = 8, True
    while at + 12 <= len(content):
        length, name = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if first and (name, length) != (b"IHDR", 13):
            return False
        at, first = at + 12 + length, False
        if name == b"IEND":
            return at == len(content)
    return False


def _png_pixels(content: bytes) -> int:
    return int.from_bytes(content[16:20], "big") * int.from_bytes(content[20:24], "big")


FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of a JPEG behind which its height and width stand."""


def _jpeg_pixels(content: bytes) -> int:
    """Height times width; 0 where no segment says them, so that it is no picture."""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in FRAMES:
            return int.from_bytes(content[at + 5 : at + 7], "big") * int.from_bytes(
                content[at + 7 : at + 9], "big"
            )
        at += 1 if marker == 0xFF else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return 0


# Text


def _is_text(content: bytes) -> bool:
    """UTF-8 that a person can read: no control characters but tabs and ends of lines."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return bool(text.strip()) and all(character >= " " or character in "\t\r\n\f" for character in text)


# PDF

ACTS = re.compile(
    rb"/(?:JavaScript|Launch|EmbeddedFile|FileAttachment|RichMedia|Rendition|SubmitForm|ImportData|GoToE|XFA|Encrypt)"
)
"""Names of what runs, sends, fills in or carries something; and of what is locked, where none of these can be seen."""


def _acts(content: bytes) -> bool:
    return bool(ACTS.search(_names(content))) or any(
        packed is None or ACTS.search(_names(packed)) for packed in _packed_objects(content)
    )


def _names(content: bytes) -> bytes:
    """With the letters of names plain, which a PDF may also write as numbers: `/J#61vaScript`."""
    return re.sub(rb"#([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()), content)


def _packed_objects(content: bytes) -> Iterator[bytes | None]:
    """What the object streams hold, in which a PDF packs objects away; None for one that is not packed as all programs do
    it, or is far too large."""
    left = MOST_UNPACKED
    for before, data in pairwise(content.split(b"stream")):
        names = _names(before)
        if b"/ObjStm" not in names:
            continue
        if b"/DecodeParms" in names or left <= 0:
            yield None
            return
        try:
            packed = zlib.decompressobj().decompress(data.lstrip(b"\r\n"), left)
        except zlib.error:
            yield None
            return
        left -= len(packed)
        yield packed
