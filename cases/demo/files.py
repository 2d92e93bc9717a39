"""Files as borrowers send them, made in memory: one page of a PDF with some lines of words, and a picture of a paper."""

import struct
import zlib


def pdf(*lines: str) -> bytes:
    """One page with these lines, in a font every reader brings for Chinese and Latin letters."""
    text = b"BT /F1 14 Tf 60 760 Td 22 TL " + b" ".join(
        b"<" + line.encode("utf-16-be").hex().encode() + b"> Tj T*" for line in lines
    )
    content = text + b" ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [6 0 R] >>",
        b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) "
        b"/Ordering (GB1) /Supplement 4 >> /FontDescriptor 7 0 R /DW 1000 /W [1 95 500] >>",
        b"<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0 "
        b"/Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>",
    )
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    return b"%sxref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        out, count, table, count, len(out),
    )  # fmt: skip


def png(shade: int, *, width: int = 360, height: int = 480) -> bytes:
    """A photograph of a paper, in grey: a dark edge, a head and lines, lighter or darker by `shade` (0 to 60)."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            edge = x < 12 or y < 12 or x >= width - 12 or y >= height - 12
            head = 40 <= y < 64 and 40 <= x < 220
            line = y > 96 and y % 28 < 5 and 40 <= x < width - 40 - (y * 37 % 90) and y < height - 60
            rows.append(90 if edge else 60 + shade if head else 150 if line else 245 - shade // 4)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(rows)))
        + chunk(b"IEND", b"")
    )
