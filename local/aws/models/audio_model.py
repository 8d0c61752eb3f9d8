"""The stand-in's Nova Sonic: hears and speaks tones, and thinks with the stand-in's Converse.

It takes the place of Strands' `BedrockNovaSonicModel`, which speaks to AWS alone, in the agents
that the stand-in runs: the agent's own files are the same. Events come in Nova Sonic's order.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

from strands.bidi.models import AudioConfig, BidiModel
from strands.bidi.types import (
    AudioDelta,
    BidiAudioDeltaEvent,
    BidiAudioStartEvent,
    BidiAudioStopEvent,
    BidiBargeInEvent,
    BidiConnectionStartEvent,
    BidiMessage,
    BidiResponseStartEvent,
    BidiResponseStopEvent,
    BidiToolUseBlocksEvent,
    BidiTranscriptDeltaEvent,
    BidiTranscriptStartEvent,
    BidiTranscriptStopEvent,
)
from strands.types.content import TextBlock

from local.aws.models.tone_speech import Listener, speak, understand

CHUNK_SECONDS = 0.1
SPEED = 8  # audio is sent so much faster than it plays, as Nova Sonic does
CUE = re.compile(r"^The caller is on the line\b")  # the agents' own; the prompt has the greeting
GREETING = re.compile(r"^greeting: (.+)$", re.M)
SENTENCES = re.compile(r"\S.*?(?:[.!?](?=\s|$)|$)", re.S)
NOT_UNDERSTOOD = "I hear a sound, but I only understand speech in tones. You can also type."


class ScriptedAudioModel(BidiModel):
    """One connection; takes Nova Sonic's arguments."""

    def __init__(
        self,
        *,
        boto_session: Any,
        audio: dict[str, dict[str, int]],
        voice: str = "matthew",
        **model_config: Any,
    ) -> None:
        self.client = boto_session.client("bedrock-runtime")
        self.rates = {way: config["sample_rate"] for way, config in audio.items()}
        self.voice = voice
        self.config = model_config
        self.events: asyncio.Queue[Any] = asyncio.Queue()
        self.messages: list[dict[str, Any]] = []
        self.turn: asyncio.Task[None] | None = None
        self.said_until = 0.0
        self.results: asyncio.Queue[list[dict[str, Any]]] = asyncio.Queue()
        self.awaited: set[str] = set()
        self.open: list[Any] = []  # the events that end what has begun

    def update_config(self, **model_config: Any) -> None:
        """Change the configuration."""
        self.config |= model_config

    def get_config(self) -> Any:
        """The configuration, above all the model's id."""
        return self.config

    def get_audio_config(self) -> AudioConfig:
        """The formats of what is heard and said."""
        input_, output = (
            {"sample_rate": self.rates[way], "channels": 1, "format": "pcm"}
            for way in ("input", "output")
        )
        return AudioConfig(input=input_, output=output)  # type: ignore[typeddict-item]

    async def start(
        self,
        system_prompt: str | None = None,
        tools: list[Any] | None = None,
        messages: list[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Begin to listen; earlier messages are known from before."""
        self.system_prompt = system_prompt or ""
        self.tools = tools or []
        self.messages = list(messages or [])
        self.listener = Listener(self.rates["input"])
        self.events.put_nowait(BidiConnectionStartEvent(uuid4().hex, self.config["model_id"]))

    async def stop(self) -> None:
        """Fall silent and end `receive`."""
        self.fall_silent()
        self.events.put_nowait(None)

    async def receive(self) -> AsyncIterator[Any]:
        """What is understood, done and said, until the end of the connection."""
        while (event := await self.events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    async def send(self, content: Any) -> None:
        """Hear some samples, read a typed message, or take the results of tools."""
        if isinstance(content, AudioDelta):
            self.hear(content.source["bytes"])
        elif isinstance(content, BidiMessage) and isinstance(content.content[0], TextBlock):
            self.begin_turn(" ".join(block.text for block in content.content))  # type: ignore[union-attr]
        else:
            self.take_results(content.content)

    def take_results(self, blocks: Any) -> None:
        """Go on with the turn that wanted them; one that was interrupted does not."""
        if {block.tool_use_id for block in blocks} == self.awaited:
            self.results.put_nowait([describe_result(block) for block in blocks])

    def hear(self, audio: bytes) -> None:
        """Listen; whoever begins to speak interrupts what is being said."""
        for samples in self.listener.hear(audio):
            self.begin_turn(understand(samples, self.rates["input"]), is_spoken=True)
        if self.listener.is_hearing and self.is_speaking():
            self.interrupt()

    def is_speaking(self) -> bool:
        """Whether the caller still hears an answer, or is about to."""
        is_busy = self.turn is not None and not self.turn.done()
        return is_busy or asyncio.get_running_loop().time() < self.said_until

    def interrupt(self) -> None:
        """Stop in the middle of an answer."""
        self.events.put_nowait(BidiBargeInEvent())
        self.fall_silent()

    def fall_silent(self) -> None:
        """End the turn, and everything that it has begun."""
        if self.turn:
            self.turn.cancel()
        self.awaited = set()
        self.said_until = 0.0
        self.end_all()

    def begin_turn(self, text: str | None, is_spoken: bool = False) -> None:
        """Answer what was said or typed; None is what was not understood."""
        if self.is_speaking():
            self.interrupt()
        self.turn = asyncio.create_task(self.answer(text, is_spoken))

    async def answer(self, text: str | None, is_spoken: bool) -> None:
        """One turn, from the caller's words to the end of the answer."""
        try:
            response_id = uuid4().hex
            self.begin(BidiResponseStartEvent(response_id), BidiResponseStopEvent(response_id))
            if is_spoken:
                self.transcribe("user", text or "(not understood)")
            answer = await self.think(text) if text else NOT_UNDERSTOOD
            if text:
                self.remember(text, answer)
            await self.say(answer)
            self.end_all()
        except Exception as error:
            self.events.put_nowait(error)

    async def think(self, text: str) -> str:
        """The answer to a message, after as many tools as the model wants."""
        greeting = GREETING.findall(self.system_prompt)
        if greeting and CUE.match(text):
            return str(greeting[-1])
        messages = [*self.messages, {"role": "user", "content": [{"text": text}]}]
        while True:
            message = await asyncio.to_thread(self.converse, messages)
            uses = [block["toolUse"] for block in message["content"] if "toolUse" in block]
            if not uses:
                return " ".join(block.get("text", "") for block in message["content"]).strip()
            self.awaited = {use["toolUseId"] for use in uses}
            self.events.put_nowait(BidiToolUseBlocksEvent(uses))
            results = {"role": "user", "content": await self.results.get()}
            messages = [*messages, message, results]

    def converse(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        """The text model's next message."""
        tools = [
            {"toolSpec": {name: spec[name] for name in ("name", "description", "inputSchema")}}
            for spec in self.tools
        ]
        answer = self.client.converse(
            modelId=self.config["model_id"],
            system=[{"text": self.system_prompt}],
            messages=messages,
            toolConfig={"tools": tools},
        )
        message: dict[str, Any] = answer["output"]["message"]
        return message

    def remember(self, text: str, answer: str) -> None:
        """Keep a turn for those that follow."""
        user = {"role": "user", "content": [{"text": text}]}
        self.messages += [user, {"role": "assistant", "content": [{"text": answer}]}]

    async def say(self, text: str) -> None:
        """The words as text, then as sound, a little faster than they play."""
        content_id = uuid4().hex
        start = BidiTranscriptStartEvent("assistant", content_id)
        self.begin(start, BidiTranscriptStopEvent("assistant", content_id))
        for sentence in SENTENCES.findall(text):
            self.events.put_nowait(BidiTranscriptDeltaEvent(sentence, "assistant", content_id))
        self.begin(BidiAudioStartEvent(content_id), BidiAudioStopEvent(content_id))
        audio = speak(text, self.rates["output"])
        seconds = len(audio) / 2 / self.rates["output"]
        self.said_until = asyncio.get_running_loop().time() + seconds
        for chunk in cut(audio, round(self.rates["output"] * CHUNK_SECONDS) * 2):
            sound = base64.b64encode(chunk).decode()
            self.events.put_nowait(
                BidiAudioDeltaEvent(sound, "pcm", self.rates["output"], 1, content_id)  # type: ignore[arg-type]
            )
            await asyncio.sleep(CHUNK_SECONDS / SPEED)

    def end_all(self) -> None:
        """End what the turn has begun; the caller may still be listening to it."""
        while self.open:
            self.events.put_nowait(self.open.pop())

    def begin(self, start: Any, stop: Any) -> None:
        """Announce something that ends later."""
        self.events.put_nowait(start)
        self.open.append(stop)

    def transcribe(self, role: Any, text: str) -> None:
        """A complete statement."""
        content_id = uuid4().hex
        for event in (
            BidiTranscriptStartEvent(role, content_id),
            BidiTranscriptDeltaEvent(text, role, content_id),
            BidiTranscriptStopEvent(role, content_id),
        ):
            self.events.put_nowait(event)


def describe_result(block: Any) -> dict[str, Any]:
    """A tool's result as Converse takes it."""
    return {
        "toolResult": {
            "toolUseId": block.tool_use_id,
            "status": block.status,
            "content": block.content,
        }
    }


def cut(audio: bytes, size_bytes: int) -> Iterator[bytes]:
    """Pieces of the samples."""
    return (audio[start : start + size_bytes] for start in range(0, len(audio), size_bytes))
