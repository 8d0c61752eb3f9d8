"""What a submission must be, however it arrives: its files' names, sizes and descriptions."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from api.document_types import SUPPORTED_TYPES, get_type
from api.schemas import AgentForm
from include.models import Document
from include.naming import SIDECAR_SUFFIX
from include.settings import Settings

# Unicode categories: control, format (text direction ...), surrogate, line and paragraph separator.
UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

Problems = list[dict[str, str]]


@dataclass(frozen=True)
class Upload:
    """One file of a submission; `key` is where it is staged."""

    path: str
    size_bytes: int
    sha256: str = ""
    key: str = ""

    @property
    def document(self) -> Document:
        """The record of it."""
        return Document(path=self.path, size_bytes=self.size_bytes)


@dataclass(frozen=True)
class Submission:
    """A checked request whose files are staged."""

    form: AgentForm
    uploads: list[Upload]

    @property
    def payload(self) -> list[Any]:
        """What the request says, however it is spelled: its fields and its files' content."""
        files = [[upload.path, upload.size_bytes, upload.sha256] for upload in self.uploads]
        return [self.form.model_dump(mode="json"), sorted(files)]

    @property
    def paths(self) -> dict[str, str]:
        """The path of each staged object, by its key."""
        return {upload.key: upload.path for upload in self.uploads}


def problem(field: str, message: str) -> dict[str, str]:
    """One finding."""
    return {"field": field, "message": message}


def check_texts(texts: Mapping[str, str], settings: Settings) -> Problems:
    """Fields with more bytes (not characters) than an agent's record has room for."""
    errors = []
    for name, text in texts.items():
        limit = settings.max_sop_bytes if name == "sop" else settings.max_text_bytes
        if (size := len(text.encode("utf-8", "replace"))) > limit:
            errors.append(problem(name, f"has {size} bytes; shorten it to {limit}"))
    return errors


def check_uploads(uploads: list[Upload], settings: Settings) -> Problems:
    """All that can be wrong with the files, but for their content."""
    if not uploads:
        return [problem("files", "send at least one document")]
    if len(uploads) > settings.max_documents:
        return [problem("files", f"send at most {settings.max_documents} documents")]
    counts = Counter(upload.path for upload in uploads)
    errors = [
        problem("files", f"{path!r} is sent {n} times; give each file its own name")
        for path, n in counts.items()
        if n > 1
    ]
    if sum(upload.size_bytes for upload in uploads) > settings.max_request_bytes:
        limit = settings.max_request_bytes // (1024 * 1024)
        errors.append(problem("files", f"are larger than {limit} MiB together; send fewer"))
    return errors + [e for u in uploads for e in check_upload(u, settings)]


def check_upload(upload: Upload, settings: Settings) -> Problems:
    """What is wrong with one file."""
    if message := check_path(upload.path, settings):
        return [problem("files", f"{upload.path!r} {message}")]
    if upload.size_bytes == 0:
        return [problem("files", f"{upload.path!r} is empty; leave it out or send its content")]
    if upload.size_bytes > settings.max_document_bytes:
        limit = settings.max_document_bytes // (1024 * 1024)
        return [problem("files", f"{upload.path!r} is larger than {limit} MiB; split it")]
    return []


def check_path(path: str, settings: Settings) -> str | None:
    """Why a file name cannot become part of an S3 key, or None."""
    checks = [
        (not path, "has no name; give the part a filename"),
        (path.startswith("/"), "starts with `/`; use a relative path"),
        ("\\" in path, "contains a backslash; use `/` between folders"),
        (any(unicodedata.category(c) in UNPRINTABLE for c in path),
         "contains control characters; rename it"),
        (any(part in ("", ".", "..") for part in path.split("/")),
         "has an empty, `.` or `..` folder; use plain folder names"),
        (path.lower().endswith(SIDECAR_SUFFIX),
         "looks like a Bedrock metadata file; use fileDescriptions instead"),
        (len(path.encode("utf-8", "replace")) > settings.max_path_bytes,
         f"is longer than {settings.max_path_bytes} bytes; shorten it"),
        (get_type(path) not in SUPPORTED_TYPES,
         f"is of an unsupported type; send {', '.join(sorted(SUPPORTED_TYPES))}"),
    ]  # fmt: skip
    return next((message for is_wrong, message in checks if is_wrong), None)


def check_descriptions(descriptions: Iterable[str], uploads: list[Upload]) -> Problems:
    """Descriptions must be of files or folders that are sent."""
    known: set[str] = set()
    for upload in uploads:
        known |= {upload.path, *map(str, PurePosixPath(upload.path).parents)}
    return [
        problem("fileDescriptions", f"{name!r} is none of the files or folders")
        for name in descriptions
        if name.rstrip("/") not in known
    ]


def describe_paths(form: AgentForm, uploads: list[Upload]) -> dict[str, str]:
    """The description of each described file."""
    found = {u.path: find_description(u.path, form.file_descriptions) for u in uploads}
    return {path: text for path, text in found.items() if text}


def find_description(path: str, descriptions: Mapping[str, str]) -> str | None:
    """The description of a file: its own, else its nearest folder's."""
    names = [path, *(str(parent) for parent in PurePosixPath(path).parents)]
    texts = {name.rstrip("/"): text for name, text in descriptions.items()}
    return next((texts[name] for name in names if name in texts), None)
