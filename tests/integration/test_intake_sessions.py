"""Sessions and hand-offs as tenants see them: listed, read, watched, acknowledged, deleted."""

from __future__ import annotations

import json

import pytest
import requests

from api.events import get_permits
from include.sessions import SessionRef, TurnRecord, record_turn
from tests.fakes import store_agent
from tests.http_server import serve_wsgi

HANDOFF = {"reason": "The customer was hurt.", "summary": "Fell off a Heron."}
CITATION = {"document": "returns.md", "passage": "30 days", "score": 0.9}


@pytest.fixture
def alice(sign_in):
    return sign_in()


@pytest.fixture
def agent(alice):
    return store_agent({}, user_id=alice.user_id, status="active")


@pytest.fixture
def address(alice):
    """The intake over real HTTP."""
    get_permits.cache_clear()
    with serve_wsgi(alice.http.application) as address:
        yield address
    get_permits.cache_clear()


def say(agent, session_id="session-1", caller="key-1", question="Hello?", **changes):
    session = SessionRef(agent.agent_id, session_id, caller)
    record_turn(agent, session, TurnRecord(question=question, answer="Yes.", **changes))
    return session


def test_a_session_is_listed_and_read_with_its_transcript(alice, agent):
    session = say(agent, citations=[CITATION], input_tokens=1_000, key_id="key-1")
    say(agent, question="And then?", output_tokens=100, duration_seconds=0.5)
    path = f"/api/agents/{agent.agent_id}/sessions"
    (listed,) = alice.get(path).json
    assert (listed["sessionKey"], listed["sessionId"]) == (session.key, "session-1")
    assert (listed["status"], listed["turns"], listed["costUsd"]) == ("running", 2, 0.0045)
    assert "caller" not in listed

    read = alice.get(f"{path}/{session.key}").json
    assert [turn["question"] for turn in read.pop("transcript")] == ["Hello?", "And then?"]
    assert read == listed


def test_sessions_come_in_pages_whose_cursors_are_of_one_agent(alice, agent):
    other = store_agent({}, user_id=alice.user_id, status="active")
    for number in range(5):
        say(agent, f"session-{number}")
    path = f"/api/agents/{agent.agent_id}/sessions?limit=2"
    found, cursor = [], ""
    while path:
        page = alice.get(path)
        found += [session["sessionId"] for session in page.json]
        link = page.headers.get("Link", "")
        path = link[1:].partition(">")[0]
        cursor = path.partition("cursor=")[2] or cursor
    assert sorted(found) == [f"session-{number}" for number in range(5)]
    answer = alice.get(f"/api/agents/{other.agent_id}/sessions?limit=2&cursor={cursor}")
    assert answer.status_code == 422


def test_a_deleted_session_is_gone_with_its_hand_off(alice, agent):
    session = say(agent, handoff=HANDOFF)
    path = f"/api/agents/{agent.agent_id}/sessions/{session.key}"
    assert alice.http.delete(path, headers=alice.headers).status_code == 204
    assert alice.get(path).status_code == 404
    assert alice.http.delete(path, headers=alice.headers).status_code == 404
    assert alice.get(f"/api/agents/{agent.agent_id}/sessions").json == []
    assert alice.get("/api/handoffs").json == []


def test_a_session_is_of_one_agent_only(alice, agent):
    other = store_agent({}, user_id=alice.user_id, status="active")
    session = say(agent)
    assert alice.get(f"/api/agents/{other.agent_id}/sessions/{session.key}").status_code == 404


def test_a_hand_off_is_read_and_acknowledged(alice, agent):
    session = say(agent, handoff=HANDOFF)
    (listed,) = alice.get("/api/handoffs?status=open").json
    assert (listed["reason"], listed["summary"]) == (HANDOFF["reason"], HANDOFF["summary"])
    say(agent, question="Is anybody there?")
    path = f"/api/handoffs/{listed['handoffId']}"
    assert [t["question"] for t in alice.get(path).json["transcript"]] == [
        "Hello?",
        "Is anybody there?",
    ]

    done = alice.http.post(f"{path}:acknowledge", headers=alice.headers)
    assert (done.status_code, done.json["status"]) == (200, "acknowledged")
    again = alice.http.post(f"{path}:acknowledge", headers=alice.headers)
    assert (again.status_code, again.json["code"]) == (409, "wrong_state")
    assert alice.get("/api/handoffs?status=open").json == []
    read = alice.get(f"/api/agents/{agent.agent_id}/sessions/{session.key}").json
    assert (read["handoffStatus"], read["handoffIds"]) == ("acknowledged", [listed["handoffId"]])


def test_what_is_running_can_be_asked_for_at_once(alice, agent):
    session = say(agent)
    headers = alice.headers | {"Accept": "application/json"}
    answer = alice.http.get(f"/api/agents/{agent.agent_id}/sessions:watch", headers=headers)
    assert [shown["sessionKey"] for shown in answer.json] == [session.key]


def read_events(answer):
    """(name, data) of each event as it comes."""
    name = ""
    for line in answer.iter_lines(decode_unicode=True):
        field, _, value = line.partition(": ")
        name = value if field == "event" else name
        if field == "data":
            yield name, json.loads(value)


def test_running_sessions_are_watched(alice, agent, address, configure):
    configure(EVENT_POLL_SECONDS=0.05)
    session = say(agent)
    url = f"{address}/api/agents/{agent.agent_id}/sessions:watch"
    with requests.get(url, headers=alice.headers, stream=True, timeout=60) as answer:
        events = read_events(answer)
        name, shown = next(events)
        assert (name, shown["sessionKey"], shown["turns"]) == ("session", session.key, 1)
        say(agent, question="More?", handoff=HANDOFF)
        name, shown = next(events)
        assert (name, shown["turns"], shown["handoffStatus"]) == ("session", 2, "open")
        path = f"/api/agents/{agent.agent_id}/sessions/{session.key}"
        alice.http.delete(path, headers=alice.headers)
        assert next(events) == ("ended", {"sessionKey": session.key})
