"""What a document is, by its name and its content together."""

from __future__ import annotations

import codecs
import re
from io import BytesIO
from pathlib import PurePosixPath
from zipfile import ZipFile

import puremagic

# A file's first and last bytes decide; the end of a zip lists what is inside it.
HEAD_BYTES = 64 * 1024
TAIL_BYTES = 256 * 1024

TEXT_TYPES = frozenset({".txt", ".md", ".html", ".csv"})
# The part inside an Office zip that makes it a document or a workbook.
ZIP_PARTS = {".docx": "word/document.xml", ".xlsx": "xl/workbook.xml"}
# The same of the older format, a file system whose entries have UTF-16 names.
OLE_STREAMS = {
    ".doc": ("WordDocument",),
    ".xls": ("Workbook", "Book"),
    ".ppt": ("PowerPoint Document",),
    ".msg": ("__properties_version1.0",),
}
# What Bedrock's parsers read; anything else it would skip without a word.
SUPPORTED_TYPES = TEXT_TYPES | {".pdf", ".doc", ".docx", ".xls", ".xlsx"}

OLE_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_SIGNATURE = b"PK\x03\x04"
PDF_SIGNATURE = b"%PDF-"  # readers accept it anywhere in the first 1,024 bytes
# Formats made of printable characters that are not text to a reader.
PRINTABLE_SIGNATURES = (PDF_SIGNATURE, b"{\\rtf", b"%!PS")
CONTROL_CHARACTERS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class ContentSample:
    """The ends of a file, kept while all of it passes by."""

    def __init__(self) -> None:
        self.head = b""
        self.end = bytearray()

    def add(self, data: bytes) -> None:
        """The file's next bytes."""
        if len(self.head) < HEAD_BYTES:
            self.head += data[: HEAD_BYTES - len(self.head)]
        self.end += data
        if len(self.end) > 2 * TAIL_BYTES:
            del self.end[:-TAIL_BYTES]

    def check(self, path: str) -> str | None:
        """Why the content is not what the name says, or None; an empty file has none."""
        return check_content(path, self.head, bytes(self.end)) if self.head else None


def get_type(path: str) -> str:
    """The type a name claims: its ending, in lower case."""
    return PurePosixPath(path).suffix.lower()


def check_content(path: str, head: bytes, tail: bytes) -> str | None:
    """Why these bytes are not what the name says, or None."""
    claimed = get_type(path)
    if claimed in TEXT_TYPES:
        return check_text(claimed, head, tail)
    if claimed == ".pdf":
        return None if PDF_SIGNATURE in head[:1024] else describe_mismatch(claimed, head)
    if claimed in ZIP_PARTS:
        return check_zip(claimed, head, tail)
    return check_ole(claimed, head, tail)


def check_text(claimed: str, head: bytes, tail: bytes) -> str | None:
    """Text must be UTF-8, which is all that Bedrock reads, and hold nothing binary."""
    if head.startswith(UTF_16_MARKS) or not is_utf_8(head):
        return f"is named {claimed} but is {detect(head)}, not UTF-8 text; save it as UTF-8"
    if head.startswith(PRINTABLE_SIGNATURES) or any(map(CONTROL_CHARACTERS.search, (head, tail))):
        return describe_mismatch(claimed, head)
    return None


def is_utf_8(head: bytes) -> bool:
    """Whether the sample decodes; its last character may be cut in two."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError:
        return False
    return True


def check_zip(claimed: str, head: bytes, tail: bytes) -> str | None:
    """An Office zip must hold the part that its name promises."""
    if not head.startswith(ZIP_SIGNATURE):
        return describe_mismatch(claimed, head)
    names = list_zip(tail)
    if names is None:
        return f"is named {claimed} but is cut off or damaged; save it again"
    if ZIP_PARTS[claimed] in names:
        return None
    found = next((kind for kind, part in ZIP_PARTS.items() if part in names), "zip archive")
    return f"is named {claimed} but its content is {found}; give it its own type's name"


def list_zip(tail: bytes) -> set[str] | None:
    """The names inside a zip, from the directory at its end."""
    try:
        return set(ZipFile(BytesIO(tail)).namelist())
    except Exception:  # a hostile file can make the parser stumble over anything
        return None


def check_ole(claimed: str, head: bytes, tail: bytes) -> str | None:
    """An old Office file must not name another program's streams."""
    if not head.startswith(OLE_SIGNATURE):
        return describe_mismatch(claimed, head)
    found = [kind for kind, names in OLE_STREAMS.items() if has_stream(names, head, tail)]
    if not found or claimed in found:
        return None  # the list of streams may lie in the middle
    return f"is named {claimed} but its content is {found[0]}; give it its own type's name"


def has_stream(names: tuple[str, ...], head: bytes, tail: bytes) -> bool:
    """Whether one of these entries is listed."""
    entries = [f"{name}\0".encode("utf-16-le") for name in names]
    return any(entry in head or entry in tail for entry in entries)


def describe_mismatch(claimed: str, head: bytes) -> str:
    """Both what the name says and what the detector finds."""
    return f"is named {claimed} but its content is {detect(head)}; send the document itself"


def detect(head: bytes) -> str:
    """What the bytes look like, in words."""
    is_printable = is_utf_8(head) and not CONTROL_CHARACTERS.search(head)
    if is_printable and not head.startswith(PRINTABLE_SIGNATURES):
        return "text"  # the detector takes any line that starts with `BM` for a picture
    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        found = []  # as version 2 says it, which is locked for Python 3.12 and later
    if not found:
        return "unknown binary data"
    return str(found[0].name or found[0].extension.lstrip("."))
