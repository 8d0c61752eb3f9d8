"""Calls through the gateway, with an agent that runs and hears and speaks tones."""

from __future__ import annotations

import io
import os
import signal
import wave
from typing import Any

import pytest

from include.keys import Scope, create_key
from include.models import AgentType
from include.sessions import find_session
from local.aws.models.tone_speech import speak
from tests.caller import INPUT_RATE
from tests.fakes import StandIn
from tests.integration.gateway.test_real_agent import find_pid, watch_model
from tests.integration.test_voice import QUESTION, deploy
from tests.phone import Client, read_end

SESSION = "the-call-of-a-customer"


@pytest.fixture(scope="module")
def voice_agent(stand_in_url):
    StandIn(stand_in_url).apply_template()
    return deploy(agent_type=AgentType.BOTH, status="active")


@pytest.fixture
def gateway(start_gateway):
    return start_gateway(RATE_LIMIT_KEY="1000000/minute")


@pytest.fixture
def make_client(gateway, voice_agent):
    def make(agent: Any = voice_agent, *scopes: Scope) -> Client:
        key, token = create_key(agent, "A phone", list(scopes) or [Scope.VOICE])
        return Client(gateway, agent, token, key.key_id)

    return make


@pytest.fixture
def client(make_client):
    return make_client()


def record_wav(text: str) -> bytes:
    """A WAV file, 16 kHz and mono, in which this is said."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, INPUT_RATE, 0, "NONE", ""))
        sound.writeframes(speak(text, INPUT_RATE))
    return file.getvalue()


def test_a_spoken_question_is_answered_from_a_document(client):
    with client.call(SESSION) as phone:
        assert phone.session == {"type": "session", "sessionId": SESSION}
        assert phone.ready["inputSampleRate"] == 16_000
        assert phone.ready["outputSampleRate"] == 24_000
        phone.play(record_wav(QUESTION))
        frames = phone.hear_until("done")
    done = frames[-1]
    assert "30 days" in done["answer"]
    assert phone.understand(frames) == done["answer"]
    said = [(f["role"], f["text"]) for f in frames if f["type"] == "transcript" and f["final"]]
    assert said == [("user", QUESTION), ("assistant", done["answer"])]
    [citation] = done["citations"]
    assert citation["document"] == "returns.md"
    assert "30 days" in citation["passage"]
    [turn] = client.turns(SESSION)
    assert (turn.question, turn.answer) == (QUESTION, done["answer"])
    assert (turn.channel, turn.key_id, turn.error) == ("voice", client.key_id, None)
    assert turn.citations == done["citations"]


def test_whoever_speaks_interrupts(client):
    with client.call() as phone:
        phone.send({"type": "text", "text": "What does winter storage include?"})
        phone.hear_until("audio")
        phone.say("How long may I return a helmet?")
        phone.hear_until("interrupted")
        rest = []
        while not any(frame.get("role") == "user" for frame in rest):
            rest.append(phone.hear())
        assert "audio" not in [frame["type"] for frame in rest]
        answer = phone.hear_until("done")[-1]
    assert "90 days" in answer["answer"]
    first, second = client.turns(phone.session["sessionId"])
    assert first.question == "What does winter storage include?"
    assert second.question == "How long may I return a helmet?"
    assert "90 days" in second.answer


def test_a_killed_agent_is_told_and_the_session_goes_on(client, monkeypatch):
    with client.call() as phone:
        session_id = phone.session["sessionId"]
        first = phone.type(QUESTION)
        phone.send({"type": "text", "text": "What does winter storage include?"})
        phone.hear_until("audio")
        os.kill(find_pid(client.agent), signal.SIGKILL)
        code, frame = read_end(phone.socket)
    assert (code, frame["type"], frame["code"]) == (4502, "error", "agent_unavailable")
    assert "broke off" in frame["message"]
    asked = watch_model(monkeypatch)
    with client.call(session_id) as phone:
        assert "90 days" in phone.type("How long may I return a helmet?")["answer"]
    said = [block.get("text") for message in asked[0]["messages"] for block in message["content"]]
    assert said == [QUESTION, first["answer"], "How long may I return a helmet?"]
    assert [turn.error for turn in client.turns(session_id)] == [None, "agent_unavailable", None]


def test_a_person_is_asked_for(client):
    with client.call() as phone:
        done = phone.type("I want to speak to a human.")
    assert done["handoff"]["reason"]
    ref = client.ref(phone.session["sessionId"])
    session = find_session(ref.agent_id, ref.key)
    assert session.open_handoff_id
    assert session.channel == "voice"


def test_a_browser_names_its_key_as_a_protocol(client):
    protocols = ["oratio", f"oratio.token.{client.token}"]
    with client.call(additional_headers={}, subprotocols=protocols) as phone:
        assert phone.socket.subprotocol == "oratio"
        assert "90 days" in phone.type("How long may I return a helmet?")["answer"]
