"""An agent's events: complete, in order, numbered once and for all, and streamed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from api.events import get_permits
from include import events, records, steps
from include.errors import IngestionFailedError, NotReadyError
from include.events import number_events
from include.fences import agent_key
from include.lifecycle import delete_agent
from include.models import Step, StepStatus
from include.steps import fail_agent, run_step
from tests.fakes import knowledge_base_of, reload, store_agent
from tests.http_server import serve_wsgi

MAX_EVENTS = 20
STEP = Step(status=StepStatus.RUNNING, attempt=1, started_at="2026-01-01T00:00:00.000+00:00")


@pytest.fixture
def alice(sign_in, configure):
    configure(EVENT_POLL_SECONDS=0.05)
    return sign_in()


@pytest.fixture
def address(alice):
    """The intake over real HTTP."""
    get_permits.cache_clear()
    with serve_wsgi(alice.http.application) as address:
        yield address
    get_permits.cache_clear()


def work(agent, redo):
    pass


def wait(agent, redo):
    raise NotReadyError("Not yet.", "probe", {})


def fail(agent, redo):
    raise IngestionFailedError("No document could be read.")


def read_json(caller, agent, last_id=None):
    headers = caller.headers | {"Accept": "application/json"}
    headers |= {"Last-Event-ID": str(last_id)} if last_id is not None else {}
    answer = caller.http.get(f"/api/agents/{agent.agent_id}/events", headers=headers)
    assert answer.status_code == 200
    return answer.json


def open_stream(caller, address, agent, last_id=None):
    headers = caller.headers | ({"Last-Event-ID": str(last_id)} if last_id is not None else {})
    path = f"{address}/api/agents/{agent.agent_id}/events"
    return requests.get(path, headers=headers, stream=True, timeout=60)


def read_stream(answer):
    """The events of a stream that ends, and its raw text."""
    text = answer.content.decode()
    found = []
    for message in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in message.splitlines() if line[0] != ":")
        if "data" in fields:
            event = json.loads(fields["data"])
            assert (fields["id"], fields["event"]) == (str(event["id"]), event["type"])
            found.append(event)
    return found, text


def run(agent):
    """A whole run: a step that waits, fails and is retried, then the end."""
    with pytest.raises(NotReadyError):
        run_step(agent.ref, "ingest_documents", 1, wait)
    with pytest.raises(IngestionFailedError):
        run_step(agent.ref, "ingest_documents", 1, fail)
    fail_agent(agent.ref)
    run_step(agent.ref, "ingest_documents", 2, work)
    records.update_agent(agent.ref, status="active", failure=None, dispatch=None)


EXPECTED = [
    ("status", "creating", None, None),
    ("step", "running", "ingest_documents", 1),
    ("step", "waiting", "ingest_documents", 1),
    ("step", "running", "ingest_documents", 1),
    ("step", "failed", "ingest_documents", 1),
    ("status", "failed", None, None),
    ("status", "creating", None, None),
    ("step", "running", "ingest_documents", 2),
    ("step", "succeeded", "ingest_documents", 2),
    ("status", "active", None, None),
]


def brief(events):
    return [(e["type"], e["status"], e["step"], e["attempt"]) for e in events]


def test_everything_that_happens_is_told_in_order(alice):
    agent = store_agent(user_id=alice.user_id)
    run(agent)
    events = read_json(alice, agent)
    assert brief(events) == EXPECTED
    assert [event["id"] for event in events] == list(range(1, 11))
    error = {"code": "ingestion_failed", "message": "No document could be read."}
    assert [event["error"] for event in events if event["error"]] == [error, error]
    assert read_json(alice, agent, last_id=8) == events[8:]
    assert read_json(alice, agent, last_id=99) == []


def test_a_run_is_watched_to_its_end(alice, address):
    agent = store_agent(user_id=alice.user_id)
    answer = open_stream(alice, address, agent)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    run(agent)
    # The stream may end at the first `failed`; a client then resumes, or is told that all is said.
    events, _ = read_stream(answer)
    rest = open_stream(alice, address, agent, last_id=events[-1]["id"])
    events += read_stream(rest)[0]
    assert brief(events) == EXPECTED


def test_a_client_that_has_everything_is_sent_away(alice, address):
    agent = store_agent(user_id=alice.user_id, status="active")
    events, _ = read_stream(open_stream(alice, address, agent))
    assert [event["status"] for event in events] == ["active"]
    assert open_stream(alice, address, agent, last_id=1).status_code == 204


def test_a_silent_stream_beats(alice, address, configure):
    configure(EVENT_POLL_SECONDS=0.05, EVENT_HEARTBEAT_SECONDS=0.05, EVENT_STREAM_SECONDS=1)
    agent = store_agent(user_id=alice.user_id)
    events, text = read_stream(open_stream(alice, address, agent))
    assert len(events) == 1
    assert "\n: still here\n" in text
    assert text.startswith("retry: ")


def test_a_stream_ends_with_its_agent(alice, address):
    agent = store_agent(user_id=alice.user_id)
    answer = open_stream(alice, address, agent)
    delete_agent(reload(agent), knowledge_base_of(agent))
    events, _ = read_stream(answer)
    assert len(events) == 1
    assert open_stream(alice, address, agent).status_code == 404


def test_streams_leave_threads_for_others(alice, address, configure):
    configure(MAX_EVENT_STREAMS=2, EVENT_POLL_SECONDS=0.05)
    agent = store_agent(user_id=alice.user_id)
    streams = [open_stream(alice, address, agent) for _ in range(2)]
    refused = open_stream(alice, address, agent)
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert len(read_json(alice, agent)) == 1
    assert requests.head(refused.url, headers=alice.headers, timeout=60).status_code == 503
    records.update_agent(agent.ref, status="failed", dispatch=None)
    for stream in streams:
        read_stream(stream)
    for _ in range(3):  # HEAD and GET give their permits back
        assert requests.head(refused.url, headers=alice.headers, timeout=60).status_code == 200
        assert len(read_stream(open_stream(alice, address, agent))[0]) == 2


@pytest.mark.parametrize("last_id", ["-1", "x", "1.0", "٣", "9" * 40])
def test_ids_that_are_none(alice, last_id):
    agent = store_agent(user_id=alice.user_id)
    headers = alice.headers | {"Last-Event-ID": last_id.encode().decode("latin-1")}
    answer = alice.http.get(f"/api/agents/{agent.agent_id}/events", headers=headers)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "Last-Event-ID"


def test_only_the_latest_are_kept_and_numbers_never_repeat(stand_in, monkeypatch):
    monkeypatch.setattr(events, "MAX_EVENTS", MAX_EVENTS)
    monkeypatch.setattr(events, "EVENTS_DROPPED", 5)
    monkeypatch.setattr(steps, "MAX_EVENTS", MAX_EVENTS)
    agent = store_agent()
    seen = {}
    for _ in range(MAX_EVENTS):
        run_step(agent.ref, "generate_code", 1, work)
        for number, event in number_events(reload(agent)):
            assert seen.setdefault(number, event) == event
    current = reload(agent)
    assert len(current.events) <= MAX_EVENTS + 2
    assert current.event_count == 1 + 2 * MAX_EVENTS == max(seen)


def test_steps_at_the_same_time_get_their_own_numbers(stand_in):
    agent = store_agent()
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda n: records.record_step(agent.ref, f"s{n}", STEP), range(24)))
    numbered = number_events(reload(agent))
    assert [number for number, _ in numbered] == list(range(1, 26))
    assert {event.step for _, event in numbered} == {None, *(f"s{n}" for n in range(24))}


def test_a_write_that_comes_again_is_told_once(alice, faults):
    agent = store_agent(user_id=alice.user_id)
    faults.put({"kind": "timeout_after_success", "operation": "UpdateItem", "count": 1})
    records.record_step(agent.ref, "activate", STEP)
    records.record_step(agent.ref, "activate", STEP, status="failed", dispatch=None)
    assert [event["id"] for event in read_json(alice, agent)] == [1, 2, 4, 5]


def test_a_client_that_lacks_only_what_came_again_is_told_to_stop(alice, faults):
    agent = store_agent(user_id=alice.user_id)
    records.update_agent(agent.ref, status="failed", dispatch=None)
    faults.put({"kind": "timeout_after_success", "operation": "UpdateItem", "count": 1})
    records.record_step(agent.ref, "activate", STEP)
    last_id = read_json(alice, agent)[-1]["id"]
    assert last_id < reload(agent).event_count
    headers = alice.headers | {"Last-Event-ID": str(last_id)}
    answer = alice.http.get(f"/api/agents/{agent.agent_id}/events", headers=headers)
    assert answer.status_code == 204


def test_a_record_from_before_there_were_events(stand_in):
    agent = store_agent()
    records.client("dynamodb").update_item(
        **agent_key(agent.ref), UpdateExpression="REMOVE events, eventCount"
    )
    assert number_events(reload(agent)) == []
    run_step(agent.ref, "generate_code", 1, work)
    assert [number for number, _ in number_events(reload(agent))] == [1, 2]
