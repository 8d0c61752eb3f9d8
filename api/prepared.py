"""Large submissions: announced first, uploaded straight to S3, then submitted."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, g, request
from pydantic import ValidationError

from api.agents import accept, to_json
from api.auth import get_user_id
from api.document_types import HEAD_BYTES, TAIL_BYTES, check_content
from api.idempotency import answer_once
from api.openapi import describe
from api.schemas import (
    AgentFields,
    AgentForm,
    AgentView,
    Preparation,
    PreparedSubmission,
    PresignedUpload,
)
from api.submission_checks import Problems, Submission, Upload, check_texts, check_uploads, problem
from api.uploads import left_to_the_sweeper
from include import records
from include.errors import NotFoundError
from include.idempotency import Answer, Claim, complete
from include.models import AgentRef
from include.naming import staging_key
from include.presigned import (
    compute_sha256,
    find_facts,
    get_manifest,
    presign_upload,
    put_manifest,
    read_ends,
)
from include.problems import InvalidFormError, describe_validation
from include.settings import get_settings
from include.staging import clear_staging, publish
from include.usage import require_room

prepared = Blueprint("prepared", __name__)

CHECK_THREADS = 8


@prepared.post("/api/agents:prepare")
@describe(
    tag="agents",
    body=PreparedSubmission,
    headers=("Idempotency-Key",),
    answers={201: Preparation},
    errors=(409,),
)
def prepare_agent() -> tuple[dict[str, Any], int]:
    """Announce a submission: the answer says where to upload each document.

    Nothing is visible until `:submit`; what is not submitted is deleted after some hours.
    """
    user_id = get_user_id()
    asked = read_prepared(request.get_json())
    payload = asked.model_dump(mode="json")
    answer = answer_once(user_id, payload, lambda claim: prepare(user_id, asked, claim))
    return answer.body, answer.status


@prepared.post("/api/agents/<agent_id>:submit")
@describe(
    tag="agents",
    headers=("Idempotency-Key",),
    answers={200: AgentView, 201: AgentView},
    errors=(409, 422),
)
def submit_agent(agent_id: str) -> tuple[dict[str, Any], int]:
    """Submit what was prepared: 201 once it is recorded, 200 when it was submitted before.

    Every document must have come as announced; else 422 names those that have not.
    """
    ref = AgentRef(get_user_id(), parse_agent_id(agent_id), 1)
    g.agent_id = ref.agent_id
    answer = answer_once(ref.user_id, None, lambda claim: submit(ref, claim))
    return answer.body, answer.status


def prepare(user_id: str, asked: PreparedSubmission, claim: Claim | None) -> Answer:
    """Check and keep the announcement, and sign an address for each document."""
    check_prepared(user_id, asked)
    ref = AgentRef(user_id, str(uuid4()), 1)
    put_manifest(ref, asked.model_dump_json(by_alias=True).encode())
    expires_at = datetime.now(UTC) + timedelta(seconds=get_settings().presigned_seconds)
    uploads = [sign(upload) for upload in list_uploads(ref, asked)]
    preparation = Preparation(
        agent_id=ref.agent_id,
        expires_at=expires_at.isoformat(timespec="seconds"),
        uploads=uploads,
    )
    answer = Answer(to_json(preparation), 201)
    complete(claim, answer)
    return answer


def submit(ref: AgentRef, claim: Claim | None) -> Answer:
    """Check what has come and accept it; a submission that is refused can be mended and repeated.

    What an error leaves is not removed here: it may be another request's that is succeeding.
    The sweeper takes it when nobody submits any more.
    """
    if agent := records.find_agent(ref.user_id, ref.agent_id):
        if agent.deletion_requested_at:
            raise NotFoundError(f"There is no agent {ref.agent_id!r}.")
        base = records.get_knowledge_base(agent.knowledge_base_id)
        answer = Answer(to_json(AgentView.of(agent, base)), 200)
        complete(claim, answer)
        return answer
    manifest = get_manifest(ref)
    put_manifest(ref, manifest)  # written anew, it keeps the sweeper off
    asked = read_prepared(json.loads(manifest))
    check_prepared(ref.user_id, asked)
    submission = Submission(build_form(asked), list_uploads(ref, asked))
    if problems := check_staged(submission.uploads):
        raise InvalidFormError(problems)
    publish(ref, submission.paths)
    answer = accept(ref, submission, claim)
    with left_to_the_sweeper(ref):
        clear_staging(ref)
    return answer


def parse_agent_id(agent_id: str) -> str:
    """The id, if it can be one of ours."""
    try:
        is_ours = str(UUID(agent_id)) == agent_id
    except ValueError:
        is_ours = False
    if not is_ours:
        raise NotFoundError(f"There is no prepared agent {agent_id!r}.")
    return agent_id


def read_prepared(body: Any) -> PreparedSubmission:
    """An announcement as a model.

    :raises InvalidFormError: naming each offending field.
    """
    try:
        return PreparedSubmission.model_validate(body)
    except ValidationError as error:
        raise InvalidFormError(describe_validation(error)) from error


def check_prepared(user_id: str, asked: PreparedSubmission) -> None:
    """The same limits and quotas as for a submission that comes at once."""
    settings = get_settings()
    form = build_form(asked)
    values = asked.model_dump(by_alias=True, mode="json", exclude={"files"}, exclude_none=True)
    values["fileDescriptions"] = form.file_descriptions
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}
    uploads = [Upload(file.path, file.size_bytes) for file in asked.files]
    if problems := check_texts(texts, settings) + check_uploads(uploads, settings):
        raise InvalidFormError(problems)
    require_room(user_id, agents=1, size_bytes=sum(upload.size_bytes for upload in uploads))


def build_form(asked: PreparedSubmission) -> AgentForm:
    """The announcement as the form that a submission at once would have had."""
    fields = {name: getattr(asked, name) for name in AgentFields.model_fields}
    return AgentForm.model_construct(
        **fields,
        voice_config=asked.voice_config,
        text_config=asked.text_config,
        file_descriptions={f.path: f.description for f in asked.files if f.description},
    )


def list_uploads(ref: AgentRef, asked: PreparedSubmission) -> list[Upload]:
    """Each announced document with the key it is expected under."""
    return [
        Upload(file.path, file.size_bytes, file.sha256, staging_key(ref, number))
        for number, file in enumerate(asked.files)
    ]


def sign(upload: Upload) -> PresignedUpload:
    """Where to send one document."""
    post = presign_upload(upload.key, upload.size_bytes, upload.sha256)
    return PresignedUpload(path=upload.path, **post)


def check_staged(uploads: list[Upload]) -> Problems:
    """What is wrong with the documents that have come, or have not."""
    with ThreadPoolExecutor(CHECK_THREADS) as executor:
        messages = list(executor.map(check_one_staged, uploads))
    return [
        problem("files", f"{upload.path!r} {message}")
        for upload, message in zip(uploads, messages, strict=True)
        if message
    ]


def check_one_staged(upload: Upload) -> str | None:
    """Why what has come is not what was announced, or None."""
    facts = find_facts(upload.key)
    if facts is None:
        return "has not been uploaded; upload it and submit again"
    if facts.size_bytes != upload.size_bytes:
        return f"has {facts.size_bytes} bytes, not {upload.size_bytes}; upload it again"
    if (facts.sha256 or compute_sha256(upload.key)) != upload.sha256:
        return "has another checksum than announced; upload it again"
    ends = read_ends(upload.key, upload.size_bytes, HEAD_BYTES, TAIL_BYTES)
    return check_content(upload.path, *ends)
