"""Updating a serving agent, and the way back, step by step without Airflow."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from api import documents as api_documents
from include import lifecycle, records, updates
from include.aws import client
from include.creator.generate import RuleGenerator
from include.errors import NotReadyError, StaleGenerationError, VerificationFailedError
from include.items import read
from include.knowledge.ingestion import DataSource, list_jobs
from include.runtime import endpoints, verify
from include.runtime.bundle import build_bundle, compute_sha256
from include.steps import fail_agent, run_step
from include.updates import start_quiet_updates
from include.waits import is_settled
from oratio.operators.creator import GenerateCodeOperator
from oratio.operators.knowledge import IngestDocumentsOperator
from oratio.operators.runtime import VerifyAgentOperator
from oratio.operators.versions import (
    DeployVersionOperator,
    PromoteVersionOperator,
    RecordVersionOperator,
    VerifyVersionOperator,
)
from tests.fakes import knowledge_base_of, reload, store_agent
from tests.integration.test_runtime_deploy import MUTE
from tests.integration.test_runtime_pipeline import create

ENDPOINT, JOB = "bedrock-agentcore::endpoint", "bedrock-agent::ingestion_job"
UPDATE = {
    "ingest_documents": IngestDocumentsOperator,
    "generate_code": GenerateCodeOperator,
    "deploy_version": DeployVersionOperator,
    "verify_version": VerifyVersionOperator,
    "promote_version": PromoteVersionOperator,
    "record_version": RecordVersionOperator,
}
ROLLBACK = {
    "promote_version": PromoteVersionOperator,
    "verify_version": VerifyAgentOperator,
    "record_version": RecordVersionOperator,
}
HOURS = ("hours.md", b"# Hours\n\nThe shop opens at nine and closes at six.")
RETURNS = ("returns.md", b"# Returns\n\nBicycles may be returned within 30 days of delivery.")
NEW_SOP = "Answer in one short sentence, always. Never promise a discount."


@pytest.fixture
def alice(sign_in, airflow):
    return sign_in()


@pytest.fixture
def agent(alice):
    return create(alice, HOURS, RETURNS)


def call(caller, verb, agent, path="", **more):
    return caller.http.open(
        f"/api/agents/{agent.agent_id}{path}", method=verb, headers=caller.headers, **more
    )


def show(caller, agent):
    return caller.get(f"/api/agents/{agent.agent_id}").json


def patch(caller, agent, **fields):
    answer = call(caller, "PATCH", agent, json=fields)
    assert answer.status_code == 200, answer.json
    return answer.json


def put(caller, agent, path, content):
    answer = call(caller, "PUT", agent, f"/documents/{path}", data=content)
    assert answer.status_code in {200, 201}, answer.json


def begin(caller, agent, verb="update", **more):
    answer = call(caller, "POST", agent, f":{verb}", **more)
    assert answer.status_code == 202, answer.json
    return reload(agent)


def run(agent, name, operators=UPDATE):
    """One step as its operator runs it, with the trigger's waiting in between."""
    work = operators[name](task_id=name).work
    while True:
        try:
            return run_step(reload(agent).ref, name, 1, work)
        except NotReadyError as pending:
            while not is_settled(pending.probe, pending.ids):
                pass


def update(caller, agent):
    begin(caller, agent)
    for name in UPDATE:
        run(agent, name)
    return reload(agent)


def roll_back(caller, agent, **body):
    begin(caller, agent, "rollback", **({"json": body} if body else {}))
    for name in ROLLBACK:
        run(agent, name, ROLLBACK)
    return reload(agent)


def live_version(agent, name="production"):
    return endpoints.get_endpoint(agent.agentcore_agent_id, name)["liveVersion"]


def made_versions(agent):
    answer = client("bedrock-agentcore-control").list_agent_runtime_versions(
        agentRuntimeId=agent.agentcore_agent_id
    )
    return [version["agentRuntimeVersion"] for version in answer["agentRuntimes"]]


def jobs_of(agent):
    return list_jobs(DataSource.of(knowledge_base_of(agent)))


def read_manifest(version):
    bucket, _, key = version.manifest_s3_path.removeprefix("s3://").partition("/")
    return json.loads(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def read_config(agent):
    key = f"{agent.user_id}/{agent.agent_id}/agent.json"
    body = client("s3").get_object(Bucket="oratio-generated-code", Key=key)["Body"]
    return json.loads(body.read())


def require_wrong_state(answer):
    assert (answer.status_code, answer.json["code"]) == (409, "wrong_state"), answer.json


def test_a_new_sop_is_a_new_version(alice, agent, airflow):
    patch(alice, agent, sop=NEW_SOP, agentName="Night desk")
    begun = begin(alice, agent)
    assert airflow.conf_of(begun.ref) == {
        "user_id": agent.user_id,
        "agent_id": agent.agent_id,
        "generation": 2,
        "turn": 0,
    }
    assert (begun.status, begun.pipeline, begun.generation) == ("active", "update_agent", 2)
    for name in UPDATE:
        run(agent, name)
        assert live_version(agent) == ("1" if name in list(UPDATE)[:4] else "2")
    updated = reload(agent)
    assert (updated.agentcore_agent_version, updated.agent_code_generation) == ("2", 2)
    assert updated.generated_prompt != agent.generated_prompt
    assert read_config(agent)["sop"] == NEW_SOP
    shown = show(alice, agent)
    assert (shown["status"], shown["version"], shown["runningPipeline"]) == ("active", "2", None)
    assert shown["updateRequestedAt"] is None
    assert jobs_of(agent)[0]["description"].endswith("-g1")  # the documents were left alone


def test_until_the_end_the_record_tells_of_what_serves(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    begin(alice, agent)
    for name in list(UPDATE)[:-1]:
        run(agent, name)
        current = reload(agent)
        for attribute in ("agentcore_agent_version", "agent_code_sha256", "generated_prompt"):
            assert getattr(current, attribute) == getattr(agent, attribute)
        assert read_config(agent)["sop"] == agent.sop
        assert show(alice, agent)["runningPipeline"] == "update_agent"
        assert alice.ask(agent.agent_id, "When does the shop open?").status_code == 200


def test_changed_documents_are_indexed_without_a_new_version(alice, agent):
    put(alice, agent, "hours.md", b"# Hours\n\nThe shop opens at eleven and closes at six.")
    put(alice, agent, "parking.md", b"# Parking\n\nCars park for free behind the old mill.")
    assert call(alice, "DELETE", agent, "/documents/returns.md").status_code == 204
    updated = update(alice, agent)
    assert (updated.agentcore_agent_version, made_versions(agent)) == ("1", ["1"])
    base = show(alice, agent)["knowledgeBase"]
    assert base["documentsChangedAt"] is None
    assert {d["path"]: d["status"] for d in base["documents"]} == {
        "hours.md": "indexed",
        "parking.md": "indexed",
    }
    [job, _] = jobs_of(agent)
    statistics = job["statistics"]
    assert statistics["numberOfNewDocumentsIndexed"] == 1
    assert statistics["numberOfModifiedDocumentsIndexed"] == 1
    assert statistics["numberOfDocumentsDeleted"] == 1
    assert "eleven" in alice.ask(agent.agent_id, "When does the shop open?").json["answer"]
    parking = alice.ask(agent.agent_id, "Where can cars park?").json
    assert [c["document"] for c in parking["citations"]] == ["parking.md"]
    returns = alice.ask(agent.agent_id, "How many days to return a bicycle?").json
    assert "returns.md" not in [c["document"] for c in returns["citations"]]
    [version] = updated.versions
    paths = {document["path"] for document in read_manifest(version)["documents"]}
    assert paths == {"hours.md", "parking.md"}


def test_the_manifest_says_what_the_version_was_made_of(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    updated = update(alice, agent)
    version = updated.versions[-1]
    assert version.manifest_s3_path.endswith(f"/{agent.agent_id}/g2/manifest.json")
    manifest = read_manifest(version)
    assert manifest["runId"] == f"agent-{agent.agent_id}-g2"
    assert manifest["sopSha256"] == compute_sha256(NEW_SOP.encode())
    assert manifest["runtime"] == {"id": updated.agentcore_agent_id, "version": "2"}
    wanted = {"name": "rules", "version": RuleGenerator.version, "costUsd": 0}
    assert manifest["generator"] == wanted
    bundle = (
        client("s3")
        .get_object(
            Bucket="oratio-generated-code",
            Key=manifest["code"]["s3Key"],
            VersionId=manifest["code"]["s3VersionId"],
        )["Body"]
        .read()
    )
    assert manifest["code"]["sha256"] == compute_sha256(bundle) == updated.agent_code_sha256
    for document in manifest["documents"]:
        stored = client("s3").head_object(
            Bucket="oratio-knowledge-bases",
            Key=f"{agent.user_id}/{agent.agent_id}/{document['path']}",
            VersionId=document["versionId"],
        )
        assert stored["ETag"].strip('"') == document["eTag"]
        assert stored["ContentLength"] == document["sizeBytes"]
    assert len(manifest["documents"]) == 2


def test_creation_writes_the_first_manifest(agent):
    [version] = agent.versions
    assert read_manifest(version)["sopSha256"] == compute_sha256(agent.sop.encode())
    assert (version.version, agent.candidate, agent.dispatch) == ("1", None, None)


def test_nothing_to_do_is_refused(alice, agent):
    require_wrong_state(call(alice, "POST", agent, ":update"))
    require_wrong_state(call(alice, "POST", agent, ":rollback"))
    assert reload(agent).generation == 1


def test_only_serving_agents_are_updated(alice):
    agent = store_agent(user_id=alice.user_id)
    for verb in (":update", ":rollback"):
        require_wrong_state(call(alice, "POST", agent, verb))


def test_a_paused_agent_is_updated_and_stays_paused(alice, agent):
    patch(alice, agent, sop=NEW_SOP, status="paused")
    assert (update(alice, agent).status, live_version(agent)) == ("paused", "2")


def test_one_key_starts_one_update(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    headers = alice.headers | {"Idempotency-Key": "k"}
    path = f"/api/agents/{agent.agent_id}:update"
    first = alice.http.post(path, headers=headers)
    assert first.status_code == 202
    assert alice.http.post(path, headers=headers).json == first.json
    assert reload(agent).generation == 2
    require_wrong_state(alice.http.post(path, headers=alice.headers))


def test_while_an_update_runs_nothing_changes_under_it(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    begin(alice, agent)
    require_wrong_state(call(alice, "PATCH", agent, json={"sop": agent.sop}))
    require_wrong_state(call(alice, "PUT", agent, "/documents/a.md", data=b"x"))
    require_wrong_state(call(alice, "DELETE", agent, "/documents/hours.md"))
    assert patch(alice, agent, status="paused")["status"] == "paused"
    assert reload(agent).sop == NEW_SOP


def test_every_step_may_run_twice(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    put(alice, agent, "more.md", b"# More\n\nThere is more.")
    begin(alice, agent)
    for name in UPDATE:
        run(agent, name)
        run(agent, name)
    assert (made_versions(agent), len(jobs_of(agent))) == (["1", "2"], 2)
    assert [v.version for v in reload(agent).versions] == ["1", "2"]
    assert not reload(agent).has_run


def test_the_old_version_is_not_asked_in_the_new_one_s_place(alice, agent, stand_in):
    patch(alice, agent, sop=NEW_SOP)
    begin(alice, agent)
    run(agent, "generate_code")
    stand_in.set_polls(ENDPOINT, 3)
    work = DeployVersionOperator(task_id="deploy_version").work
    with pytest.raises(NotReadyError) as pending:
        run_step(reload(agent).ref, "deploy_version", 1, work)
    assert pending.value.ids["name"] == "DEFAULT"
    run(agent, "deploy_version")
    assert live_version(agent, "DEFAULT") == "2"


def break_code(agent):
    """Let the run's candidate be code that cites nothing."""
    content = build_bundle({"agent_file.py": MUTE})
    candidate = reload(agent).candidate
    answer = client("s3").put_object(
        Bucket="oratio-generated-code", Key=candidate.code_s3_key, Body=content
    )
    made = {"code_s3_version": answer["VersionId"], "code_sha256": compute_sha256(content)}
    records.update_agent(reload(agent).ref, candidate=candidate.model_copy(update=made))


def fail_update(caller, agent):
    """An update whose new version does not pass."""
    patch(caller, agent, sop=NEW_SOP)
    begin(caller, agent)
    run(agent, "generate_code")
    break_code(agent)
    run(agent, "deploy_version")
    with pytest.raises(VerificationFailedError):
        run(agent, "verify_version")
    fail_agent(reload(agent).ref)


def test_a_failed_update_leaves_the_old_version_serving(alice, agent):
    fail_update(alice, agent)
    shown = show(alice, agent)
    assert (shown["status"], shown["version"], live_version(agent)) == ("active", "1", "1")
    assert shown["updateFailure"]["code"] == "verification_failed"
    assert shown["updateFailure"]["step"] == "verify_version"
    assert shown["updateFailure"]["pipeline"] == "update_agent"
    assert (shown["runningPipeline"], bool(shown["updateRequestedAt"])) == (None, True)
    assert "nine" in alice.ask(agent.agent_id, "When does the shop open?").json["answer"]
    assert [v["version"] for v in call(alice, "GET", agent, "/versions").json] == ["1"]


def test_after_a_failure_an_update_works(alice, agent):
    fail_update(alice, agent)
    updated = update(alice, agent)  # the same request again; the code is made anew
    assert (updated.agentcore_agent_version, live_version(agent)) == ("3", "3")
    assert (updated.update_failure, updated.update_requested_at) == (None, None)


def test_after_a_failure_documents_alone_are_verified_at_the_serving_version(alice, agent):
    fail_update(alice, agent)
    patch(alice, agent, sop=agent.sop)
    put(alice, agent, "parking.md", b"# Parking\n\nCars park for free behind the old mill.")
    updated = update(alice, agent)  # DEFAULT is on the bad version
    assert (updated.agentcore_agent_version, live_version(agent)) == ("1", "1")


def test_a_failure_is_not_tried_again_by_itself(alice, agent, configure, airflow):
    configure(UPDATE_QUIET_SECONDS=1)
    fail_update(alice, agent)
    rewind(agent)
    start_quiet_updates()
    assert reload(agent).generation == 2
    patch(alice, agent, agentName="Other")
    rewind(agent)
    start_quiet_updates()
    assert (reload(agent).generation, reload(agent).update_failure) == (3, None)


def test_a_failed_ingestion_fails_the_update_and_is_due_again(alice, agent, monkeypatch):
    put(alice, agent, "more.md", b"# More\n\nThere is more.")
    begin(alice, agent)
    with monkeypatch.context() as patched:
        patched.setattr("include.knowledge.ingestion.ensure_job", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(agent, "ingest_documents")
    fail_agent(reload(agent).ref)
    shown = show(alice, agent)
    assert (shown["status"], shown["updateFailure"]["step"]) == ("active", "ingest_documents")
    assert shown["knowledgeBase"]["documentsChangedAt"]
    update(alice, agent)
    assert show(alice, agent)["knowledgeBase"]["documentsChangedAt"] is None


def test_a_run_cut_off_after_the_move_is_taken_back(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    begin(alice, agent)
    for name in list(UPDATE)[:-1]:
        run(agent, name)
    assert live_version(agent) == "2"
    fail_agent(reload(agent).ref)
    assert (live_version(agent), show(alice, agent)["version"]) == ("1", "1")


def test_a_failure_told_twice_does_not_undo_what_the_tenant_did_since(alice, agent):
    fail_update(alice, agent)
    patch(alice, agent, agentName="Other")
    fail_agent(reload(agent).ref)
    assert reload(agent).dispatch == "quiet"


def test_rollback_and_what_follows(alice, agent, airflow):
    patch(alice, agent, sop=NEW_SOP)
    update(alice, agent)
    begun = begin(alice, agent, "rollback")
    assert (begun.pipeline, begun.status) == ("rollback_agent", "active")
    assert airflow.conf_of(begun.ref)["generation"] == 3
    for name in ROLLBACK:
        run(agent, name, ROLLBACK)
    back = reload(agent)
    assert (back.agentcore_agent_version, live_version(agent)) == ("1", "1")
    assert back.generated_prompt == agent.generated_prompt
    assert back.agent_code_sha256 == agent.agent_code_sha256
    assert read_config(agent)["sop"] == agent.sop
    assert (back.sop, bool(back.update_requested_at), back.dispatch) == (NEW_SOP, True, None)
    listed = call(alice, "GET", agent, "/versions").json
    assert [(v["version"], v["isServing"]) for v in listed] == [("2", False), ("1", True)]
    again = update(alice, agent)
    assert (again.agentcore_agent_version, live_version(agent)) == ("3", "3")


def test_rollback_to_a_named_version_and_forward(alice, agent):
    for number in range(2):
        patch(alice, agent, sop=f"{NEW_SOP} {number}")
        update(alice, agent)
    assert roll_back(alice, agent, version="1").agentcore_agent_version == "1"
    assert roll_back(alice, agent, version="3").agentcore_agent_version == "3"
    assert roll_back(alice, agent).agentcore_agent_version == "2"
    assert made_versions(agent) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"version": "9"}, 422, "invalid_input"),
        ({"version": "x"}, 422, "invalid_input"),
        ({"to": "1"}, 422, "invalid_input"),
        ({"version": "1"}, 409, "wrong_state"),
    ],
)
def test_a_bad_rollback_is_named(alice, agent, body, status, code):
    answer = call(alice, "POST", agent, ":rollback", json=body)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert reload(agent).generation == 1


def test_a_rollback_that_does_not_pass_is_taken_back(alice, agent, monkeypatch):
    patch(alice, agent, sop=NEW_SOP)
    update(alice, agent)
    begin(alice, agent, "rollback")
    run(agent, "promote_version", ROLLBACK)
    assert live_version(agent) == "1"
    silent = {"answer": "Trust me.", "citations": []}
    with monkeypatch.context() as patched:
        patched.setattr(verify, "invoke_agent", lambda *_: silent)
        with pytest.raises(VerificationFailedError):
            run(agent, "verify_version", ROLLBACK)
    fail_agent(reload(agent).ref)
    shown = show(alice, agent)
    assert (shown["version"], live_version(agent)) == ("2", "2")
    assert shown["updateFailure"]["pipeline"] == "rollback_agent"


def rewind(agent, seconds=3600):
    """Let the agent's last change be long ago, unless it is no longer open."""
    if reload(agent).dispatch:
        at = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
        records.update_agent(reload(agent).ref, run_requested_at=at)


def test_a_changed_agent_is_updated_once_it_is_left_alone(alice, agent, airflow):
    patch(alice, agent, sop=NEW_SOP)
    start_quiet_updates()
    assert reload(agent).generation == 1
    rewind(agent)
    assert start_quiet_updates() >= 1
    begun = reload(agent)
    assert (begun.generation, begun.dispatch, begun.pipeline) == (2, "sent", "update_agent")
    assert airflow.conf_of(begun.ref)


def test_updates_only_on_request(alice, agent, configure):
    patch(alice, agent, sop=NEW_SOP)
    rewind(agent)
    configure(UPDATE_QUIET_SECONDS=0)
    assert start_quiet_updates() == 0
    assert reload(agent).generation == 1


def test_an_update_airflow_does_not_take_is_dispatched_later(alice, agent, airflow, monkeypatch):
    patch(alice, agent, sop=NEW_SOP)
    rewind(agent)
    airflow.status = 503
    start_quiet_updates()
    assert (reload(agent).generation, reload(agent).dispatch) == (2, "pending")


def test_one_agent_s_trouble_does_not_stop_the_others(alice, agent, monkeypatch):
    other = store_agent(user_id=alice.user_id, status="active")
    for each in (other, agent):
        patch(alice, each, sop=NEW_SOP)
        rewind(each)

    def refuse(current):
        if current.agent_id == other.agent_id:
            raise RuntimeError
        return build(current)

    build = updates.build_update
    monkeypatch.setattr(updates, "build_update", refuse)
    start_quiet_updates()
    assert (reload(other).generation, reload(agent).generation) == (1, 2)


def test_a_file_that_arrives_after_the_run_began_is_due_afterwards(alice, agent, monkeypatch):
    publish = api_documents.publish

    def publish_late(ref, paths):
        begin(alice, agent)
        run(agent, "ingest_documents")  # without the file
        publish(ref, paths)

    monkeypatch.setattr(api_documents, "publish", publish_late)
    put(alice, agent, "late.md", b"# Late\n\nBetter late than never.")
    for name in list(UPDATE)[1:]:
        run(agent, name)
    left = reload(agent)
    assert (left.dispatch, bool(left.update_requested_at)) == ("quiet", True)
    monkeypatch.undo()
    update(alice, agent)
    statuses = {d.path: d.status for d in knowledge_base_of(agent).documents}
    assert statuses["late.md"] == "indexed"


def test_only_so_many_versions_are_listed(alice, agent, configure):
    configure(MAX_VERSIONS=2)
    for number in range(2):
        patch(alice, agent, sop=f"{NEW_SOP} {number}")
        update(alice, agent)
    assert [v.version for v in reload(agent).versions] == ["2", "3"]


def test_an_outdated_update_changes_nothing(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    begun = begin(alice, agent)
    lifecycle.delete_agent(begun, knowledge_base_of(agent))
    work = PromoteVersionOperator(task_id="promote_version").work
    with pytest.raises(StaleGenerationError):
        run_step(begun.ref, "promote_version", 1, work)
    assert live_version(agent) == "1"


def test_another_tenant_s_agent_is_not_there(sign_in, alice, agent):
    mallory = sign_in()
    for verb, path in (("POST", ":update"), ("POST", ":rollback"), ("GET", "/versions")):
        assert call(mallory, verb, agent, path).status_code == 404


def test_quiet_agents_are_found_by_an_index(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    answer = client("dynamodb").query(
        TableName="oratio-agents",
        IndexName="open-runs-index",
        KeyConditionExpression="dispatch = :quiet",
        ExpressionAttributeValues={":quiet": {"S": "quiet"}},
    )
    assert agent.agent_id in [read(item)["agentId"] for item in answer["Items"]]


def test_a_bundle_is_stored_once(alice, agent):
    put(alice, agent, "hours.md", HOURS[1] + b" On Sundays it is closed.")
    update(alice, agent)
    prefix = f"{agent.user_id}/{agent.agent_id}/"
    found = client("s3").list_objects_v2(Bucket="oratio-generated-code", Prefix=prefix)
    names = {item["Key"].removeprefix(prefix) for item in found["Contents"]}
    assert {"g1/bundle.zip", "g1/manifest.json", "g2/manifest.json"} <= names
    assert "g2/bundle.zip" not in names


def test_a_late_word_that_the_run_was_sent_does_not_open_it_again(alice, agent):
    records.record_dispatch(agent.ref)
    assert reload(agent).dispatch is None
    with pytest.raises(StaleGenerationError):
        records.record_dispatch(replace(agent.ref, generation=7))
