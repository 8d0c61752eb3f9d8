"""The gateway before an agent that runs: its process may be killed in the middle of an answer."""

from __future__ import annotations

import json
import os
import signal
import threading
from typing import Any

import pytest
from openai import OpenAI

from include.keys import Scope, create_key
from include.sessions import SessionRef, list_turns
from local.aws.agentcore.processes import PROCESSES
from local.aws.models import local_model
from local.aws.models.converse import Text
from tests.creation import create
from tests.integration.gateway.conftest import Customer, read_events

HOURS = ("hours.md", b"# Hours\n\nThe shop opens at nine and closes at six.\n")
QUESTION = "When does the shop open?"

pytestmark = pytest.mark.usefixtures("no_airflow")


@pytest.fixture
def customer(sign_in, start_gateway):
    """A customer of an agent that was made step by step and runs."""
    agent = create(sign_in(), HOURS)
    key, token = create_key(agent, "Shop", [Scope.CHAT])
    return Customer(start_gateway(), agent, token, key.key_id)


@pytest.fixture
def slow_model(monkeypatch):
    """From now on the model stops after two words, until the test lets it go on."""
    gate = threading.Event()

    def reply(request: Any) -> Any:
        yield Text("It opens ")
        gate.wait(timeout=60)

    yield lambda: monkeypatch.setattr(local_model, "reply", reply)
    gate.set()


def find_pid(agent):
    agents = PROCESSES.agents.items()
    [pid] = [each.process.pid for key, each in agents if key[0] == agent.agentcore_agent_id]
    return pid


def test_a_kill_in_mid_answer_is_told_and_the_session_goes_on(customer, slow_model, monkeypatch):
    first = customer.ask(QUESTION).json()
    assert "nine" in first["answer"]
    assert first["citations"][0]["document"] == "hours.md"
    assert first["usage"]["inputTokens"] > 0
    slow_model()
    body = {"message": "And when does it close?", "sessionId": first["sessionId"], "stream": True}
    with customer.http.stream("POST", customer.path(), json=body) as answer:
        lines = answer.iter_lines()
        assert next(line for line in lines if "It opens" in line)
        killed = find_pid(customer.agent)
        os.kill(killed, signal.SIGKILL)
        told = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert [(each.get("code"), each.get("status")) for each in told] == [("agent_unavailable", 502)]
    monkeypatch.undo()
    seen = watch_model(monkeypatch)
    again = customer.ask("When does it close?", sessionId=first["sessionId"])
    assert again.status_code == 200, again.text
    assert find_pid(customer.agent) != killed
    said = [block.get("text") for message in seen[0]["messages"] for block in message["content"]]
    assert said == [QUESTION, first["answer"], "When does it close?"]
    ref = SessionRef(customer.agent.agent_id, first["sessionId"], f"key:{customer.key_id}")
    assert [turn.error for turn in list_turns(ref.key)] == [None, "agent_unavailable", None]


def watch_model(monkeypatch):
    """What the model is asked from now on."""
    seen = []
    reply = local_model.reply

    def watched(request: Any) -> Any:
        seen.append(request)
        return reply(request)

    monkeypatch.setattr(local_model, "reply", watched)
    return seen


def test_openai_s_client_streams_a_conversation(customer):
    base_url = f"{customer.url}{customer.path('v1')}"
    messages: list[Any] = []
    with OpenAI(base_url=base_url, api_key=customer.token) as client:
        for question, word in ((QUESTION, "nine"), ("When does the shop close?", "six")):
            messages.append({"role": "user", "content": question})
            stream = client.chat.completions.create(model="any", messages=messages, stream=True)
            text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
            assert word in text
            messages.append({"role": "assistant", "content": text})


def test_tool_activity_and_citations_as_they_come(customer):
    events = read_events(customer.ask(QUESTION, stream=True))
    names = [name for name, _ in events]
    assert names[:2] == ["session", "tool"]
    assert set(names[2:-1]) == {"text"}
    assert events[-1][1]["citations"][0]["document"] == "hours.md"
    assert events[-1][1]["citations"][0]["score"] > 0
