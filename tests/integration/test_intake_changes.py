"""Changes of an agent: what they do in which state, and which of two at the same time wins."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from include import lifecycle, records
from include.errors import ConflictError
from include.steps import run_step
from tests.fakes import RETURNS, reload, store_agent
from tests.tenant import NEW_SOP, STEP, call, patch, read_document, require_problem, store


@pytest.fixture
def alice(sign_in, no_airflow):
    return sign_in()


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
