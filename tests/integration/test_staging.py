"""Files on their way in: whole when they are there, and gone when nobody completes them."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from include import object_writer, staging
from include.aws import client
from include.incoming import IncomingDocuments
from include.models import AgentRef
from include.naming import agent_prefix, incoming_key, parse_submission_key, staging_key
from include.object_writer import ObjectWriter
from tests.fakes import RETURNS, list_keys, list_staged, store_agent

DOCUMENTS = "oratio-knowledge-bases"
PART = b"x" * object_writer.PART_BYTES
NOW = timedelta(0)

pytestmark = pytest.mark.usefixtures("stand_in")


@pytest.fixture
def ref():
    return AgentRef(f"user-{uuid4().hex[:8]}", str(uuid4()), 1)


def stage(ref: AgentRef, *pieces: bytes, number: int = 0) -> str:
    target = ObjectWriter(staging_key(ref, number))
    for piece in pieces:
        target.write(piece)
    target.close()
    target.finish()
    return target.key


def read(key: str) -> bytes:
    return client("s3").get_object(Bucket=DOCUMENTS, Key=key)["Body"].read()


@pytest.mark.parametrize(
    "pieces",
    [
        (b"",),
        (b"a", b"b", b"c"),
        (PART,),
        (PART[:-1],),
        (PART, b"tail"),
        (PART + b"more", PART, PART, b"tail"),
        tuple(bytes([n]) * 100_000 for n in range(120)),
    ],
)
def test_what_arrives_in_pieces_is_stored_whole(ref, pieces):
    assert read(stage(ref, *pieces)) == b"".join(pieces)
    assert len(list_staged(ref.user_id)) == 1


def test_an_aborted_upload_leaves_nothing(ref):
    target = ObjectWriter(staging_key(ref, 0))
    target.write(PART)
    target.write(PART)
    assert list_staged(ref.user_id)
    target.abort()
    assert list_staged(ref.user_id) == []


def test_published_documents_are_tagged_copies(ref):
    key = stage(ref, RETURNS)
    staging.publish(ref, {key: "policies/returns & more.md"})
    published = agent_prefix(ref.user_id, ref.agent_id) + "policies/returns & more.md"
    assert read(published) == RETURNS
    answer = client("s3").get_object_tagging(Bucket=DOCUMENTS, Key=published)
    assert {t["Key"]: t["Value"] for t in answer["TagSet"]} == {
        "userId": ref.user_id,
        "agentId": ref.agent_id,
        "resourceType": "knowledge-base",
    }


def test_no_user_can_have_documents_where_files_are_staged():
    from include.tokens import to_user_id

    assert to_user_id(".staging").startswith("u-")
    assert to_user_id(".incoming").startswith("u-")


def test_keys_on_the_way_in_tell_whose_they_are():
    ref = AgentRef("u1", "a1", 1)
    assert parse_submission_key(staging_key(ref, 7)) == ref
    assert parse_submission_key(incoming_key(ref)) == ref
    assert parse_submission_key(".staging/stray") is None


def crash_between_documents(ref: AgentRef) -> None:
    documents = IncomingDocuments(ref)
    for number in range(2):
        document = documents.open(f"folder/{number}.md")
        document.write(RETURNS)
        document.close()
        document.finish()


def crash_within_a_document(ref: AgentRef) -> None:
    document = IncomingDocuments(ref).open("a.md")
    document.write(PART)
    document.jobs[0].result()


def crash_before_a_document(ref: AgentRef) -> None:
    IncomingDocuments(ref).open("a.md")


def crash_between_copies(ref: AgentRef) -> None:
    key = stage(ref, RETURNS)
    stage(ref, PART, b"tail", number=1)
    staging.publish(ref, {key: "returns.md"})


def crash_within_a_file(ref: AgentRef) -> None:
    target = ObjectWriter(staging_key(ref, 0))
    target.write(PART)
    target.jobs[0].result()


@pytest.mark.parametrize(
    "crash",
    [
        crash_before_a_document,
        crash_within_a_document,
        crash_between_documents,
        crash_within_a_file,
        crash_between_copies,
    ],
)
def test_the_sweeper_removes_what_a_crash_left(ref, crash):
    crash(ref)
    assert staging.sweep_staging(timedelta(hours=1)) == 0
    assert list_staged(ref.user_id)
    assert staging.sweep_staging(NOW) >= 1
    assert list_staged(ref.user_id) == []
    assert list_keys(DOCUMENTS, f"{ref.user_id}/") == []


def test_the_sweeper_keeps_an_agent_whose_note_or_staged_files_were_left():
    agent = store_agent()
    kept = list_keys(DOCUMENTS, f"{agent.user_id}/")
    stage(agent.ref, RETURNS)
    IncomingDocuments(agent.ref).open("a.md")
    staging.sweep_staging(NOW)
    assert list_staged(agent.user_id) == []
    assert list_keys(DOCUMENTS, f"{agent.user_id}/") == kept


def test_a_failing_part_ends_the_upload(ref):
    target = ObjectWriter(staging_key(ref, 0))
    target.write(PART)
    client("s3").abort_multipart_upload(**target.target, **target.upload)
    target.write(PART)
    target.jobs[1].exception()
    with pytest.raises(ClientError):
        target.write(PART)
