"""What of a request for a WebSocket reaches the agent, and how a conversation ends."""

from __future__ import annotations

import socket
import time

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from local.aws.agentcore.websockets import build_upgrade, is_upgrade, pump
from local.aws.errors import ValidationException

ARN = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/a-1234567890"
SESSION = "s" * 33
SESSION_NAME = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


def make_request(path: str = f"/runtimes/{ARN}/ws", query: str = "", **headers: str) -> Request:
    given = {"Upgrade": "websocket"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return Request(EnvironBuilder(path=path, query_string=query, headers=given).get_environ())


def lines_of(request: Request) -> list[str]:
    return build_upgrade(request).decode().split("\r\n")


@pytest.mark.parametrize("path", [f"/runtimes/{ARN}/invocations", "/ws", "/bucket/ws"])
def test_other_paths_are_not_ours(path):
    assert not is_upgrade(make_request(path).environ)


def test_without_upgrade_it_is_a_plain_request():
    assert is_upgrade(make_request().environ)
    assert not is_upgrade(make_request(Upgrade="h2c").environ)


def test_the_agent_gets_the_handshake_and_the_session_but_no_signature():
    request = make_request(
        query=f"{SESSION_NAME}={SESSION}&X-Amz-Signature=abc",
        Sec_WebSocket_Key="key",
        Authorization="AWS4-HMAC-SHA256 secret",
        **{"X-Amzn-Bedrock-AgentCore-Runtime-Custom-Line": "7"},
    )
    lines = lines_of(request)
    assert lines[0] == "GET /ws HTTP/1.1"
    assert f"{SESSION_NAME}: {SESSION}" in lines
    assert "Sec-WebSocket-Key: key" in lines
    assert "x-amzn-bedrock-agentcore-runtime-custom-line: 7" in lines
    assert not [line for line in lines if "secret" in line or "Signature" in line]


def test_a_session_is_made_up_when_none_is_given():
    [line] = [line for line in lines_of(make_request()) if line.startswith(SESSION_NAME)]
    assert len(line) > 33 + len(SESSION_NAME)


@pytest.mark.parametrize("session", ["short", "s" * 257, "s" * 40 + "%0d%0aX-Evil: 1"])
def test_a_bad_session_id_is_refused(session):
    with pytest.raises(ValidationException):
        build_upgrade(make_request(query=f"{SESSION_NAME}={session}"))


@pytest.fixture
def sides():
    """A client and an agent, each with the end that is carried from and to."""
    pairs = [socket.socketpair(), socket.socketpair()]
    yield pairs
    for end in (*pairs[0], *pairs[1]):
        end.close()


@pytest.mark.parametrize("ended", [0, 1])
def test_the_side_that_has_ended_is_known(sides, ended):
    (client, _), (agent, _) = sides
    sides[ended][1].close()
    assert pump(client, agent, time.monotonic() + 60) is (client, agent)[ended]


def test_an_agent_that_takes_nothing_more_has_ended(sides):
    (client, customer), (agent, program) = sides
    program.shutdown(socket.SHUT_RD)
    customer.sendall(b"Hello?")
    assert pump(client, agent, time.monotonic() + 60) is agent


def test_a_conversation_ends_when_its_time_is_up(sides):
    (client, _), (agent, _) = sides
    assert pump(client, agent, time.monotonic()) is None
