"""A voice agent from its bundle to a conversation: the files that AWS gets, run by the stand-in."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from include.creator.publish import publish_code
from include.documents import read_code
from include.knowledge.bases import ensure_knowledge_base
from include.knowledge.ingestion import ingest_documents
from include.models import AgentType
from include.naming import document_uri
from include.runtime.bundle import read_bundle
from include.runtime.deploy import deploy_runtime
from include.runtime.invoke import invoke_agent
from include.settings import get_settings
from tests.caller import SESSION, SESSION_PARAMETER, call, presign
from tests.fakes import StandIn, reload, settle, store_agent

RETURNS = (
    b"# Returns\n\nBicycles may be returned within 30 days. Helmets may be returned for 90 days."
)
# Takes ten seconds to say: whoever interrupts it is in time, however busy the machine.
STORAGE = (
    "Winter storage of a bicycle includes "
    + ", ".join(f"care of part {n}" for n in range(35))
    + "."
)
DOCUMENTS = {"returns.md": RETURNS, "storage.md": f"# Winter storage\n\n{STORAGE}".encode()}
QUESTION = "How long may I return a bicycle?"
STEPS = (
    ensure_knowledge_base,
    lambda agent: ingest_documents(agent, False),
    publish_code,
    lambda agent: deploy_runtime(agent, redo=False),
)


def deploy(**changes):
    agent = store_agent(DOCUMENTS, **changes)
    for step in STEPS:
        settle(agent, step)
    return reload(agent)


@pytest.fixture(scope="module")
def voice_agent(stand_in_url):
    StandIn(stand_in_url).apply_template()
    return deploy(
        agent_type=AgentType.BOTH,
        voice_config={"voice": "amy", "greeting": "Hello, the desk here.", "sampleRate": 16000},
    )


@pytest.fixture
def address(voice_agent, stand_in_url):
    return presign(stand_in_url, voice_agent.agentcore_agent_arn)


def test_what_is_deployed(voice_agent):
    code = voice_agent.code
    content = read_code(code.code_s3_key, code.code_s3_version)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["agent.json", "agent_file.py", "agent_voice.py"]
        config = json.loads(archive.read("agent.json"))
    assert config["voice"] == {
        "modelId": "amazon.nova-2-sonic-v1:0",
        "voice": "amy",
        "sampleRate": 16000,
        "bargeIn": True,
        "greets": True,
    }
    assert "greeting: Hello, the desk here." in config["systemPrompt"]


def test_a_spoken_question_is_answered_from_the_tenant_s_document(voice_agent, address):
    with call(address) as caller:
        assert caller.ready == {
            "type": "ready",
            "format": "pcm",
            "inputSampleRate": 16000,
            "outputSampleRate": 16000,
        }
        greeting = caller.hear_until("done")
        assert greeting[-1]["answer"] == "Hello, the desk here."
        assert caller.understand(greeting) == "Hello, the desk here."

        caller.say(QUESTION)
        frames = caller.hear_until("done")
    transcripts = [
        (f["role"], f["text"]) for f in frames if f["type"] == "transcript" and f["final"]
    ]
    assert transcripts[0] == ("user", QUESTION)
    assert {"type": "tool", "name": "retrieve"} in frames
    done = frames[-1]
    assert "30 days" in done["answer"]
    assert transcripts[-1] == ("assistant", done["answer"])
    assert caller.understand(frames) == done["answer"]
    [citation] = done["citations"]
    assert citation["document"] == document_uri(get_settings(), voice_agent.ref, "returns.md")


def test_a_typed_message_is_answered_in_speech(address):
    with call(address) as caller:
        caller.hear_until("done")
        caller.send({"type": "text", "text": "How long may I return a helmet?"})
        frames = caller.hear_until("done")
    assert "90 days" in frames[-1]["answer"]
    assert caller.understand(frames) == frames[-1]["answer"]
    assert frames[-1]["citations"]


def test_whoever_speaks_interrupts(address):
    with call(address) as caller:
        caller.hear_until("done")
        caller.send({"type": "text", "text": "What does winter storage include?"})
        caller.hear_until("audio")
        caller.say("How long may I return a helmet?")
        caller.hear_until("interrupted")
        rest = []
        while not any(frame.get("role") == "user" for frame in rest):
            rest.append(caller.hear())
        assert "audio" not in [frame["type"] for frame in rest]
        answer = caller.hear_until("done")[-1]
    assert "90 days" in answer["answer"]
    assert all("Helmets" in citation["passage"] for citation in answer["citations"])


def test_a_person_is_asked_for(address):
    with call(address) as caller:
        caller.hear_until("done")
        caller.send({"type": "text", "text": "I want to speak to a human."})
        frames = caller.hear_until("done")
    assert {"type": "tool", "name": "hand_off_to_human"} in frames
    assert frames[-1]["handoff"]["reason"]


def test_what_is_no_speech_is_not_understood(address):
    with call(address) as caller:
        caller.hear_until("done")
        noise = base64.b64encode(b"\x00\x40\x00\xc0" * 800 + bytes(8_000)).decode()
        caller.send({"type": "audio", "audio": noise})
        frames = caller.hear_until("done")
    assert "only understand speech in tones" in frames[-1]["answer"]
    assert frames[-1]["citations"] == []


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"type": "audio", "audio": "not base64!"}, "16-bit PCM"),
        ({"type": "audio", "audio": "AAAA"}, "16-bit PCM"),
        ({"type": "audio"}, "16-bit PCM"),
        ({"type": "audio", "audio": 7}, "16-bit PCM"),
        ({"type": "video"}, "16-bit PCM"),
        ({"type": "text", "text": " "}, "not blank"),
        ({"type": "text", "text": "x" * 20_001}, "20000 characters"),
        ([], "JSON object"),
    ],
)
def test_a_bad_frame_is_explained_and_ends_the_call(address, frame, words):
    with call(address) as caller:
        caller.send(frame)
        error = caller.hear_until("error")[-1]
        assert words in error["message"]
        with pytest.raises(ConnectionClosed) as closed:
            caller.hear()
    assert closed.value.rcvd.code == 1011


def test_who_goes_on_with_a_conversation_is_not_greeted_again(address):
    with call(address, [{"question": "Hello?", "answer": "Good day."}]) as caller:
        caller.send({"type": "text", "text": "How long may I return a helmet?"})
        assert "90 days" in caller.hear_until("done")[-1]["answer"]


def test_a_call_begins_with_a_start(address):
    with connect(address) as socket:
        socket.send('{"type": "text", "text": "Hello"}')
        assert '{"type": "start", "history": []}' in json.loads(socket.recv())["message"]


def test_a_binary_frame_is_refused(address):
    with call(address) as caller:
        caller.socket.send(b"\0" * 640)
        assert "JSON as text" in caller.hear_until("error")[-1]["message"]


def test_a_frame_above_agentcore_s_limit_ends_the_call(address):
    with call(address) as caller:
        caller.hear_until("done")
        caller.send({"type": "text", "text": "x" * 70_000})
        with pytest.raises(ConnectionClosed) as closed:
            caller.hear()
    assert closed.value.rcvd.code == 1009


def test_the_same_agent_answers_in_text(voice_agent):
    answer = invoke_agent(voice_agent, QUESTION, SESSION)
    assert "30 days" in answer["answer"]
    assert answer["citations"]


def test_two_callers_at_once_are_told_apart(address):
    with call(address) as first, call(address) as second:
        for caller in (first, second):
            caller.hear_until("done")
        first.send({"type": "text", "text": QUESTION})
        second.send({"type": "text", "text": "How long may I return a helmet?"})
        assert "30 days" in first.hear_until("done")[-1]["answer"]
        assert "90 days" in second.hear_until("done")[-1]["answer"]


def refuse(address: str) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refused, call(address):
        pytest.fail("the call was answered")
    response = refused.value.response
    return response.status_code, response.headers.get("x-amzn-ErrorType", "")


def test_calls_that_are_not_answered(voice_agent, stand_in_url, address):
    arn = voice_agent.agentcore_agent_arn
    assert refuse(address.partition("?")[0]) == (403, "AccessDeniedException")
    assert refuse(presign(stand_in_url, arn, expires=301)) == (403, "AccessDeniedException")
    assert refuse(presign(stand_in_url, arn, expires=-1)) == (403, "AccessDeniedException")
    assert refuse(presign(stand_in_url, arn, qualifier="staging")) == (
        404,
        "ResourceNotFoundException",
    )
    assert refuse(presign(stand_in_url, f"{arn}x")) == (404, "ResourceNotFoundException")
    assert refuse(presign(stand_in_url, arn, **{SESSION_PARAMETER: "short"})) == (
        400,
        "ValidationException",
    )


def test_a_text_agent_has_no_websocket(stand_in):
    agent = deploy()
    assert set(read_bundle(read_code(agent.code.code_s3_key, None))) == {
        "agent.json",
        "agent_file.py",
    }
    assert refuse(presign(stand_in.url, agent.agentcore_agent_arn))[0] == 403


def test_a_caller_who_may_not_interrupt_is_not_heard_meanwhile(stand_in):
    agent = deploy(agent_type=AgentType.VOICE, voice_config={"bargeIn": False})
    with call(presign(stand_in.url, agent.agentcore_agent_arn)) as caller:
        caller.send({"type": "text", "text": "What does winter storage include?"})
        frames = caller.hear_until("audio")
        caller.say("Stop.")
        frames += caller.hear_until("done")
        caller.say("Stop.")  # all has been sent, not all has been played
        caller.send({"type": "text", "text": QUESTION})
        frames += caller.hear_until("interrupted")
    assert "care of part 34" in caller.understand(frames)
    assert {frame["role"] for frame in frames if frame["type"] == "transcript"} == {"assistant"}
