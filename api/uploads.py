"""A submission's multipart body: fields and files, checked before anything is stored."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

from flask import Request
from pydantic import ValidationError
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import BadRequest
from werkzeug.formparser import FormDataParser

from api.errors import InvalidFormError
from api.schemas import AgentForm
from include.models import Document
from include.naming import SIDECAR_SUFFIX
from include.settings import Settings

# What Bedrock's parsers read; anything else it would skip without a word.
SUPPORTED_TYPES = frozenset(
    {".txt", ".md", ".html", ".doc", ".docx", ".csv", ".xls", ".xlsx", ".pdf"}
)
# Unicode categories: control, format (text direction ...), surrogate, line and paragraph separator.
UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
RAW_BACKSLASH = re.compile(r'filename="([^"]*\\[^"\\][^"]*)"')
MAX_PATH_BYTES = 500  # S3 allows 1,024 for the whole key


class StrictRequest(Request):
    """A request whose malformed multipart body is an error, not an empty form."""

    def make_form_data_parser(self) -> FormDataParser:
        """Werkzeug's parser with its error swallowing switched off."""
        parser = super().make_form_data_parser()
        parser.silent = False
        return parser

    def _load_form_data(self) -> None:
        try:
            super()._load_form_data()
        except ValueError as error:
            raise BadRequest(f"The multipart body is malformed: {error}.") from error


@dataclass(frozen=True)
class Upload:
    """One file of a submission, spooled by Werkzeug."""

    path: str
    size_bytes: int
    stream: IO[bytes]

    @property
    def document(self) -> Document:
        """The record of it."""
        return Document(path=self.path, size_bytes=self.size_bytes)


@dataclass(frozen=True)
class Submission:
    """A checked request: nothing of it is stored yet."""

    form: AgentForm
    uploads: list[Upload]


def read_submission(request: Request, settings: Settings) -> Submission:
    """Check every field and file.

    :raises InvalidFormError: naming each offending field and what to do about it.
    """
    form, form_errors = read_form(request)
    uploads = [read_upload(file) for file in request.files.getlist("files")]
    errors = form_errors + check_parts(request) + check_texts(request, settings)
    errors += check_uploads(uploads, settings)
    if form is not None:
        errors += check_descriptions(form, uploads)
    if errors or form is None:
        raise InvalidFormError(errors)
    return Submission(form, uploads)


def read_form(request: Request) -> tuple[AgentForm | None, list[dict[str, str]]]:
    """The text fields as a model, or what is wrong with them."""
    fields = {name: values[0] for name, values in request.form.lists() if values[0] != ""}
    try:
        return AgentForm.model_validate(fields), []
    except ValidationError as error:
        return None, describe_validation(error)


def describe_validation(error: ValidationError) -> list[dict[str, str]]:
    """Pydantic's findings as {"field", "message"}, without the offending input."""
    return [
        {"field": ".".join(map(str, e["loc"])) or "body", "message": e["msg"]}
        for e in error.errors(include_input=False, include_url=False)
    ]


def check_parts(request: Request) -> list[dict[str, str]]:
    """Fields sent twice, and files sent under a name we do not know."""
    repeated = [name for name, values in request.form.lists() if len(values) > 1]
    unknown = [name for name in request.files if name != "files"]
    return [problem(name, "is sent more than once; send it once") for name in repeated] + [
        problem(name, "is not a file field; send files as `files`") for name in unknown
    ]


def check_texts(request: Request, settings: Settings) -> list[dict[str, str]]:
    """Fields with more bytes (not characters) than an agent's record has room for."""
    errors = []
    for name, text in request.form.items():
        limit = settings.max_sop_bytes if name == "sop" else settings.max_text_bytes
        if (size := len(text.encode())) > limit:
            errors.append(problem(name, f"has {size} bytes; shorten it to {limit}"))
    return errors


def read_upload(file: FileStorage) -> Upload:
    """A file part with its measured size; the name is compared in one Unicode form."""
    size = file.stream.seek(0, 2)
    file.stream.seek(0)
    return Upload(unicodedata.normalize("NFC", read_name(file)), size, file.stream)


def read_name(file: FileStorage) -> str:
    """The name as it was sent: Werkzeug takes a browser's backslash for an escape and drops it."""
    raw = RAW_BACKSLASH.search(file.headers.get("Content-Disposition", ""))
    return raw[1] if raw else file.filename or ""


def check_uploads(uploads: list[Upload], settings: Settings) -> list[dict[str, str]]:
    """All that can be wrong with the files."""
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
    return errors + [e for u in uploads for e in check_upload(u, settings)]


def check_upload(upload: Upload, settings: Settings) -> list[dict[str, str]]:
    """What is wrong with one file."""
    if message := check_path(upload.path):
        return [problem("files", f"{upload.path!r} {message}")]
    if upload.size_bytes == 0:
        return [problem("files", f"{upload.path!r} is empty; leave it out or send its content")]
    if upload.size_bytes > settings.max_document_bytes:
        limit = settings.max_document_bytes // (1024 * 1024)
        return [problem("files", f"{upload.path!r} is larger than {limit} MiB; split it")]
    return []


def check_path(path: str) -> str | None:
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
        (len(path.encode("utf-8", "replace")) > MAX_PATH_BYTES,
         f"is longer than {MAX_PATH_BYTES} bytes; shorten it"),
        (PurePosixPath(path).suffix.lower() not in SUPPORTED_TYPES,
         f"is of an unsupported type; send {', '.join(sorted(SUPPORTED_TYPES))}"),
    ]  # fmt: skip
    return next((message for is_wrong, message in checks if is_wrong), None)


def check_descriptions(form: AgentForm, uploads: list[Upload]) -> list[dict[str, str]]:
    """Descriptions must be of files or folders that are sent."""
    known: set[str] = set()
    for upload in uploads:
        known |= {upload.path, *map(str, PurePosixPath(upload.path).parents)}
    return [
        problem("fileDescriptions", f"{name!r} is none of the files or folders sent")
        for name in form.file_descriptions
        if name.rstrip("/") not in known
    ]


def problem(field: str, message: str) -> dict[str, str]:
    """One finding."""
    return {"field": field, "message": message}


def describe_paths(form: AgentForm, uploads: list[Upload]) -> dict[str, str]:
    """The description of each described file: its own, else its nearest folder's."""
    described: dict[str, Any] = {}
    for upload in uploads:
        path = PurePosixPath(upload.path)
        names = [upload.path, *(str(parent) for parent in path.parents)]
        texts = {name.rstrip("/"): text for name, text in form.file_descriptions.items()}
        if text := next((texts[name] for name in names if name in texts), None):
            described[upload.path] = text
    return described
