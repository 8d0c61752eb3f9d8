"""POST and GET of agents: what is refused and leaves nothing, and what nobody else can see."""

from __future__ import annotations

import json
from io import BytesIO

import pytest

from include import lists, records
from include.aws import client
from include.object_writer import Part
from tests.fakes import RETURNS, list_keys, list_staged

pytestmark = pytest.mark.usefixtures("no_airflow")

DOCUMENTS = "oratio-knowledge-bases"
FILE = ("policies/returns.md", RETURNS)


@pytest.fixture
def alice(sign_in):
    return sign_in()


def require_nothing_left(caller) -> None:
    assert list_keys(DOCUMENTS, f"{caller.user_id}/") == []
    assert list_staged(caller.user_id) == []
    assert lists.list_agents(caller.user_id).entries == []
    bases = client("dynamodb").query(
        TableName="oratio-knowledgebases",
        IndexName="userId-index",
        KeyConditionExpression="userId = :user",
        ExpressionAttributeValues={":user": {"S": caller.user_id}},
    )
    assert bases["Items"] == []


def require_problem(answer, status: int) -> dict:
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json["status"] == status
    return answer.json


BAD_FIELDS = [
    ({"agentName": None}, "agentName"),
    ({"agentName": ""}, "agentName"),
    ({"agentType": "fax"}, "agentType"),
    ({"sop": "short"}, "sop"),
    ({"sop": None}, "sop"),
    ({"sop": "ü" * 60_000}, "sop"),
    ({"knowledgeBaseDescription": "short"}, "knowledgeBaseDescription"),
    ({"humanHandoffDescription": ""}, "humanHandoffDescription"),
    ({"voiceConfig": "{"}, "voiceConfig"),
    ({"voiceConfig": "[]"}, "voiceConfig"),
    ({"voiceConfig": '{"speed": NaN}'}, "voiceConfig"),
    ({"textConfig": '{"x": "' + "y" * 20_000 + '"}'}, "textConfig"),
    ({"fileDescriptions": '{"other.md": "x"}'}, "fileDescriptions"),
    ({"color": "red"}, "color"),
    ({"agentName": ["one", "two"]}, "agentName"),
]


@pytest.mark.parametrize(("changes", "field"), BAD_FIELDS)
def test_a_bad_field_is_named_and_nothing_is_left(alice, changes, field):
    problem = require_problem(alice.submit(FILE, **changes), 422)
    assert [error["field"] for error in problem["errors"]] == [field]
    assert problem["errors"][0]["message"]
    require_nothing_left(alice)


BAD_FILES = [
    [],
    [("empty.md", b"")],
    [("../a.md", b"x")],
    [("a/../../b.md", b"x")],
    [("a\\b.md", b"x")],
    [("C:\\docs\\a.md", b"x")],
    [("..\\a.md", b"x")],
    [("a\x01b.md", b"x")],
    [("/a.md", b"x")],
    [("a.md.metadata.json", b"{}")],
    [("a.md", b"x"), ("a.md", b"y")],
    [("Gro\u0308ße.md", b"x"), ("Größe.md", b"y")],
    [("a.exe", b"x")],
    [("a", b"x")],
    [("a\u202efdp.md", b"x")],
    [("x" * 600 + ".md", b"x")],
]


@pytest.mark.parametrize("files", BAD_FILES)
def test_a_bad_file_is_refused_and_nothing_is_left(alice, files):
    problem = require_problem(alice.submit(*files), 422)
    assert {error["field"] for error in problem["errors"]} == {"files"}
    require_nothing_left(alice)


def test_one_bad_file_keeps_the_good_ones_out(alice):
    problem = require_problem(alice.submit(FILE, ("a.exe", b"x"), ("b.md", b"")), 422)
    assert len(problem["errors"]) == 2
    require_nothing_left(alice)


def test_files_under_another_name_are_not_lost_in_silence(alice):
    problem = require_problem(alice.submit(document=(BytesIO(b"x"), "a.md")), 422)
    assert "files" in {error["field"] for error in problem["errors"]}
    require_nothing_left(alice)


def test_too_many_files(alice, configure):
    configure(MAX_DOCUMENTS=2)
    problem = require_problem(alice.submit(*[(f"{n}.md", b"x") for n in range(3)]), 422)
    assert "at most 2" in problem["errors"][0]["message"]
    require_nothing_left(alice)


def test_too_large_a_file(alice, configure):
    configure(MAX_DOCUMENT_BYTES=1024 * 1024)
    require_problem(alice.submit(("a.md", b"x" * (1024 * 1024 + 1))), 422)
    require_nothing_left(alice)


def test_too_large_a_request(sign_in, configure):
    configure(MAX_REQUEST_BYTES=10_000)
    alice = sign_in()
    require_problem(alice.submit(("a.md", b"x" * 20_000)), 413)
    require_nothing_left(alice)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer x.y.z", "Basic YTpi", "Token abc"]
)
def test_without_a_good_token_nothing_is_done(alice, header):
    alice.headers = {} if header is None else {"Authorization": header}
    problem = require_problem(alice.submit(FILE), 401)
    assert problem["code"] == "unauthorized"
    for path in ("/api/agents", "/api/agents/a1"):
        require_problem(alice.get(path), 401)
    require_problem(alice.ask("a1", "Hi"), 401)
    require_nothing_left(alice)


def fail(*arguments):
    raise RuntimeError("the table is on fire, says arn:aws:x")


def test_when_the_records_cannot_be_written_no_document_stays(alice, monkeypatch):
    monkeypatch.setattr(records, "create_agent", fail)
    problem = require_problem(alice.submit(FILE, fileDescriptions='{"policies": "x"}'), 500)
    assert "arn" not in json.dumps(problem)
    require_nothing_left(alice)


def test_when_one_document_cannot_be_stored_none_stays(alice, monkeypatch):
    send = Part.send

    def send_but_one(part, operation, arguments):
        return fail() if arguments["Key"].endswith("b.md") else send(part, operation, arguments)

    monkeypatch.setattr(Part, "send", send_but_one)
    require_problem(alice.submit(*[(f"{letter}.md", b"x") for letter in "abc"]), 500)
    require_nothing_left(alice)


@pytest.mark.parametrize("status", ["", "ACTIVE", "dead"])
def test_an_unknown_status_is_refused(alice, status):
    problem = require_problem(alice.get(f"/api/agents?status_filter={status}"), 422)
    assert problem["errors"][0]["field"] == "status_filter"


def test_a_foreign_agent_looks_like_a_missing_one(alice, sign_in):
    agent_id = alice.submit(FILE).json["agentId"]
    missing_id = agent_id[:-4] + ("0000" if agent_id[-4:] != "0000" else "1111")
    bob = sign_in()
    for read in (lambda i: bob.get(f"/api/agents/{i}"), lambda i: bob.ask(i, "Hi")):
        foreign = require_problem(read(agent_id), 404)
        missing = require_problem(read(missing_id), 404)
        assert foreign.pop("requestId") != missing.pop("requestId")
        assert json.dumps(foreign).replace(agent_id, missing_id) == json.dumps(missing)
    assert bob.get("/api/agents").json == []


@pytest.mark.parametrize("agent_id", ["x", "x" * 3_000, "%00", "..%2fx", "ü", "a b"])
def test_an_odd_id_is_no_agent(alice, agent_id):
    require_problem(alice.get(f"/api/agents/{agent_id}"), 404)


def test_an_agent_that_is_not_active_yet_says_so(alice):
    agent_id = alice.submit(FILE).json["agentId"]
    problem = require_problem(alice.ask(agent_id, "Hi"), 409)
    assert problem["code"] == "not_active"
    assert "creating" in problem["detail"]


@pytest.mark.parametrize("body", [{}, {"message": " "}, {"message": "x" * 4_001}, {"text": "Hi"}])
def test_a_question_that_is_none(alice, body):
    agent_id = alice.submit(FILE).json["agentId"]
    path = f"/api/agents/{agent_id}/chat"
    problem = require_problem(alice.http.post(path, json=body, headers=alice.headers), 422)
    assert problem["errors"]


@pytest.mark.parametrize(
    ("body", "kind"), [(b"{", "application/json"), (b"", "application/json"), (b"{}", "text/plain")]
)
def test_a_body_that_is_no_json(alice, body, kind):
    agent_id = alice.submit(FILE).json["agentId"]
    path = f"/api/agents/{agent_id}/chat"
    answer = alice.http.post(path, data=body, content_type=kind, headers=alice.headers)
    assert answer.mimetype == "application/problem+json"
    assert answer.status_code in (400, 415)
