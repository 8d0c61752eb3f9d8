"""A voice agent from its bundle to a conversation: the files that AWS gets, run by the stand-in."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from include.creator.publish import publish_code
from include.documents import read_code
from include.knowledge.bases import ensure_knowledge_base
from include.knowledge.ingestion import ingest_documents
from include.models import AgentType
from include.naming import document_uri
from include.runtime.deploy import deploy_runtime
from include.settings import get_settings
from tests.caller import call, presign
from tests.fakes import StandIn, reload, settle, store_agent

RETURNS = (
    b"# Returns\n\nBicycles may be returned within 30 days. Helmets may be returned for 90 days."
)
QUESTION = "How long may I return a bicycle?"
STEPS = (
    ensure_knowledge_base,
    lambda agent: ingest_documents(agent, False),
    publish_code,
    lambda agent: deploy_runtime(agent, redo=False),
)


def deploy(**changes):
    agent = store_agent({"returns.md": RETURNS}, **changes)
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
