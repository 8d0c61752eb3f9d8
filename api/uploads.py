"""A submission's multipart body: fields checked, files staged in S3 while they arrive."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from flask import Request
from pydantic import ValidationError

from api.document_types import ContentSample
from api.errors import InvalidFormError
from api.form_stream import FormStream, drain
from api.schemas import AgentForm
from api.submission_checks import (
    Problems,
    Submission,
    Upload,
    check_descriptions,
    check_path,
    check_texts,
    check_uploads,
    problem,
)
from include.models import AgentRef
from include.naming import staging_key
from include.settings import Settings, get_settings
from include.staging import StagedObject, delete_staged, withdraw

log = logging.getLogger(__name__)


@dataclass
class FileInProgress:
    """The file part that is being read; `target` is None when it is not worth storing."""

    name: str
    path: str
    target: StagedObject | None
    digest: Any
    sample: ContentSample
    size_bytes: int = 0


class StagedFiles:
    """The sink of a form's files: each becomes a staged object, its type and size checked."""

    def __init__(self, ref: AgentRef, settings: Settings) -> None:
        self.ref = ref
        self.settings = settings
        self.uploads: list[Upload] = []
        self.objects: list[StagedObject] = []
        self.problems: Problems = []
        self.has_refused = False
        self.current: FileInProgress | None = None

    def open(self, name: str, path: str) -> None:
        """A file begins; what is refused already is read, but not stored."""
        if len(self.uploads) == self.settings.max_documents:
            limit = self.settings.max_documents
            raise InvalidFormError([problem("files", f"send at most {limit} documents")])
        if name != "files":
            self.problems.append(problem(name, "is not a file field; send files as `files`"))
        self.has_refused |= bool(self.problems or check_path(path, self.settings))
        target = None if self.has_refused else self.stage()
        self.current = FileInProgress(name, path, target, hashlib.sha256(), ContentSample())

    def stage(self) -> StagedObject:
        """A new object for the next file."""
        target = StagedObject(staging_key(self.ref, len(self.uploads)))
        self.objects.append(target)
        return target

    def write(self, data: bytes) -> None:
        """Bytes of the current file."""
        file = self.current
        if file is None:
            return
        file.size_bytes += len(data)
        if file.size_bytes > self.settings.max_document_bytes:
            limit = self.settings.max_document_bytes // (1024 * 1024)
            message = f"{file.path!r} is larger than {limit} MiB; split it"
            raise InvalidFormError([*self.problems, problem("files", message)])
        file.digest.update(data)
        file.sample.add(data)
        if file.target:
            file.target.write(data)

    def close(self) -> None:
        """The current file is complete."""
        file, self.current = self.current, None
        if file is None or file.name != "files":
            return
        key = file.target.key if file.target else ""
        self.uploads.append(Upload(file.path, file.size_bytes, file.digest.hexdigest(), key))
        if file.target is None:
            return
        file.target.close()
        if message := file.sample.check(file.path):
            self.problems.append(problem("files", f"{file.path!r} {message}"))

    def finish(self) -> None:
        """Wait until all objects are there."""
        for target in self.objects:
            target.finish()

    def abort(self) -> None:
        """Drop what is under way."""
        for target in self.objects:
            target.abort()


@contextmanager
def receive_submission(request: Request, ref: AgentRef) -> Iterator[Submission]:
    """Check every field and stage every file; an error, here or in the block, leaves nothing.

    :raises InvalidFormError: naming each offending field and what to do about it.
    """
    settings = get_settings()
    request.max_content_length = settings.max_request_bytes
    files = StagedFiles(ref, settings)
    try:
        submission = check_submission(read_fields(request, files, settings), files, settings)
        files.finish()
        yield submission
    except BaseException:
        with left_to_the_sweeper(ref):
            files.abort()
            withdraw(ref)
        drain(request)
        raise
    with left_to_the_sweeper(ref):
        delete_staged(files.objects)


@contextmanager
def left_to_the_sweeper(ref: AgentRef) -> Iterator[None]:
    """Cleaning up must not hide the answer: what AWS refuses now is removed later."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        log.warning("agent_id=%s stays staged for the sweeper: %r", ref.agent_id, error)


def read_fields(request: Request, files: StagedFiles, settings: Settings) -> dict[str, list[str]]:
    """The text fields' values; the files have gone to their sink."""
    if request.mimetype != "multipart/form-data":
        message = "send the form as multipart/form-data, with at least one document"
        raise InvalidFormError([problem("files", message)])
    form = FormStream(settings, files)
    form.read(request)
    return form.fields


def check_submission(
    fields: Mapping[str, list[str]], files: StagedFiles, settings: Settings
) -> Submission:
    """All that can be wrong with the whole, in one answer."""
    form, problems = read_form(fields)
    problems += check_repeated(fields) + check_texts(first_values(fields), settings)
    problems += files.problems + check_uploads(files.uploads, settings)
    if form is not None and not files.problems:
        problems += check_descriptions(form.file_descriptions, files.uploads)
    if problems or form is None:
        raise InvalidFormError(problems)
    return Submission(form, files.uploads)


def first_values(fields: Mapping[str, list[str]]) -> dict[str, str]:
    """One value a field."""
    return {name: values[0] for name, values in fields.items()}


def read_form(fields: Mapping[str, list[str]]) -> tuple[AgentForm | None, Problems]:
    """The text fields as a model, or what is wrong with them; an empty one counts as absent."""
    try:
        return AgentForm.model_validate({k: v for k, v in first_values(fields).items() if v}), []
    except ValidationError as error:
        return None, describe_validation(error)


def describe_validation(error: ValidationError) -> Problems:
    """Pydantic's findings as {"field", "message"}, without the offending input."""
    return [
        problem(".".join(map(str, e["loc"])) or "body", e["msg"])
        for e in error.errors(include_input=False, include_url=False)
    ]


def check_repeated(fields: Mapping[str, list[str]]) -> Problems:
    """Fields sent twice."""
    repeated = [name for name, values in fields.items() if len(values) > 1]
    return [problem(name, "is sent more than once; send it once") for name in repeated]
