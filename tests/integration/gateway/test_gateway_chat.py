"""A customer's message and its answer: as JSON, as it comes, and when something goes wrong."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection

import httpx
import pytest

from include import records
from include.naming import document_uri
from include.sessions import SessionRef, list_turns, load_history
from include.settings import get_settings
from tests.fake_runtime import DONE, SEARCH, WORDS
from tests.integration.gateway.conftest import read_events, store_active

STREAM = {"Accept": "text/event-stream"}


def session_of(customer, session_id):
    caller = f"key:{customer.key_id}" if customer.key_id else f"tenant:{customer.agent.user_id}"
    return SessionRef(customer.agent.agent_id, session_id, caller)


def cite(agent):
    uri = document_uri(get_settings(), agent.ref, "policies/returns.md")
    return [{"document": uri, "passage": "30 days.", "score": 0.9}]


def test_an_answer_as_json(customer, runtime, agent):
    runtime.script = [SEARCH, *WORDS, DONE | {"citations": cite(agent)}]
    answer = customer.ask()
    body = answer.json()
    session_id = body.pop("sessionId")
    assert (answer.status_code, body) == (
        200,
        {
            "answer": "You have 30 days [1].",
            "citations": [{"document": "policies/returns.md", "passage": "30 days.", "score": 0.9}],
            "handoff": None,
            "usage": {"inputTokens": 11, "outputTokens": 7},
        },
    )
    [call] = runtime.calls
    assert (call["prompt"], call["stream"], call["history"]) == ("How long?", True, [])
    assert session_id not in call["session"]


@pytest.mark.parametrize(("body", "headers"), [({"stream": True}, {}), ({}, STREAM)])
def test_an_answer_as_it_comes(customer, runtime, agent, body, headers):
    runtime.script = [SEARCH, *WORDS, DONE | {"citations": cite(agent)}]
    answer = customer.http.post(
        customer.path(), json={"message": "How long?"} | body, headers=headers
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = read_events(answer)
    assert [name for name, _ in events] == ["session", "tool", "text", "text", "done"]
    assert events[1][1] == {"name": "retrieve"}
    assert "".join(data["text"] for name, data in events if name == "text") == DONE["answer"]
    done = events[-1][1]
    assert done["sessionId"] == events[0][1]["sessionId"]
    assert done["citations"][0]["document"] == "policies/returns.md"
    assert done["usage"] == {"inputTokens": 11, "outputTokens": 7}


def test_tokens_are_there_before_the_answer_is_complete(customer, runtime):
    runtime.script = [*WORDS, "gate", DONE]
    body = {"message": "How long?", "stream": True}
    with customer.http.stream("POST", customer.path(), json=body) as answer:
        lines = answer.iter_lines()
        assert next(line for line in lines if "You have" in line)
        runtime.gate.set()
        assert [line for line in lines if line == "event: done"]


def test_a_session_goes_on_with_its_history(customer, runtime):
    session_id = customer.ask("First").json()["sessionId"]
    assert customer.ask("Second", sessionId=session_id).json()["sessionId"] == session_id
    first, second = runtime.calls
    assert first["session"] == second["session"]
    assert second["history"] == [{"question": "First", "answer": DONE["answer"]}]
    turns = list_turns(session_of(customer, session_id).key)
    assert [(turn.question, turn.input_tokens, turn.key_id) for turn in turns] == [
        ("First", 11, customer.key_id),
        ("Second", 11, customer.key_id),
    ]


def test_the_tenant_is_let_in_with_its_token(tenant, runtime):
    assert tenant.ask().status_code == 200
    assert len(runtime.calls) == 1


def test_a_paused_agent_says_what_its_tenant_wants(customer, agent, runtime):
    records.update_agent(agent.ref, status="paused", paused_message="Back on Monday.")
    answer = customer.ask()
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["code"], body["detail"]) == (
        409,
        "not_active",
        "Back on Monday.",
    )
    assert body["requestId"] == answer.headers["x-request-id"]
    assert runtime.calls == []


def test_why_an_agent_failed_is_not_for_customers(make_customer, runtime):
    failure = {"code": "ingestion_failed", "message": "Mend the SOP."}
    broken = store_active(status="failed", failure=failure)
    answer = make_customer(broken).ask()
    assert (answer.status_code, "Mend" in answer.text) == (409, False)


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        ((424, "RuntimeClientError"), 502, "agent_unavailable"),
        ((500, "InternalServerException"), 502, "agent_unavailable"),
        ((429, "ThrottlingException"), 503, "service_unavailable"),
        ((404, "ResourceNotFoundException"), 502, "agent_unavailable"),
        ((403, "AccessDeniedException"), 502, "agent_unavailable"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_before_the_answer_is_a_problem(customer, runtime, refusal, status, code, stream):
    runtime.refusal = refusal
    answer = customer.ask(stream=stream)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ([], "broke off"),
        ([{"type": "error", "message": "It could not search."}], "It could not search."),
        ([b"data: nonsense\n\n"], "not JSON"),
    ],
)
def test_what_goes_wrong_in_mid_answer_is_an_event(customer, runtime, end, words):
    runtime.script = [*WORDS, *end]
    events = read_events(customer.ask(stream=True))
    assert [name for name, _ in events] == ["session", "text", "text", "error"]
    problem = events[-1][1]
    assert (problem["status"], problem["code"]) == (502, "agent_unavailable")
    assert words in problem["detail"]
    assert customer.ask().status_code == 502


def test_a_session_survives_an_answer_that_broke_off(customer, runtime):
    session_id = customer.ask("First").json()["sessionId"]
    runtime.script = [*WORDS]
    customer.ask("Second", sessionId=session_id, stream=True)
    runtime.script = [DONE]
    assert customer.ask("Third", sessionId=session_id).status_code == 200
    assert [turn["question"] for turn in runtime.calls[-1]["history"]] == ["First"]
    turns = list_turns(session_of(customer, session_id).key)
    assert [(turn.question, turn.answer, turn.error) for turn in turns] == [
        ("First", DONE["answer"], None),
        ("Second", "You have 30 days [1].", "agent_unavailable"),
        ("Third", DONE["answer"], None),
    ]


def test_silence_is_filled_and_ends_in_a_time_out(runtime, start_gateway, make_customer, agent):
    url = start_gateway(
        ANSWER_KEEPALIVE_SECONDS=0.05, ANSWER_SECONDS=0.5, RATE_LIMIT_KEY="1000/minute"
    )
    customer = make_customer(agent)
    runtime.script = [WORDS[0], "gate", DONE]
    answer = httpx.post(
        url + customer.path(), json={"message": "Hi", "stream": True}, headers=customer.headers
    )
    assert ": still here" in answer.text
    assert read_events(answer)[-1][1]["code"] == "agent_timed_out"
    assert runtime.canceled.wait(timeout=10)
    answer = httpx.post(url + customer.path(), json={"message": "Hi"}, headers=customer.headers)
    assert (answer.status_code, answer.json()["code"]) == (504, "agent_timed_out")


def test_a_silent_agent_is_given_up(runtime, start_gateway, make_customer, agent):
    url = start_gateway(ANSWER_SILENCE_SECONDS=0.3, RATE_LIMIT_KEY="1000/minute")
    customer = make_customer(agent)
    runtime.script = [WORDS[0], "gate", DONE]
    answer = httpx.post(
        url + customer.path(), json={"message": "Hi", "stream": True}, headers=customer.headers
    )
    assert read_events(answer)[-1][1]["code"] == "agent_timed_out"


@pytest.mark.parametrize("stream", [True, False])
def test_the_agent_s_call_ends_when_the_client_goes(customer, runtime, stream):
    runtime.script = [*WORDS, "gate", DONE]
    session_id = "session-of-one-who-left"
    body = {"message": "How long?", "stream": stream, "sessionId": session_id}
    if stream:
        with customer.http.stream("POST", customer.path(), json=body) as answer:
            next(line for line in answer.iter_lines() if "You have" in line)
    else:
        address, headers = httpx.URL(customer.url), {"Content-Type": "application/json"}
        connection = HTTPConnection(address.host, address.port)
        connection.request("POST", customer.path(), json.dumps(body), headers | customer.headers)
        while not runtime.calls:
            time.sleep(0.01)
        connection.close()
    assert runtime.canceled.wait(timeout=10)
    assert load_history(session_of(customer, session_id)) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[" * 5000, 400),
        (b"{}", 422),
        (json.dumps({"message": " "}).encode(), 422),
        (json.dumps({"message": "x" * 4001}).encode(), 422),
        (json.dumps({"message": "x", "sessionId": "../x"}).encode(), 422),
        (json.dumps({"message": "x", "more": 1}).encode(), 422),
        (b'"' + b"x" * 1024 * 1024 + b'"', 413),
    ],
)
def test_bodies_that_are_no_message(customer, runtime, body, status):
    answer = customer.http.post(customer.path(), content=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert runtime.calls == []


def test_paths_and_verbs_there_are_none_of(customer):
    assert customer.http.get(customer.path()).status_code == 405
    answer = customer.http.get("/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert httpx.get(f"{customer.url}/health").json() == {"status": "ok"}
