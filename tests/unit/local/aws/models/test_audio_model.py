"""The stand-in's audio model: the order of its events, its tools, and what an interruption ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from strands.bidi.types import AudioDelta, BidiMessage
from strands.types.content import TextBlock
from strands.types.tools import ToolResultBlock

from local.aws.models import audio_model
from local.aws.models.audio_model import ScriptedAudioModel
from local.aws.models.tone_speech import speak

RATE = 16_000
SPEC = {"name": "retrieve", "description": "Search.", "inputSchema": {"json": {}}}
USE = {"toolUse": {"toolUseId": "t1", "name": "retrieve", "input": {"query": "x"}}}


class FakeSession:
    """Answers Converse with what was put in, in order."""

    def __init__(self, *contents: list[dict[str, Any]]) -> None:
        self.contents = list(contents)
        self.requests: list[dict[str, Any]] = []

    def client(self, service: str) -> FakeSession:
        assert service == "bedrock-runtime"
        return self

    def converse(self, **request: Any) -> Any:
        self.requests.append(request)
        content = self.contents.pop(0)
        return {"output": {"message": {"role": "assistant", "content": content}}}


def make_model(session: FakeSession) -> ScriptedAudioModel:
    audio = {"input": {"sample_rate": RATE}, "output": {"sample_rate": 8000}}
    return ScriptedAudioModel(boto_session=session, audio=audio, model_id="sonic")


def typed(text: str) -> BidiMessage:
    return BidiMessage(content=[TextBlock(text)])


def result(id: str) -> BidiMessage:
    return BidiMessage(
        content=[ToolResultBlock(tool_use_id=id, status="success", content=[{"text": "found"}])]
    )


def samples(audio: bytes) -> AudioDelta:
    return AudioDelta(format="pcm", source={"bytes": audio})


def talk(model: ScriptedAudioModel, conversation: Any) -> None:
    """Run a coroutine that gets a function which reads events up to one of a type."""

    async def run() -> None:
        await model.start("greeting: Hello there.", [SPEC])
        received = model.receive()

        async def until(kind: str) -> list[dict[str, Any]]:
            events = [await anext(received)]
            while events[-1]["type"] != kind:
                events.append(await anext(received))
            return events

        await until("bidi_connection_start")
        await conversation(until)
        await model.stop()

    asyncio.run(asyncio.wait_for(run(), 60))


def names(events: list[dict[str, Any]]) -> list[str]:
    found = [event["type"].removeprefix("bidi_") for event in events]
    return [name for n, name in enumerate(found) if n == 0 or found[n - 1] != name]


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(audio_model, "SPEED", 10_000)


def test_a_spoken_question_with_a_tool():
    session = FakeSession([USE], [{"text": "Yes. It is so [1]."}])
    model = make_model(session)

    async def conversation(until):
        await model.send(samples(speak("Is it?", RATE) + bytes(RATE)))
        heard = await until("bidi_tool_use_blocks")
        assert names(heard) == [
            "response_start",
            "transcript_start",
            "transcript_delta",
            "transcript_stop",
            "tool_use_blocks",
        ]
        assert heard[2]["delta"] == "Is it?"
        await model.send(result("t1"))
        said = await until("bidi_response_stop")
        assert names(said) == [
            "transcript_start",
            "transcript_delta",
            "audio_start",
            "audio_delta",
            "audio_stop",
            "transcript_stop",
            "response_stop",
        ]
        assert [e["delta"] for e in said if "delta" in e] == ["Yes.", "It is so [1]."]

    talk(model, conversation)
    first, second = session.requests
    assert first["system"] == [{"text": "greeting: Hello there."}]
    assert first["toolConfig"] == {"tools": [{"toolSpec": SPEC}]}
    assert second["messages"][-1]["content"][0]["toolResult"]["content"] == [{"text": "found"}]


def test_earlier_turns_are_remembered_without_their_tools():
    session = FakeSession([USE], [{"text": "One."}], [{"text": "Two."}])
    model = make_model(session)

    async def conversation(until):
        await model.send(typed("first"))
        await until("bidi_tool_use_blocks")
        await model.send(result("t1"))
        await until("bidi_response_stop")
        await model.send(typed("second"))
        await until("bidi_response_stop")

    talk(model, conversation)
    texts = [m["content"][0]["text"] for m in session.requests[-1]["messages"]]
    assert texts == ["first", "One.", "second"]


def test_the_greeting_is_that_of_the_prompt():
    model = make_model(FakeSession())

    async def conversation(until):
        await model.send(typed("The caller is on the line. Greet them."))
        events = await until("bidi_response_stop")
        assert [e["delta"] for e in events if "delta" in e] == ["Hello there."]

    talk(model, conversation)


def test_an_interruption_ends_all_that_has_begun(monkeypatch):
    monkeypatch.setattr(audio_model, "SPEED", 0.001)  # the next piece never comes
    model = make_model(FakeSession([{"text": "A long answer. " * 20}]))

    async def conversation(until):
        await model.send(typed("go"))
        await until("bidi_audio_delta")
        await model.send(samples(speak("stop", RATE)))
        events = await until("bidi_response_stop")
        assert names(events) == ["barge_in", "audio_stop", "transcript_stop", "response_stop"]

    talk(model, conversation)


def test_results_for_an_interrupted_turn_are_dropped():
    session = FakeSession([USE], [{"text": "Second."}])
    model = make_model(session)

    async def conversation(until):
        await model.send(typed("first"))
        await until("bidi_tool_use_blocks")
        await model.send(typed("second"))
        await model.send(result("t1"))
        await until("bidi_barge_in")
        await until("bidi_response_stop")
        events = await until("bidi_response_stop")
        assert [e["delta"] for e in events if "delta" in e] == ["Second."]

    talk(model, conversation)
    assert [m["content"][0].get("text") for m in session.requests[-1]["messages"]] == ["second"]


def test_a_failing_model_ends_the_conversation():
    model = make_model(FakeSession())

    async def conversation(until):
        await model.send(typed("first"))
        await until("bidi_response_stop")

    with pytest.raises(IndexError):
        talk(model, conversation)
