"""Deleting an agent: whatever there is of it, in whatever state, nothing is left in any service."""

from __future__ import annotations

import io

import pytest

from include import lifecycle, records
from include.aws import client
from include.creator.publish import publish_code
from include.errors import NotReadyError, RemovalFailedError, StaleGenerationError
from include.handoffs import list_handoffs
from include.knowledge.bases import ensure_knowledge_base
from include.knowledge.ingestion import ingest_documents
from include.models import DispatchStatus
from include.naming import agent_prefix, staging_prefix
from include.removal.files import remove_files
from include.removal.knowledge_bases import remove_knowledge_base
from include.removal.runs import stop_runs
from include.removal.runtimes import remove_runtime
from include.removal.sessions import list_all, remove_sessions
from include.runtime.deploy import deploy_runtime
from include.sessions import SessionRef, TurnRecord, record_turn
from include.steps import fail_agent
from include.waits import is_settled
from local.aws.knowledge.backend import knowledge_backends
from tests.fakes import knowledge_base_of, list_keys, list_traces, reload, store_agent

BASE, SOURCE = "bedrock-agent::knowledge_base", "bedrock-agent::data_source"
JOB = "bedrock-agent::ingestion_job"
RUNTIME, ENDPOINT = "bedrock-agentcore::runtime", "bedrock-agentcore::endpoint"
BUCKET, CODE = "oratio-knowledge-bases", "oratio-generated-code"


@pytest.fixture
def agent(stand_in):
    """An agent with everything a creation makes."""
    agent = store_agent()
    for work in (
        ensure_knowledge_base,
        lambda agent: ingest_documents(agent, False),
        publish_code,
        lambda agent: deploy_runtime(agent, False),
    ):
        finish(lambda work=work: work(reload(agent)))
    return reload(agent)


def finish(remove, polls=50):
    """Call until nothing is waited for, as the operator does."""
    for _ in range(polls):
        try:
            return remove()
        except NotReadyError as pending:
            if not any(is_settled(pending.probe, pending.ids) for _ in range(polls)):
                break
    raise AssertionError("It waits for ever.")


def test_nothing_is_left_of_its_customers(stand_in):
    agent, other = store_agent({}), store_agent({})
    turn = TurnRecord(question="Hi?", answer="Yes.", handoff={"reason": "r", "summary": "s"})
    for number, owner in enumerate([agent, agent, other]):
        record_turn(owner, SessionRef(owner.agent_id, f"session-{number}", "key-1"), turn)
    remove_sessions(agent.ref)
    remove_sessions(agent.ref)  # gone is as well
    assert list(list_all(agent.agent_id)) == list_handoffs(agent.user_id).entries == []
    assert len(list(list_all(other.agent_id))) == len(list_handoffs(other.user_id).entries) == 1


def remove_all(agent, runtime_id=None, bedrock_id=None):
    finish(lambda: remove_runtime(agent.ref, runtime_id, False))
    finish(lambda: remove_knowledge_base(agent.ref, bedrock_id, False))
    remove_files(agent.ref)


def test_nothing_is_left_of_a_whole_agent(agent):
    assert len(list_traces(agent)) >= 6
    bedrock_id = knowledge_base_of(agent).bedrock_knowledge_base_id
    remove_all(agent, agent.agentcore_agent_id, bedrock_id)
    assert list_traces(agent) == []
    remove_all(agent, agent.agentcore_agent_id, bedrock_id)  # gone is as well


def test_what_was_never_stored_is_found_by_name_and_tags(agent):
    remove_all(agent)
    assert list_traces(agent) == []


def test_another_agent_keeps_everything(agent):
    other = store_agent(user_id=agent.user_id)
    ensure_knowledge_base(other)
    before = list_traces(other)
    remove_all(agent)
    assert list_traces(other) == before
    assert len(before) >= 3


def test_a_name_without_our_tags_is_not_ours(agent):
    control = client("bedrock-agentcore-control")
    arn = agent.agentcore_agent_arn
    control.untag_resource(resourceArn=arn, tagKeys=["agentId"])
    remove_runtime(agent.ref, None, False)
    assert control.get_agent_runtime(agentRuntimeId=agent.agentcore_agent_id)
    finish(lambda: remove_runtime(agent.ref, agent.agentcore_agent_id, False))


@pytest.mark.parametrize("model", [BASE, SOURCE, RUNTIME, ENDPOINT])
def test_a_deletion_that_takes_long_is_waited_for(agent, stand_in, model):
    stand_in.set_polls(model, 3)
    remove_all(agent)
    assert list_traces(agent) == []


@pytest.mark.parametrize(
    ("model", "make"),
    [
        (BASE, ensure_knowledge_base),
        (JOB, lambda agent: (ensure_knowledge_base(agent), ingest_documents(reload(agent), False))),
        (RUNTIME, lambda agent: deploy_runtime(agent, False)),
        (ENDPOINT, lambda agent: deploy_runtime(agent, False)),
    ],
)
def test_what_is_in_the_making_is_removed_when_it_can_be(stand_in, model, make):
    agent = store_agent()
    if model in (RUNTIME, ENDPOINT):
        ensure_knowledge_base(agent)
        publish_code(reload(agent))
    stand_in.set_polls(model, 2)
    with pytest.raises(NotReadyError):
        make(reload(agent))
    remove_all(agent)
    assert list_traces(agent) == []


def test_endpoints_of_any_name_go_with_the_runtime(agent):
    control = client("bedrock-agentcore-control")
    control.create_agent_runtime_endpoint(agentRuntimeId=agent.agentcore_agent_id, name="trial")
    remove_all(agent)
    assert list_traces(agent) == []


def test_an_index_that_went_first_holds_nothing_up(agent):
    client("s3vectors").delete_index(
        vectorBucketName="oratio-vectors", indexName=f"oratio-{agent.agent_id}"
    )
    remove_all(agent)
    assert list_traces(agent) == []


def test_what_aws_gives_up_is_an_error_with_its_reason_and_asked_for_again(agent):
    bedrock_id = knowledge_base_of(agent).bedrock_knowledge_base_id
    base = knowledge_backends["123456789012"]["us-east-1"].get_knowledge_base(bedrock_id)
    base.failure_reasons = ["The role cannot be assumed"]
    base.lifecycle.enter("DELETE_UNSUCCESSFUL")
    with pytest.raises(RemovalFailedError, match="The role cannot be assumed"):
        remove_knowledge_base(agent.ref, bedrock_id, redo=False)
    remove_knowledge_base(agent.ref, bedrock_id, redo=True)
    remove_all(agent)
    assert list_traces(agent) == []


def test_files_go_with_versions_markers_and_what_is_on_its_way(agent):
    s3, own = client("s3"), agent_prefix(agent.user_id, agent.agent_id)
    staged = staging_prefix(agent.user_id, agent.agent_id)
    for bucket, key in ((BUCKET, f"{own}a.md"), (CODE, f"{own}a.py"), (BUCKET, f"{staged}0001")):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
        s3.delete_object(Bucket=bucket, Key=key)
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    remove_files(agent.ref)
    left = [list_keys(bucket, prefix) for bucket in (BUCKET, CODE) for prefix in (own, staged)]
    uploads = [s3.list_multipart_uploads(Bucket=b).get("Uploads", []) for b in (BUCKET, CODE)]
    assert (left, uploads) == ([[]] * 4, [[]] * 2)


def test_many_files_go_too(stand_in):
    agent = store_agent({})
    for number in range(3):
        client("s3").upload_fileobj(
            io.BytesIO(b"x"), BUCKET, f"{agent_prefix(agent.user_id, agent.agent_id)}{number}"
        )
    remove_files(agent.ref)
    assert list_keys(BUCKET, agent_prefix(agent.user_id, agent.agent_id)) == []


def delete(agent):
    """DELETE, as the intake does it; returns the agent in its new generation."""
    lifecycle.delete_agent(reload(agent), knowledge_base_of(agent))
    return records.find_agent(agent.user_id, agent.agent_id)


def test_both_records_go_at_once_and_last(stand_in):
    agent = delete(store_agent())
    records.delete_records(agent.ref, agent.knowledge_base_id)
    assert records.find_agent(agent.user_id, agent.agent_id) is None
    with pytest.raises(StaleGenerationError):
        records.delete_records(agent.ref, agent.knowledge_base_id)


def test_records_of_an_agent_that_is_not_deleted_stay(stand_in):
    agent = store_agent()
    with pytest.raises(StaleGenerationError):
        records.delete_records(agent.ref, agent.knowledge_base_id)
    assert reload(agent)
    assert knowledge_base_of(agent)


def test_earlier_runs_are_ended_whatever_their_dag(stand_in, airflow):
    agent, other = store_agent(), store_agent()
    for ref, name in ((agent.ref, "create"), (agent.ref, "by-hand"), (other.ref, "other")):
        conf = {"user_id": ref.user_id, "agent_id": ref.agent_id, "generation": ref.generation}
        airflow.hold_run(name, conf)
    deleted = delete(agent)
    airflow.hold_run(
        "delete",
        {"user_id": agent.user_id, "agent_id": agent.agent_id} | {"generation": deleted.generation},
    )
    stop_runs(deleted.ref)
    assert {name: run.get("state") for name, run in airflow.runs.items()} == {
        "create": "failed",
        "by-hand": "failed",
        "other": None,
        "delete": None,
    }


def test_a_task_at_work_is_waited_for(stand_in, airflow):
    agent = store_agent()
    conf = {"user_id": agent.user_id, "agent_id": agent.agent_id, "generation": 1}
    airflow.hold_run("create", conf)
    airflow.working.add("create")
    deleted = delete(agent)
    with pytest.raises(NotReadyError) as pending:
        stop_runs(deleted.ref)
    assert not is_settled(pending.value.probe, pending.value.ids)
    assert "state" not in airflow.runs["create"]
    airflow.working.clear()
    assert is_settled(pending.value.probe, pending.value.ids)
    stop_runs(deleted.ref)
    assert airflow.runs["create"]["state"] == "failed"


def test_a_failed_deletion_stays_on_record_and_is_due_later_and_later(stand_in):
    agent = delete(store_agent(status="active"))
    fail_agent(agent.ref)
    failed = records.find_agent(agent.user_id, agent.agent_id)
    assert (failed.dispatch, failed.failure.code) == (DispatchStatus.RETRY, "internal_error")
    assert failed.status == "active"  # its tenant is not told anything any more
    first = failed.run_requested_at
    records.update_agent(agent.ref, deletion_requested_at="2026-01-01T00:00:00.000+00:00")
    fail_agent(agent.ref)
    assert records.find_agent(agent.user_id, agent.agent_id).run_requested_at > first
