"""An agent's documents and their descriptions: added, replaced, removed, and what is refused."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from include import lifecycle, records
from include.aws import client
from include.naming import agent_prefix
from tests.fakes import RETURNS, knowledge_base_of, list_keys, reload
from tests.tenant import DOCUMENTS, STEP, call, patch, read_document, require_problem, store


@pytest.fixture
def alice(sign_in, no_airflow):
    return sign_in()


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
