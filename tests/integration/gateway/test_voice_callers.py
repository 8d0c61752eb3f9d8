"""Who may call, for how long and how often; what becomes of callers who do not read."""

from __future__ import annotations

import json
import os
import socket
import time
from itertools import repeat
from typing import Any

import pytest
from websockets.sync.client import connect

from include.keys import Scope, create_key, revoke_key
from include.models import AgentType
from include.sessions import SessionRef, list_turns
from local.tokens import make_token
from tests.fake_runtime import READY
from tests.integration.gateway.conftest import store_active
from tests.integration.gateway.test_customers import expire
from tests.phone import Client, read_end

SESSION = "the-same-session-id"
SILENCE = {"type": "audio", "audio": "AAAA" * 8}
SOUND = {"type": "audio", "audio": "AAAA" * 8_000}
DONE = {"type": "done", "answer": "Thirty days.", "citations": [], "handoff": None}
ASKED = {"type": "transcript", "role": "user", "text": "How long?", "final": True}


@pytest.fixture
def speaker(stand_in):
    return store_active(agent_type=AgentType.VOICE)


@pytest.fixture
def dial(runtime, start_gateway):
    """`dial(agent, CALL_SECONDS=1)`: a client with a key of its own; one gateway a test."""
    urls: list[str] = []

    def make(agent: Any, scope: Scope = Scope.VOICE, **settings: Any) -> Client:
        urls.append(urls[0] if urls else start_gateway(**settings))
        key, token = create_key(agent, "A phone", [scope])
        return Client(urls[0], agent, token, key.key_id)

    return make


def test_keys_that_open_no_line(speaker, dial, runtime):
    client = dial(speaker)
    foreign = store_active(agent_type=AgentType.VOICE)
    tokens = {
        "revoked": create_key(speaker, "r", [Scope.VOICE]),
        "expired": create_key(speaker, "e", [Scope.VOICE]),
        "another agent's": create_key(foreign, "f", [Scope.VOICE]),
        "wrong scope": create_key(speaker, "c", [Scope.CHAT]),
    }
    revoke_key(speaker.agent_id, tokens["revoked"][0].key_id)
    expire(tokens["expired"][0].key_id, speaker)
    for fault, (_, token) in tokens.items():
        code, frame = Client(client.url_of_gateway, speaker, token).refused()
        wanted = (4403, "forbidden") if fault == "wrong scope" else (4401, "unauthorized")
        assert (code, frame["code"]) == wanted, fault
    for token in ("", "x", client.token[:-1], make_token("mallory", "x" * 64)):
        assert Client(client.url_of_gateway, speaker, token).refused()[0] == 4401
    stranger = make_token("mallory", os.environ["JWT_SECRET"])
    assert Client(client.url_of_gateway, speaker, stranger).refused()[0] == 4404
    assert runtime.calls == []


def test_a_key_in_the_address_opens_nothing(speaker, dial, runtime):
    client = dial(speaker)
    with connect(f"{client.url}?token={client.token}&key={client.token}") as line:
        assert read_end(line)[0] == 4401
    assert runtime.calls == []


def test_the_tenant_may_call(speaker, dial, runtime):
    token = make_token(speaker.user_id, os.environ["JWT_SECRET"])
    with Client(dial(speaker).url_of_gateway, speaker, token).call() as phone:
        assert phone.ready == READY


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        ({"agent_type": AgentType.TEXT}, 4422, "no_voice"),
        ({"agent_type": AgentType.VOICE, "status": "paused"}, 4409, "not_active"),
        ({"agent_type": AgentType.VOICE, "status": "creating"}, 4409, "not_active"),
    ],
)
def test_agents_that_cannot_be_called(stand_in, dial, runtime, changes, code, reason):
    client = dial(store_active(**changes, paused_message="Back at nine."))
    got, frame = client.refused()
    assert (got, frame["code"]) == (code, reason)
    assert (frame["message"] == "Back at nine.") == (changes.get("status") == "paused")
    assert runtime.calls == []


def test_a_session_id_out_of_form(speaker, dial, runtime):
    assert dial(speaker).refused("short")[0] == 4422
    assert runtime.calls == []


def test_customers_never_share_a_session(speaker, dial, runtime):
    runtime.frames = [READY, ASKED, DONE]
    first, second = dial(speaker), dial(speaker)
    for client in (first, second):
        with client.call(SESSION) as phone:
            phone.hear_until("done")
    assert [len(client.turns(SESSION)) for client in (first, second)] == [1, 1]
    with first.call(SESSION) as phone:
        phone.hear_until("done")
    sessions = [call["session"] for call in runtime.calls]
    assert sessions[0] == sessions[2] != sessions[1]
    reminder = {"question": "How long?", "answer": "Thirty days."}
    assert [call["history"] for call in runtime.calls] == [[], [], [reminder]]
    unnamed = SessionRef(speaker.agent_id, SESSION, "")
    assert list_turns(unnamed.key) == []


def test_too_many_calls(speaker, dial):
    client = dial(speaker, MAX_CALLS_PER_CALLER=1, MAX_CALLS=2)
    other, third = dial(speaker), dial(speaker)
    with client.call():
        code, frame = client.refused()
        assert (code, frame["code"], frame["retryAfterSeconds"]) == (4429, "too_many_requests", 30)
        with other.call():
            code, frame = third.refused()
            assert (code, frame["code"]) == (4503, "service_unavailable")
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            with client.call() as phone:
                assert phone.ready == READY
                return
        except KeyError:
            time.sleep(0.05)
    pytest.fail("a call that has ended still counts")


def test_typed_messages_count(speaker, dial):
    with dial(speaker, RATE_LIMIT_KEY="3/minute").call() as phone:
        for _ in range(3):
            phone.send({"type": "text", "text": "Hello"})
        assert read_end(phone.socket)[0] == 4429


def test_a_call_that_takes_too_long(speaker, dial, runtime):
    with dial(speaker, CALL_SECONDS="0.5").call() as phone:
        code, frame = read_end(phone.socket)
    assert (code, frame["code"]) == (4408, "call_too_long")
    assert runtime.canceled.wait(10)


def test_a_call_in_which_nothing_is_sent(speaker, dial):
    with dial(speaker, CALL_IDLE_SECONDS="0.5").call() as phone:
        code, frame = read_end(phone.socket)
    assert (code, frame["code"]) == (4408, "call_idle")


def test_a_key_revoked_during_a_call(speaker, dial):
    client = dial(speaker, CALL_CHECK_SECONDS="0.2")
    with client.call() as phone:
        revoke_key(speaker.agent_id, client.key_id)
        assert read_end(phone.socket)[0] == 4401


@pytest.mark.parametrize(
    "frame",
    [
        "no JSON",
        b"\0\0",
        "[]",
        '{"type": "start", "history": []}',
        '{"type": "audio", "audio": "AAA"}',
        '{"type": "audio", "audio": 7}',
        '{"type": "audio", "audio": "\u00e9"}',
        '{"type": "text", "text": " "}',
        json.dumps({"type": "text", "text": "x" * 4_001}),
        "[" * 50_000,
    ],
)
def test_frames_that_never_reach_the_agent(speaker, dial, runtime, frame):
    with dial(speaker).call() as phone:
        phone.send(SILENCE)
        phone.socket.send(frame)
        code, last = read_end(phone.socket)
    assert (code, last["code"]) == (4422, "invalid_input")
    assert runtime.canceled.wait(10)
    assert runtime.heard == [SILENCE]


def test_a_caller_who_does_not_read(speaker, dial, runtime):
    runtime.frames = repeat(SOUND)
    client = dial(speaker, CALL_STALL_SECONDS=1, CALL_OUTBOX_BYTES=200_000)
    with dial_and_sleep(client):
        assert runtime.canceled.wait(30)  # hung up, before an unanswered ping would do it
    held = runtime.frames_sent * len(SOUND["audio"])
    assert held < 30_000_000  # what sockets on the way hold, and the outbox


def dial_and_sleep(client: Client) -> socket.socket:
    """A connection whose other end is never read from."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.connect(("127.0.0.1", int(client.url.split(":")[2].split("/")[0])))
    lines = [
        f"GET /agents/{client.agent.agent_id} HTTP/1.1",
        "Host: gateway",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        f"Authorization: Bearer {client.token}",
    ]
    line.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return line


def test_sound_that_was_not_sent_is_dropped_when_the_caller_cuts_in(speaker, dial, runtime):
    runtime.frames = [READY, SOUND, "gate", {"type": "interrupted"}, DONE]
    with dial(speaker).call() as phone:
        phone.hear_until("audio")
        runtime.gate.set()
        assert [frame["type"] for frame in phone.hear_until("done")] == ["interrupted", "done"]


def test_an_agent_that_fails(speaker, dial, runtime):
    runtime.frames = [READY, ASKED, {"type": "error", "message": "The agent failed."}]
    client = dial(speaker)
    with client.call(SESSION) as phone:
        code, frame = read_end(phone.socket)
    assert (code, frame["code"], frame["message"]) == (
        4502,
        "agent_unavailable",
        "The agent failed.",
    )
    assert [turn.error for turn in client.turns(SESSION)] == ["agent_unavailable"]


def test_nothing_secret_is_logged(speaker, dial, caplog):
    caplog.set_level("INFO")
    client = dial(speaker)
    with client.call(SESSION, additional_headers={}, subprotocols=client.protocols) as phone:
        phone.send({"type": "text", "text": "A secret question"})
    until = time.monotonic() + 10
    while not any(each.message == "request" for each in caplog.records):
        assert time.monotonic() < until
        time.sleep(0.01)
    [line] = [each for each in caplog.records if each.message == "request"]
    assert (line.route, line.method, line.key_id) == (
        "/agents/{agent_id}",
        "WEBSOCKET",
        client.key_id,
    )
    ours = [
        str(each.__dict__)
        for each in caplog.records
        if each.name.startswith(("gateway", "include"))
    ]
    assert ours
    for secret in (client.token, "Amz-Signature", "A secret question"):
        assert not any(secret in each for each in ours), secret
