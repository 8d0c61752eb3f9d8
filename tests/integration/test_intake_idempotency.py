"""Idempotency-Key: one key, one effect, one answer, whatever happens in between."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from include import idempotency, records
from include.aws import client
from include.errors import KeyReusedError, RequestInFlightError
from include.idempotency import Answer, Claim, claim_key, complete, release
from tests.fakes import RETURNS, list_keys, store_agent

pytestmark = pytest.mark.usefixtures("no_airflow")

FILE = ("policies/returns.md", RETURNS)
DOCUMENTS = "oratio-knowledge-bases"


@pytest.fixture
def alice(sign_in):
    return with_key(sign_in(), str(uuid4()))


def with_key(caller, key):
    caller.headers = {**caller.headers, "Idempotency-Key": key}
    return caller


def agents_of(caller):
    return caller.get("/api/agents").json


def age_claim(caller, **seconds):
    """Let the times of the caller's key lie in the past."""
    key = caller.headers["Idempotency-Key"]
    past = {f":{name}": {"N": str(int(time.time()) - ago)} for name, ago in seconds.items()}
    client("dynamodb").update_item(
        **Claim(caller.user_id, key, "").item,
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in seconds),
        ExpressionAttributeValues=past,
    )


def test_a_repetition_gets_the_first_answer(alice):
    first = alice.submit(FILE)
    records.update_agent(
        records.get_agent(alice.user_id, first.json["agentId"]).ref, status="active"
    )
    again = alice.submit(FILE)
    assert (again.status_code, again.json) == (201, first.json)
    assert len(agents_of(alice)) == 1
    assert len(list_keys(DOCUMENTS, f"{alice.user_id}/")) == 1
    assert list_keys(DOCUMENTS, f".staging/{alice.user_id}/") == []


def test_a_claim_whose_confirmation_was_lost_is_still_ours(faults, alice):
    lost = {"kind": "timeout_after_success", "service": "dynamodb", "operation": "PutItem"}
    faults.put(lost | {"count": 1})
    assert alice.submit(FILE).status_code == 201
    assert faults.state()["rules"][0]["fired"] == 1


def test_a_quoted_key_is_the_same_key(alice):
    first = alice.submit(FILE)
    with_key(alice, f'"{alice.headers["Idempotency-Key"]}"')
    assert alice.submit(FILE).json == first.json


CHANGES = [
    ([FILE], {"agentName": "Another"}),
    ([("policies/returns.md", RETURNS + b"x")], {}),
    ([("policies/other.md", RETURNS)], {}),
    ([FILE, ("more.md", b"more")], {}),
]


@pytest.mark.parametrize(("files", "changes"), CHANGES)
def test_another_request_under_the_key_is_refused(alice, files, changes):
    alice.submit(FILE)
    refused = alice.submit(*files, **changes)
    assert (refused.status_code, refused.json["code"]) == (422, "idempotency_key_reused")
    assert len(agents_of(alice)) == 1
    assert len(list_keys(DOCUMENTS, f"{alice.user_id}/")) == 1


def test_another_address_under_the_key_is_another_request(alice):
    agent_id = alice.submit(FILE).json["agentId"]
    agent = records.get_agent(alice.user_id, agent_id)
    records.update_agent(agent.ref, status="failed")
    answer = alice.http.post(f"/api/agents/{agent_id}:retry", headers=alice.headers)
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")


def test_keys_of_tenants_do_not_meet(alice, sign_in):
    bob = with_key(sign_in(), alice.headers["Idempotency-Key"])
    ids = {alice.submit(FILE).json["agentId"], bob.submit(FILE).json["agentId"]}
    assert len(ids) == 2


def test_a_hundred_at_once_make_one_agent(alice):
    def submit(_):
        return alice.http.application.test_client().post(
            "/api/agents", data=build_form(), headers=alice.headers
        )

    with ThreadPoolExecutor(20) as executor:
        answers = list(executor.map(submit, range(100)))
    statuses = {answer.status_code for answer in answers}
    assert 201 in statuses
    assert statuses <= {201, 409}
    assert {a.json["code"] for a in answers if a.status_code == 409} <= {"request_in_flight"}
    (agent,) = agents_of(alice)
    assert {a.json["agentId"] for a in answers if a.status_code == 201} == {agent["agentId"]}
    assert alice.submit(FILE).json["agentId"] == agent["agentId"]
    assert len(list_keys(DOCUMENTS, f"{alice.user_id}/")) == 1


def build_form():
    from io import BytesIO

    from tests.fakes import FORM

    return {**FORM, "files": [(BytesIO(FILE[1]), FILE[0])]}


def test_what_was_refused_frees_its_key(alice, monkeypatch):
    assert alice.submit(FILE, sop="short").status_code == 422
    with monkeypatch.context() as patch:
        patch.setattr(records, "create_agent", lambda *arguments: 1 / 0)
        assert alice.submit(FILE).status_code == 500
    assert alice.submit(FILE).status_code == 201


def test_a_request_that_died_is_taken_over_after_its_lease(alice, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(records, "create_agent", lambda *arguments: 1 / 0)
        patch.setattr("api.idempotency.release", lambda claim: None)
        assert alice.submit(FILE).status_code == 500
    assert alice.submit(FILE).status_code == 409
    age_claim(alice, leaseUntil=1)
    assert alice.submit(FILE).status_code == 201
    assert len(agents_of(alice)) == 1


def test_who_lost_the_claim_changes_nothing(alice, monkeypatch):
    """The first request is slow, not dead: the second one has taken over and is done."""
    create = records.create_agent
    answers = []

    def create_late(*arguments):
        monkeypatch.setattr(records, "create_agent", create)
        age_claim(alice, leaseUntil=1)
        answers.append(alice.submit(FILE))
        create(*arguments)

    monkeypatch.setattr(records, "create_agent", create_late)
    late = alice.submit(FILE)
    assert (late.status_code, late.json["code"]) == (409, "request_in_flight")
    (agent,) = agents_of(alice)
    assert [answer.json["agentId"] for answer in answers] == [agent["agentId"]]
    assert alice.submit(FILE).json == answers[0].json


def test_a_key_is_free_again_after_a_day(alice):
    first = alice.submit(FILE)
    age_claim(alice, expiresAt=1)
    second = alice.submit(FILE, agentName="Another")
    assert second.status_code == 201
    assert second.json["agentId"] != first.json["agentId"]


def test_keys_are_kept_for_a_day(alice):
    alice.submit(FILE)
    item = client("dynamodb").get_item(
        **Claim(alice.user_id, alice.headers["Idempotency-Key"], "").item
    )["Item"]
    assert 0 <= time.time() + 24 * 3600 - int(item["expiresAt"]["N"]) < 600


@pytest.mark.parametrize("key", ["", " ", '""', "ü", "a b", "x" * 256, '"a', "a\tb"])
def test_keys_that_are_none(alice, key):
    answer = with_key(alice, key.encode().decode("latin-1")).submit(FILE)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "Idempotency-Key"
    assert list_keys(DOCUMENTS, f".staging/{alice.user_id}/") == []


def test_a_retry_is_started_once(alice, airflow):
    agent = store_agent(user_id=alice.user_id, status="failed")
    path = f"/api/agents/{agent.agent_id}:retry"
    answers = [alice.http.post(path, headers=alice.headers) for _ in range(2)]
    assert [a.status_code for a in answers] == [202, 202]
    assert answers[0].json == answers[1].json
    assert list(airflow.runs) == [f"agent-{agent.agent_id}-g2"]


def test_a_question_is_asked_once(alice, monkeypatch):
    agent = store_agent(user_id=alice.user_id, status="active")
    asked = []

    def invoke(agent, message, session_id, **_):
        asked.append(message)
        return {"answer": f"Answer {len(asked)}"}

    monkeypatch.setattr("api.chat.invoke_agent", invoke)
    answers = [alice.ask(agent.agent_id, "May I return it?").json for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(asked) == 1
    assert alice.ask(agent.agent_id, "And this?").status_code == 422


def test_the_largest_answer_fits(stand_in):
    claim = claim_key("user", str(uuid4()), "f")
    body = {"sop": "ü" * 50_000, "documents": [{"path": f"{uuid4()}" * 14} for _ in range(500)]}
    complete(claim, Answer(body, 201))
    assert claim_key("user", claim.key, "f") == Answer(body, 201)


def test_claims(stand_in):
    claim = claim_key("user", str(uuid4()), "f")
    with pytest.raises(RequestInFlightError):
        claim_key("user", claim.key, "f")
    with pytest.raises(KeyReusedError):
        claim_key("user", claim.key, "g")
    release(Claim("user", claim.key, "another owner"))
    with pytest.raises(RequestInFlightError):
        claim_key("user", claim.key, "f")
    complete(claim, Answer({"done": True}, 200))
    release(claim)
    assert claim_key("user", claim.key, "f") == Answer({"done": True}, 200)
    assert idempotency.build_completion(None, Answer({}, 200)) == []
