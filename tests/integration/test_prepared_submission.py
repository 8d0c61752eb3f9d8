"""Large submissions: prepared, uploaded to S3 by the client, submitted."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
import requests

from include import lists, records, staging
from include.aws import client
from include.naming import agent_prefix
from tests.fakes import FORM, RETURNS, list_keys, list_staged

pytestmark = pytest.mark.usefixtures("no_airflow")

DOCUMENTS = "oratio-knowledge-bases"
FILES = {"policies/returns.md": RETURNS, "opening.txt": b"Open from nine to five."}


@pytest.fixture
def alice(sign_in):
    return sign_in()


def announce(path: str, body: bytes, **changes) -> dict:
    sha256 = hashlib.sha256(body).hexdigest()
    return {"path": path, "sizeBytes": len(body), "sha256": sha256} | changes


def post(caller, path: str, body=None, **headers):
    return caller.http.post(path, json=body, headers=caller.headers | headers)


def prepare(caller, files=None, **changes):
    files = [announce(*item) for item in FILES.items()] if files is None else files
    return post(caller, "/api/agents:prepare", FORM | {"files": files} | changes)


def submit(caller, agent_id: str, **headers):
    return post(caller, f"/api/agents/{agent_id}:submit", **headers)


def upload(preparation: dict, files: dict[str, bytes]) -> None:
    for target in preparation["uploads"]:
        if target["path"] in files:
            content = {"file": ("x", files[target["path"]])}
            answer = requests.post(target["url"], target["fields"], files=content, timeout=30)
            answer.raise_for_status()


def messages(answer) -> list[str]:
    assert answer.status_code == 422, answer.json
    assert {error["field"] for error in answer.json["errors"]} == {"files"}
    return [error["message"] for error in answer.json["errors"]]


def test_prepared_uploaded_submitted(alice):
    config = {"voice": "matthew", "speed": 1.1}
    files = [announce("opening.txt", FILES["opening.txt"])]
    files += [announce("policies/returns.md", RETURNS, description="Terms for customers")]
    preparation = prepare(alice, files, voiceConfig=config)
    assert preparation.status_code == 201
    agent_id = preparation.json["agentId"]
    assert alice.get(f"/api/agents/{agent_id}").status_code == 404
    assert alice.get("/api/agents").json == []

    upload(preparation.json, FILES)
    answer = submit(alice, agent_id)
    assert answer.status_code == 201
    prefix = agent_prefix(alice.user_id, agent_id)
    sidecar = f"{prefix}policies/returns.md.metadata.json"
    assert list_keys(DOCUMENTS, prefix) == sorted([*(prefix + path for path in FILES), sidecar])
    assert list_staged(alice.user_id) == []
    agent = records.get_agent(alice.user_id, agent_id)
    assert (agent.dispatch, agent.voice_config) == ("pending", config)
    tags = client("s3").get_object_tagging(Bucket=DOCUMENTS, Key=f"{prefix}opening.txt")["TagSet"]
    assert {"Key": "agentId", "Value": agent_id} in tags


def test_each_upload_is_bound_to_its_key_size_and_checksum(alice):
    (target,) = prepare(alice, [announce("a.md", b"abc")]).json["uploads"]
    fields = target["fields"]
    assert fields["x-amz-checksum-sha256"] == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    import base64

    conditions = json.loads(base64.b64decode(fields["policy"]))["conditions"]
    assert ["content-length-range", 3, 3] in conditions
    assert {"key": fields["key"]} in conditions
    assert {"x-amz-checksum-sha256": fields["x-amz-checksum-sha256"]} in conditions
    assert fields["key"].startswith(f".staging/{alice.user_id}/")
    assert fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"


def test_missing_and_changed_documents_are_named_and_can_be_mended(alice):
    files = {"a.md": b"one", "b.md": b"two", "c.md": b"three"}
    preparation = prepare(alice, [announce(*item) for item in files.items()]).json
    upload(preparation, {"b.md": b"TWO", "c.md": b"3"})
    found = messages(submit(alice, preparation["agentId"]))
    assert [("a.md" in found[0]), "has not been uploaded" in found[0]] == [True, True]
    assert [("b.md" in found[1]), "checksum" in found[1]] == [True, True]
    assert [("c.md" in found[2]), "has 1 bytes, not 5" in found[2]] == [True, True]
    assert lists.list_agents(alice.user_id).entries == []

    upload(preparation, files)
    assert submit(alice, preparation["agentId"]).status_code == 201


def test_content_must_be_what_the_name_says(alice):
    files = {"a.pdf": b"no PDF at all"}
    preparation = prepare(alice, [announce(*item) for item in files.items()]).json
    upload(preparation, files)
    (message,) = messages(submit(alice, preparation["agentId"]))
    assert ".pdf" in message
    assert "text" in message


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([], "at least one"),
        ([announce("../a.md", b"x")], "`..`"),
        ([announce("a.exe", b"x")], "unsupported"),
        ([announce("a.md", b"")], "empty"),
        ([announce("a.md", b"x", sizeBytes=51 * 1024**2)], "larger than 50 MiB"),
        ([announce("a.md", b"x"), announce("a.md", b"y")], "2 times"),
        ([announce("Gro\u0308ße.md", b"x"), announce("Größe.md", b"y")], "2 times"),
        ([announce(f"{n}.md", b"x", sizeBytes=50 * 1024**2) for n in range(41)], "together"),
    ],
)
def test_the_limits_are_those_of_a_submission_at_once(alice, files, reason):
    assert reason in messages(prepare(alice, files))[0]
    assert list_staged(alice.user_id) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"agentName": ""},
        {"sop": "ü" * 60_000},
        {"voiceConfig": "{}"},
        {"textConfig": {"x": "y" * 20_000}},
        {"color": "red"},
        {"files": [{"path": "a.md"}]},
        {"files": [announce("a.md", b"x", sha256="A" * 64)]},
        {"files": [announce("a.md", b"x", sizeBytes=-1)]},
    ],
)
def test_bad_announcements(alice, changes):
    answer = post(alice, "/api/agents:prepare", FORM | {"files": []} | changes)
    assert answer.status_code == 422
    assert any(error["field"].startswith(next(iter(changes))) for error in answer.json["errors"])


def test_a_second_submission_shows_the_agent(alice):
    preparation = prepare(alice).json
    upload(preparation, FILES)
    first = submit(alice, preparation["agentId"])
    again = submit(alice, preparation["agentId"])
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json["agentId"] == first.json["agentId"]


def test_the_same_key_is_answered_the_same(alice):
    preparation = prepare(alice).json
    upload(preparation, FILES)
    answers = [submit(alice, preparation["agentId"], **{"Idempotency-Key": "k1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json


@pytest.mark.parametrize("agent_id", ["x", "..", "0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b", "%2e%2e"])
def test_what_was_not_prepared_cannot_be_submitted(alice, agent_id):
    assert submit(alice, agent_id).status_code == 404


def test_nobody_else_can_submit(alice, sign_in):
    preparation = prepare(alice).json
    upload(preparation, FILES)
    assert submit(sign_in(), preparation["agentId"]).status_code == 404


def test_what_is_never_submitted_is_swept(alice):
    preparation = prepare(alice).json
    upload(preparation, FILES)
    staging.sweep_staging(timedelta(0))
    assert list_staged(alice.user_id) == []
    assert submit(alice, preparation["agentId"]).status_code == 404
