"""An agent's documents after it was created: list, add, replace, remove."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from flask import Blueprint, request

from api.openapi import describe
from api.revisions import change_current, read_agent
from api.submission_checks import (
    Upload,
    check_path,
    check_upload,
    find_description,
    problem,
)
from api.uploads import ReceivedFiles
from include import documents, lifecycle, records
from include.errors import NotFoundError, WrongStateError
from include.models import Agent, AgentRef, Document, KnowledgeBase, Record
from include.naming import staging_key
from include.object_writer import ObjectWriter
from include.problems import InvalidFormError
from include.settings import get_settings
from include.staging import clear_staging, publish

READ_BYTES = 64 * 1024

agent_documents = Blueprint("documents", __name__)


@agent_documents.get("/api/agents/<agent_id>/documents")
@describe(tag="documents", answers={200: list[Document]})
def list_documents(agent_id: str) -> list[dict[str, Any]]:
    """An agent's documents, each with what became of it when it was last indexed."""
    _, base = read_agent(agent_id)
    return [to_json(document) for document in base.documents]


@agent_documents.put("/api/agents/<agent_id>/documents/<path:path>")
@describe(
    tag="documents",
    answers={200: Document, 201: Document},
    body="application/octet-stream",
    headers=("If-Match",),
    errors=(409, 412),
)
def put_document(agent_id: str, path: str) -> tuple[dict[str, Any], int]:
    """Add a document, or replace it; the body is its content.

    It answers questions only after the knowledge base was indexed again: `documentsChangedAt`
    says since when that is due.
    """
    agent, _ = read_agent(agent_id)
    lifecycle.require_no_run(agent)
    with receive_document(agent.user_id, unicodedata.normalize("NFC", path)) as upload:
        is_new = change_current(agent_id, lambda now, base: record_upload(now, base, upload))
        publish(agent.ref, {upload.key: upload.path})
    mark_if_late(agent)
    return to_json(upload.document), 201 if is_new else 200


@agent_documents.delete("/api/agents/<agent_id>/documents/<path:path>")
@describe(tag="documents", answers={204: None}, headers=("If-Match",), errors=(409, 412))
def delete_document(agent_id: str, path: str) -> tuple[str, int]:
    """Remove a document; the last one stays, an agent cannot answer from nothing."""
    agent, _ = read_agent(agent_id)
    path = unicodedata.normalize("NFC", path)
    if check_path(path, get_settings()):
        raise no_document(path)
    is_known = change_current(agent_id, lambda now, base: record_removal(now, base, path))
    documents.delete_document(agent.ref, path)  # also what an earlier, crashed removal left
    mark_if_late(agent)
    if not is_known:
        raise no_document(path)
    return "", 204


@contextmanager
def receive_document(user_id: str, path: str) -> Iterator[Upload]:
    """Stage and check the request's body; nothing of it stays staged.

    :raises InvalidFormError: naming what is wrong with it.
    """
    settings = get_settings()
    request.max_content_length = settings.max_document_bytes
    ref = AgentRef(user_id, str(uuid4()), 1)  # staged as a submission of its own
    files = ReceivedFiles(lambda _: ObjectWriter(staging_key(ref, 0)), settings)
    try:
        files.open("files", path)
        while data := request.stream.read(READ_BYTES):
            files.write(data)
        files.close()
        (upload,) = files.uploads
        if problems := files.problems or check_upload(upload, settings):
            raise InvalidFormError(problems)
        files.finish()
        yield upload
    except BaseException:
        files.abort()
        raise
    finally:
        clear_staging(ref)


def record_upload(agent: Agent, base: KnowledgeBase, upload: Upload) -> bool:
    """Add the document to its agent's, or replace its entry; returns whether it is new."""
    lifecycle.require_no_run(agent)
    others = [document for document in base.documents if document.path != upload.path]
    limit = get_settings().max_documents
    if len(others) >= limit:
        raise InvalidFormError([problem("files", f"an agent has at most {limit} documents")])
    lifecycle.record_documents(agent, base, [*others, upload.document])
    if text := find_description(upload.path, base.folder_file_descriptions):
        documents.put_sidecar(agent.ref, upload.path, text)
    return len(others) == len(base.documents)


def record_removal(agent: Agent, base: KnowledgeBase, path: str) -> bool:
    """Take the document from its agent's; returns whether it was one of them."""
    lifecycle.require_no_run(agent)
    others = [document for document in base.documents if document.path != path]
    if len(others) == len(base.documents):
        return False
    if not others:
        raise WrongStateError("This is the agent's only document; add another one first.")
    lifecycle.record_documents(agent, base, others)
    return True


def mark_if_late(agent: Agent) -> None:
    """A run that began after the change was recorded may have looked at S3 before it was made."""
    current = records.find_agent(agent.user_id, agent.agent_id)
    if current and current.generation != agent.generation and not current.deletion_requested_at:
        lifecycle.record_late_arrival(current)


def no_document(path: str) -> NotFoundError:
    """The error for a path the agent has no document at."""
    return NotFoundError(f"The agent has no document {path!r}.")


def to_json(view: Record) -> dict[str, Any]:
    """A view as the wire has it; absent values are null."""
    return view.model_dump(mode="json", by_alias=True)
