"""What a tenant may do to an agent that exists, in which state, and what it leaves behind."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from include import lifecycle, records
from include.aws import client
from include.dispatch import dispatch_pending_agents
from include.errors import ConflictError, StaleGenerationError
from include.models import Step, StepStatus
from include.naming import agent_prefix
from include.steps import run_step
from tests.fakes import RETURNS, knowledge_base_of, list_keys, reload, store_agent

DOCUMENTS = "oratio-knowledge-bases"
STEP = Step(status=StepStatus.RUNNING, attempt=1, started_at="2026-01-01T00:00:00.000+00:00")
NEW_SOP = "Answer in one sentence, always."
FAILURE = {"code": "ingestion_failed", "message": "No document could be read."}


@pytest.fixture
def alice(sign_in, no_airflow):
    return sign_in()


def call(caller, verb, agent, path="", etag=None, **more):
    headers = caller.headers | ({"If-Match": etag} if etag else {})
    return caller.http.open(
        f"/api/agents/{agent.agent_id}{path}", method=verb, headers=headers, **more
    )


def require_problem(answer, status, code):
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json["code"] == code


def store(caller, **changes):
    return store_agent(user_id=caller.user_id, **changes)


def patch(caller, agent, etag=None, **fields):
    return call(caller, "PATCH", agent, etag=etag, json=fields)


def read_document(agent, path):
    key = agent_prefix(agent.user_id, agent.agent_id) + path
    return client("s3").get_object(Bucket=DOCUMENTS, Key=key)["Body"].read()


def test_a_change_shows_at_once(alice):
    agent = store(alice, status="failed", voice_config={"voice": "ruth"})
    answer = patch(
        alice, agent, agentName="New", sop=NEW_SOP, voiceConfig=None, textConfig={"a": 1}
    )
    assert answer.status_code == 200
    shown = call(alice, "GET", agent)
    assert (shown.json, shown.headers["ETag"]) == (answer.json, answer.headers["ETag"])
    assert (shown.json["agentName"], shown.json["sop"]) == ("New", NEW_SOP)
    assert (shown.json["voiceConfig"], shown.json["textConfig"]) == (None, {"a": 1})
    assert shown.json["updateRequestedAt"] is None  # the retry will use it


def test_reading_another_revision_is_refused_as_a_problem(alice):
    agent = store(alice)
    answer = call(alice, "GET", agent, etag='"another"')
    require_problem(answer, 412, "revision_mismatch")
    assert call(alice, "GET", agent, etag=call(alice, "GET", agent).headers["ETag"]).json


BAD_CHANGES = [
    ({}, "body"),
    ([], "body"),
    ({"sop": None}, "sop"),
    ({"sop": "short"}, "sop"),
    ({"sop": "ü" * 60_000}, "sop"),
    ({"agentName": ""}, "agentName"),
    ({"textConfig": {"x": "y" * 20_000}}, "textConfig"),
    ({"textConfig": "{}"}, "textConfig"),
    ({"status": "failed"}, "status"),
    ({"status": None}, "status"),
    ({"fileDescriptions": None}, "fileDescriptions"),
    ({"fileDescriptions": {"returns.md": "x" * 20_000}}, "fileDescriptions"),
    ({"userId": "mallory"}, "userId"),
    ({"generation": 7}, "generation"),
]


@pytest.mark.parametrize(("fields", "field"), BAD_CHANGES)
def test_a_bad_change_is_named_and_changes_nothing(alice, fields, field):
    agent = store(alice, status="active")
    answer = call(alice, "PATCH", agent, json=fields)
    require_problem(answer, 422, "invalid_input")
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert reload(agent) == records.find_agent(agent.user_id, agent.agent_id)
    assert reload(agent).updated_at == agent.updated_at


FILES = {"a.md": RETURNS, "rules/b.md": RETURNS, "rules/c.md": RETURNS}


def read_descriptions(agent):
    """The description in each document's sidecar."""
    prefix = agent_prefix(agent.user_id, agent.agent_id)
    listed = client("s3").list_objects_v2(Bucket=DOCUMENTS, Prefix=prefix)["Contents"]
    keys = [item["Key"].removeprefix(prefix) for item in listed]
    sidecars = [key for key in keys if key.endswith(".metadata.json")]
    return {
        key.removesuffix(".metadata.json"): json.loads(read_document(agent, key))[
            "metadataAttributes"
        ]["description"]
        for key in sidecars
    }


def test_changed_descriptions_lie_beside_their_documents(alice):
    agent = store(alice, status="active", files=FILES)
    patch(alice, agent, fileDescriptions={"a.md": "About a.", "rules": "The rules."})
    assert read_descriptions(agent) == {
        "a.md": "About a.",
        "rules/b.md": "The rules.",
        "rules/c.md": "The rules.",
    }
    answer = patch(alice, agent, fileDescriptions={"rules/b.md": "About b."}, agentName="New")
    assert read_descriptions(agent) == {"rules/b.md": "About b."}
    base = answer.json["knowledgeBase"]
    assert base["folderFileDescriptions"] == {"rules/b.md": "About b."}
    assert base["documentsChangedAt"]
    assert answer.json["updateRequestedAt"]
    assert answer.json["agentName"] == "New"


def test_a_description_of_no_document_is_refused(alice):
    agent = store(alice, status="active", files=FILES)
    answer = patch(alice, agent, fileDescriptions={"d.md": "About d."}, agentName="New")
    require_problem(answer, 422, "invalid_input")
    assert [error["field"] for error in answer.json["errors"]] == ["fileDescriptions"]
    assert (reload(agent).agent_name, read_descriptions(agent)) == (agent.agent_name, {})


def test_descriptions_stay_as_they_are_while_a_run_reads_them(alice):
    agent = store(alice, files=FILES)
    records.record_step(agent.ref, "ingest_documents", STEP)
    answer = patch(alice, agent, fileDescriptions={"a.md": "About a."})
    require_problem(answer, 409, "wrong_state")
    assert read_descriptions(agent) == {}


def test_a_serving_agent_is_marked_for_an_update(alice):
    agent = store(alice, status="active")
    answer = patch(alice, agent, sop=NEW_SOP)
    assert answer.json["updateRequestedAt"]
    assert (answer.json["status"], reload(agent).sop) == ("active", NEW_SOP)


def test_a_change_before_the_first_step_is_what_the_run_uses(alice):
    agent = store(alice)
    assert patch(alice, agent, sop=NEW_SOP).json["updateRequestedAt"] is None
    used = []
    run_step(agent.ref, "generate_code", 1, lambda current, redo: used.append(current.sop))
    assert used == [NEW_SOP]


def test_a_change_in_the_middle_of_a_step_s_start_is_what_the_step_uses(alice, monkeypatch):
    agent = store(alice)
    record = records.record_start

    def change_first(*arguments):
        monkeypatch.setattr(records, "record_start", record)
        assert patch(alice, agent, sop=NEW_SOP).status_code == 200
        return record(*arguments)

    monkeypatch.setattr(records, "record_start", change_first)
    used = []
    run_step(agent.ref, "generate_code", 1, lambda current, redo: used.append(current.sop))
    assert used == [NEW_SOP]


def test_while_a_run_works_nothing_changes_under_it(alice):
    agent = store(alice)
    records.record_step(agent.ref, "generate_code", STEP)
    require_problem(patch(alice, agent, sop=NEW_SOP), 409, "wrong_state")
    path = "/documents/more.md"
    require_problem(call(alice, "PUT", agent, path, data=b"x"), 409, "wrong_state")
    require_problem(call(alice, "DELETE", agent, "/documents/returns.md"), 409, "wrong_state")
    assert reload(agent).sop == agent.sop
    assert read_document(agent, "returns.md") == RETURNS


def test_a_step_that_starts_while_a_change_is_judged_wins(stand_in):
    agent = reload(store_agent())
    records.record_step(agent.ref, "generate_code", STEP)
    with pytest.raises(ConflictError):
        lifecycle.change_agent(agent, {"sop": NEW_SOP})
    assert reload(agent).sop == agent.sop


def test_pause_and_resume(alice):
    agent = store(alice, status="active")
    assert patch(alice, agent, status="paused").json["status"] == "paused"
    answer = alice.ask(agent.agent_id, "Hello?")
    require_problem(answer, 409, "not_active")
    assert [a["status"] for a in alice.get("/api/agents?status_filter=paused").json] == ["paused"]
    assert patch(alice, agent, status="paused").status_code == 200
    assert patch(alice, agent, status="active").json["status"] == "active"
    assert patch(alice, agent, status="active").json["updateRequestedAt"] is None


@pytest.mark.parametrize("status", ["creating", "failed"])
@pytest.mark.parametrize("wanted", ["active", "paused"])
def test_only_serving_agents_are_paused_and_resumed(alice, status, wanted):
    agent = store(alice, status=status)
    require_problem(patch(alice, agent, status=wanted), 409, "wrong_state")
    assert reload(agent).status == status


@pytest.mark.parametrize("verb", ["PATCH", "DELETE"])
def test_an_old_revision_is_not_changed(alice, verb):
    agent = store(alice, status="active")
    old = call(alice, "GET", agent).headers["ETag"]
    assert patch(alice, agent, etag=old, agentName="One").status_code == 200
    answer = call(alice, verb, agent, etag=old, json={"agentName": "Two"})
    require_problem(answer, 412, "revision_mismatch")
    weak = f"W/{call(alice, 'GET', agent).headers['ETag']}"
    require_problem(call(alice, verb, agent, etag=weak, json={"agentName": "x"}), 412,
                    "revision_mismatch")  # fmt: skip
    assert reload(agent).agent_name == "One"
    assert patch(alice, agent, etag="*", agentName="Three").status_code == 200
    new = call(alice, "GET", agent).headers["ETag"]
    body = {"agentName": "Four"}
    assert call(alice, verb, agent, etag=f'"a", {new}', json=body).status_code in {200, 202}


def test_a_known_revision_is_not_sent_again(alice):
    agent = store(alice)
    etag = call(alice, "GET", agent).headers["ETag"]
    headers = alice.headers | {"If-None-Match": etag}
    path = f"/api/agents/{agent.agent_id}"
    assert alice.http.get(path, headers=headers).status_code == 304
    records.record_step(agent.ref, "generate_code", STEP)
    assert alice.http.get(path, headers=headers).status_code == 200


def test_of_many_changes_of_one_revision_one_wins(alice):
    agent = store(alice, status="active")
    etag = call(alice, "GET", agent).headers["ETag"]
    barrier = threading.Barrier(8)

    def change(number):
        http = alice.http.application.test_client()
        barrier.wait()
        headers = alice.headers | {"If-Match": etag}
        path = f"/api/agents/{agent.agent_id}"
        return http.patch(path, json={"agentName": f"Name {number}"}, headers=headers)

    with ThreadPoolExecutor(8) as executor:
        answers = list(executor.map(change, range(8)))
    assert sorted(a.status_code for a in answers) == [200] + [412] * 7


def test_a_failed_agent_is_started_again(alice, airflow):
    agent = store(alice)
    records.record_step(agent.ref, "ingest_documents", STEP)
    records.update_agent(
        agent.ref, status="failed", failure=FAILURE, failed_step="ingest_documents", dispatch="sent"
    )
    records.update_knowledge_base(agent.ref, agent.knowledge_base_id, status="error")
    assert patch(alice, agent, sop=NEW_SOP).status_code == 200
    answer = call(alice, "POST", agent, ":retry")
    assert answer.status_code == 202
    expected = {"status": "creating", "generation": 2, "steps": {}, "failure": None, "sop": NEW_SOP}
    assert answer.json | expected == answer.json
    assert answer.json["knowledgeBase"]["status"] == "notready"
    assert knowledge_base_of(agent).status == "notready"
    assert reload(agent).dispatch == "sent"
    assert airflow.conf_of(reload(agent).ref)["generation"] == 2
    with pytest.raises(StaleGenerationError):
        records.record_step(agent.ref, "ingest_documents", STEP)


@pytest.mark.parametrize("status", ["creating", "active", "paused"])
def test_only_failed_agents_are_retried(alice, status):
    agent = store(alice, status=status)
    require_problem(call(alice, "POST", agent, ":retry"), 409, "wrong_state")
    assert reload(agent).generation == 1


def test_a_retry_while_airflow_is_down_is_dispatched_later(empty_stand_in, alice, airflow):
    agent = store(alice, status="failed", dispatch="sent")
    airflow.status = 503
    assert call(alice, "POST", agent, ":retry").status_code == 202
    airflow.status = None
    assert dispatch_pending_agents() == 1
    assert list(airflow.runs) == [f"agent-{agent.agent_id}-g2"]


@pytest.mark.parametrize("status", ["creating", "active", "paused", "failed"])
def test_a_deleted_agent_is_gone(alice, airflow, status):
    agent = store(alice, status=status)
    answer = call(alice, "DELETE", agent)
    assert answer.status_code == 202
    assert answer.json["agentId"] == agent.agent_id
    assert answer.json["deletionRequestedAt"]
    for verb, path in [("GET", ""), ("DELETE", ""), ("GET", "/documents"), ("POST", ":retry"),
                       ("GET", "/events")]:  # fmt: skip
        require_problem(call(alice, verb, agent, path), 404, "not_found")
    require_problem(patch(alice, agent, agentName="x"), 404, "not_found")
    assert alice.get("/api/agents").json == []
    assert alice.get(f"/api/agents?status_filter={status}").json == []
    assert alice.get("/api/knowledge-bases").json == []
    assert alice.get(f"/api/knowledge-bases/{agent.knowledge_base_id}").status_code == 404
    with pytest.raises(StaleGenerationError):
        run_step(agent.ref, "generate_code", 1, lambda current, redo: None)
    assert list(airflow.runs) == [f"agent-{agent.agent_id}-g2"]
    record = records.find_agent(agent.user_id, agent.agent_id)
    assert (record.generation, bool(record.deletion_requested_at)) == (2, True)
    assert (record.pipeline, record.dispatch) == ("delete_agent", "sent")


def test_a_document_is_added_replaced_and_removed(alice):
    agent = store(alice, status="active")
    added = call(alice, "PUT", agent, "/documents/policies/Gro%CC%88%C3%9Fe.md", data=b"Sizes")
    assert (added.status_code, added.json["path"]) == (201, "policies/Größe.md")
    replaced = call(alice, "PUT", agent, "/documents/policies/Größe.md", data=b"Other sizes")
    assert (replaced.status_code, replaced.json["sizeBytes"]) == (200, 11)
    assert read_document(agent, "policies/Größe.md") == b"Other sizes"
    listed = call(alice, "GET", agent, "/documents").json
    assert [d["path"] for d in listed] == ["returns.md", "policies/Größe.md"]
    shown = call(alice, "GET", agent).json
    assert shown["knowledgeBase"]["documentsChangedAt"]
    assert shown["updateRequestedAt"] == shown["knowledgeBase"]["documentsChangedAt"]
    assert call(alice, "DELETE", agent, "/documents/returns.md").status_code == 204
    listed = call(alice, "GET", agent, "/documents").json
    assert [d["path"] for d in listed] == ["policies/Größe.md"]
    with pytest.raises(client("s3").exceptions.NoSuchKey):
        read_document(agent, "returns.md")
    assert list_keys(DOCUMENTS, f".staging/{alice.user_id}/") == []


def test_a_new_document_in_a_described_folder_is_described(alice):
    agent = store(alice, status="failed")
    records.update_knowledge_base(
        agent.ref, agent.knowledge_base_id, folder_file_descriptions={"policies": "Terms"}
    )
    call(alice, "PUT", agent, "/documents/policies/a.md", data=b"x")
    assert b"Terms" in read_document(agent, "policies/a.md.metadata.json")
    call(alice, "DELETE", agent, "/documents/policies/a.md")
    with pytest.raises(client("s3").exceptions.NoSuchKey):
        read_document(agent, "policies/a.md.metadata.json")


BAD_DOCUMENTS = [
    ("a.exe", b"x"),
    ("a.md", b""),
    ("a.md", b"\x00\x01"),
    ("a.pdf", b"text"),
    ("a.md.metadata.json", b"{}"),
    ("a%5Cb.md", b"x"),
    ("a%01.md", b"x"),
    ("x" * 600 + ".md", b"x"),
]


@pytest.mark.parametrize(("path", "body"), BAD_DOCUMENTS)
def test_a_bad_document_is_refused_and_changes_nothing(alice, path, body):
    agent = store(alice, status="active")
    require_problem(
        call(alice, "PUT", agent, f"/documents/{path}", data=body), 422, "invalid_input"
    )
    assert [d.path for d in knowledge_base_of(agent).documents] == ["returns.md"]
    prefix = agent_prefix(agent.user_id, agent.agent_id)
    assert list_keys(DOCUMENTS, prefix) == [f"{prefix}returns.md"]
    assert list_keys(DOCUMENTS, f".staging/{alice.user_id}/") == []


def test_a_large_document_is_refused(alice, configure):
    agent = store(alice, status="active")
    configure(MAX_DOCUMENT_BYTES=100_000)
    answer = call(alice, "PUT", agent, "/documents/a.md", data=b"x" * 100_001)
    assert answer.status_code in {413, 422}
    assert len(knowledge_base_of(agent).documents) == 1


def test_an_agent_has_a_limited_number_of_documents(alice, configure):
    agent = store(alice, status="active")
    configure(MAX_DOCUMENTS=1)
    assert call(alice, "PUT", agent, "/documents/a.md", data=b"x").status_code == 422
    assert call(alice, "PUT", agent, "/documents/returns.md", data=b"x").status_code == 200


def test_the_only_document_stays(alice):
    agent = store(alice, status="active")
    require_problem(call(alice, "DELETE", agent, "/documents/returns.md"), 409, "wrong_state")
    require_problem(call(alice, "DELETE", agent, "/documents/other.md"), 404, "not_found")
    assert read_document(agent, "returns.md") == RETURNS


def test_a_removal_that_crashed_is_finished_by_repeating_it(alice):
    agent = store(alice, status="active")
    call(alice, "PUT", agent, "/documents/a.md", data=b"x")
    base = knowledge_base_of(agent)
    lifecycle.record_documents(reload(agent), base, base.documents[:1])
    require_problem(call(alice, "DELETE", agent, "/documents/a.md"), 404, "not_found")
    with pytest.raises(client("s3").exceptions.NoSuchKey):
        read_document(agent, "a.md")


def test_documents_put_at_the_same_time_are_all_there(alice):
    agent = store(alice, status="active")

    def put(number):
        http = alice.http.application.test_client()
        path = f"/api/agents/{agent.agent_id}/documents/{number}.md"
        return http.put(path, data=b"x", headers=alice.headers).status_code

    with ThreadPoolExecutor(4) as executor:
        assert set(executor.map(put, range(4))) == {201}
    assert len(knowledge_base_of(agent).documents) == 5
