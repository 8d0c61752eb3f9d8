"""A submission's multipart body: fields checked, files stored in S3 while they arrive."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from flask import Request
from pydantic import ValidationError

from api.document_types import ContentSample
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
from include.incoming import IncomingDocuments
from include.models import AgentRef
from include.object_writer import ObjectWriter
from include.problems import InvalidFormError, describe_validation
from include.settings import Settings, get_settings

log = logging.getLogger(__name__)


@dataclass
class FileInProgress:
    """The file part that is being read; `target` is None when it is not worth storing."""

    name: str
    path: str
    target: ObjectWriter | None
    digest: Any
    sample: ContentSample
    size_bytes: int = 0


class ReceivedFiles:
    """The sink of a form's files: each goes to S3 as it arrives, its type and size checked.

    `store` opens the object for a path, which has been checked: it is free of `..` and new.
    """

    def __init__(self, store: Callable[[str], ObjectWriter], settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self.uploads: list[Upload] = []
        self.objects: list[ObjectWriter] = []
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
        is_repeated = any(upload.path == path for upload in self.uploads)
        is_refused = self.problems or is_repeated or check_path(path, self.settings)
        self.has_refused |= bool(is_refused)
        target = None if self.has_refused else self.store(path)
        if target:
            self.objects.append(target)
        self.current = FileInProgress(name, path, target, hashlib.sha256(), ContentSample())

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
    """Check every field and store every file; an error, here or in the block, leaves nothing.

    :raises InvalidFormError: naming each offending field and what to do about it.
    """
    settings = get_settings()
    request.max_content_length = settings.max_request_bytes
    documents = IncomingDocuments(ref)
    files = ReceivedFiles(documents.open, settings)
    try:
        submission = check_submission(read_fields(request, files, settings), files, settings)
        files.finish()
        require_in_time(documents)
        yield submission
    except BaseException:
        with left_to_the_sweeper(ref):
            files.abort()
            documents.settle()
        drain(request)
        raise
    with left_to_the_sweeper(ref):
        documents.settle()


def require_in_time(documents: IncomingDocuments) -> None:
    """Refuse what took so long that the sweeper may take it for abandoned."""
    if documents.is_late:
        message = "took too long to arrive; use `:prepare` and upload them one by one"
        raise InvalidFormError([problem("files", message)])


@contextmanager
def left_to_the_sweeper(ref: AgentRef) -> Iterator[None]:
    """Cleaning up must not hide the answer: what AWS refuses now is removed later."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        log.warning("agent_id=%s its files stay for the sweeper: %r", ref.agent_id, error)


def read_fields(request: Request, files: ReceivedFiles, settings: Settings) -> dict[str, list[str]]:
    """The text fields' values; the files have gone to their sink."""
    if request.mimetype != "multipart/form-data":
        message = "send the form as multipart/form-data, with at least one document"
        raise InvalidFormError([problem("files", message)])
    form = FormStream(settings, files)
    form.read(request)
    return form.fields


def check_submission(
    fields: Mapping[str, list[str]], files: ReceivedFiles, settings: Settings
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


def check_repeated(fields: Mapping[str, list[str]]) -> Problems:
    """Fields sent twice."""
    repeated = [name for name, values in fields.items() if len(values) > 1]
    return [problem(name, "is sent more than once; send it once") for name in repeated]
