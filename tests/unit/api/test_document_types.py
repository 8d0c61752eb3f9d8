"""What a document is, by its name and its content together."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.document_types import SUPPORTED_TYPES, TAIL_BYTES, ContentSample

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
WORD = OLE + "WordDocument\0".encode("utf-16-le")
EXCEL = OLE + "Workbook\0".encode("utf-16-le")
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 90


def zipped(*names: str, size: int = 100) -> bytes:
    stream = BytesIO()
    with ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, b"x" * size)
    return stream.getvalue()


def check(path: str, content: bytes, piece: int = 50_000) -> str | None:
    sample = ContentSample()
    for start in range(0, len(content), piece):
        sample.add(content[start : start + piece])
    return sample.check(path)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.md", "Größe 手册".encode()),
        ("a.md", b"\xef\xbb\xbfBOM"),
        ("a.md", b"BM looks like a picture to a detector"),
        ("a.txt", b"MZ is no program"),
        ("a.csv", "é".encode() * 200_000),
        ("a.csv", b"x" + "é".encode() * 200_000),
        ("a.html", b"<!doctype html>"),
        ("a.PDF", b"%PDF-1.7\n\xe2\xe3"),
        ("a.pdf", b"\n\n%PDF-1.7\n"),
        ("a.docx", zipped("[Content_Types].xml", "word/document.xml")),
        ("a.xlsx", zipped("xl/workbook.xml")),
        ("a.docx", zipped("word/document.xml", "word/media/1.png", size=5_000_000)),
        ("a.doc", WORD),
        ("a.xls", EXCEL),
        ("a.doc", OLE),
    ],
)
def test_what_it_says_it_is(path, content):
    assert check(path, content) is None


@pytest.mark.parametrize(
    ("path", "content", "found"),
    [
        ("a.md", PNG, "Portable Network Graphics"),
        ("a.txt", b"%PDF-1.7\n", "Portable Document Format"),
        ("a.txt", b"{\\rtf1 text}", "RTF"),
        ("a.csv", "a,b".encode("utf-16"), "not UTF-8"),
        ("a.csv", "Größe".encode("latin-1"), "not UTF-8"),
        ("a.md", b"text" * 50_000 + b"\0" * 10, "text"),
        ("a.pdf", b"only text", "text"),
        ("a.pdf", zipped("word/document.xml"), "Open XML"),
        ("a.docx", zipped("xl/workbook.xml"), ".xlsx"),
        ("a.xlsx", zipped("word/document.xml"), ".docx"),
        ("a.docx", zipped("a.exe"), "zip archive"),
        ("a.docx", zipped("word/document.xml")[:-10], "damaged"),
        ("a.docx", WORD, "Microsoft Office"),
        ("a.doc", EXCEL, ".xls"),
        ("a.xls", WORD, ".doc"),
        ("a.doc", OLE + "PowerPoint Document\0".encode("utf-16-le"), ".ppt"),
        ("a.doc", b"{\\rtf1 text}", "RTF"),
    ],
)
def test_a_mismatch_names_both(path, content, found):
    message = check(path, content)
    assert found in message
    assert f".{path.rpartition('.')[2]}" in message


@pytest.mark.parametrize("piece", [1_000, 65_536, TAIL_BYTES, 3 * TAIL_BYTES])
def test_pieces_of_any_size_show_the_same_ends(piece):
    content = zipped("word/document.xml", *[f"word/media/{n}" for n in range(50)], size=20_000)
    assert check("a.docx", content, piece) is None


@given(st.sampled_from(sorted(SUPPORTED_TYPES)), st.binary(max_size=300))
def test_any_bytes_get_an_answer(kind, content):
    for start in (b"", b"PK\x03\x04", b"%PDF-", OLE, zipped("a")):
        message = check(f"a{kind}", start + content)
        assert message is None or kind in message
