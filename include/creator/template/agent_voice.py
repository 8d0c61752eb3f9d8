"""Talks with the callers of one agent on Amazon Bedrock AgentCore, over its WebSocket.

The same file serves every agent that speaks. It stands beside agent_file.py, which answers in
text; tools, prompt and citations are the same.
"""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agent_file import (
    CONFIG,
    MAX_PROMPT_CHARACTERS,
    AnswerError,
    Conversation,
    Turn,
    app,
    aws,
    explain,
    hand_off_to_human,
    is_history,
    retrieve,
)
from bedrock_agentcore import RequestContext
from starlette.websockets import WebSocket, WebSocketDisconnect
from strands.bidi import BidiAgent
from strands.bidi.models import BedrockNovaSonicModel
from strands.bidi.types import AudioDelta

VOICE = CONFIG["voice"]
INPUT_RATE = 16_000  # what Nova Sonic hears best
SAMPLE_BYTES = 2
# Nova Sonic speaks when it is spoken to; the prompt has the greeting.
GREETING_CUE = "The caller is on the line. Greet them."


@dataclass
class Call:
    """One caller on the line; the tools share `state`."""

    websocket: WebSocket
    greeted: bool
    state: dict[str, Any] = field(default_factory=lambda: {"turn": Turn()})
    said: list[str] = field(default_factory=list)
    speaks_until: float = 0.0  # on the monotonic clock: what was sent has been played by then

    async def listen(self) -> Any:
        """Return what the agent hears next: first of all the cue to greet, if it should."""
        if not self.greeted:
            self.greeted = True
            return GREETING_CUE
        frame = await read_frame(self.websocket)
        if frame.get("type") == "text":
            self.state["turn"] = Turn()
            return read_text(frame)
        audio = read_audio(frame)
        if time.monotonic() < self.speaks_until and not VOICE["bargeIn"]:
            audio = b"\0" * len(audio)  # silence: Nova Sonic wants to hear something all the time
        return AudioDelta(format="pcm", source={"bytes": audio})

    async def speak(self, event: Any) -> None:
        """Send the caller what an event of the agent means, if it means anything to them."""
        show = FRAMES.get(event.get("type"))
        for frame in show(self, event) if show else []:
            await self.websocket.send_json(frame)


async def read_frame(websocket: WebSocket) -> dict[str, Any]:
    """Return the caller's next frame; raises AnswerError for anything but a JSON object."""
    try:
        frame = await websocket.receive_json()
    except (KeyError, ValueError):
        raise AnswerError("Send frames of JSON as text.") from None
    if not isinstance(frame, dict):
        raise AnswerError("Send a JSON object in each frame.")
    return frame


async def read_history(websocket: WebSocket) -> list[Any]:
    """Return the messages of the turns before this call, of which its first frame reminds."""
    frame = await read_frame(websocket)
    history = frame.get("history")
    if frame.get("type") != "start" or not is_history(history):
        raise AnswerError('Send {"type": "start", "history": []} first.')
    conversation = Conversation()
    conversation.replay(history)
    messages: list[Any] = conversation.messages
    return messages


def read_text(frame: dict[str, Any]) -> str:
    """Return a typed message."""
    text = frame.get("text")
    if not isinstance(text, str) or not text.strip():
        raise AnswerError('Send {"type": "text", "text": "..."} with a text that is not blank.')
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise AnswerError(f"The text is longer than {MAX_PROMPT_CHARACTERS} characters.")
    return text


def read_audio(frame: dict[str, Any]) -> Any:
    """Return the samples of an audio frame."""
    try:
        audio = base64.b64decode(frame["audio"], validate=True)
        if frame["type"] == "audio" and len(audio) % SAMPLE_BYTES == 0:
            return audio
    except (KeyError, TypeError, ValueError):
        app.logger.info("A frame was neither audio nor text")
    raise AnswerError('Send {"type": "audio", "audio": "..."}: 16-bit PCM samples in base64.')


def show_ready(call: Call, event: Any) -> list[dict[str, Any]]:
    """The agent listens; tells the caller the formats."""
    rates = {"inputSampleRate": INPUT_RATE, "outputSampleRate": VOICE["sampleRate"]}
    return [{"type": "ready", "format": "pcm", **rates}]


def begin_turn(call: Call, event: Any) -> list[dict[str, Any]]:
    """The caller has begun to speak: what was retrieved before is not cited any more."""
    if event["role"] == "user":
        call.state["turn"] = Turn()
    return []


def show_part(call: Call, event: Any) -> list[dict[str, Any]]:
    """Words as they are understood or said."""
    return show_words(event["role"], event["delta"], False)


def show_whole(call: Call, event: Any) -> list[dict[str, Any]]:
    """All words of one statement, in place of its parts."""
    text, role = event["transcript"], event["role"]
    if role == "assistant":
        call.said.append(text)
    return show_words(role, text, True)


def show_words(role: str, text: str, final: bool) -> list[dict[str, Any]]:
    """What somebody says; the cue was not the caller's."""
    if role == "user" and text.strip() == GREETING_CUE:
        return []
    return [{"type": "transcript", "role": role, "text": text, "final": final}]


def show_audio(call: Call, event: Any) -> list[dict[str, Any]]:
    """A piece of what the agent says."""
    seconds = len(event["audio"]) * 3 / 4 / SAMPLE_BYTES / VOICE["sampleRate"]  # base64: 4 for 3
    call.speaks_until = max(call.speaks_until, time.monotonic()) + seconds
    return [{"type": "audio", "audio": event["audio"]}]


def show_tools(call: Call, event: Any) -> list[dict[str, Any]]:
    """The agent looks something up, or asks for a person."""
    return [{"type": "tool", "name": use["name"]} for use in event["tool_uses"]]


def show_interruption(call: Call, event: Any) -> list[dict[str, Any]]:
    """The caller cut in: what has not been played yet is not to be played."""
    call.speaks_until = 0.0
    return [{"type": "interrupted"}]


def show_done(call: Call, event: Any) -> list[dict[str, Any]]:
    """The end of what the agent says, with what it rests on, as in an answer in text."""
    answer = " ".join(call.said).strip()
    turn: Turn = call.state["turn"]
    call.said = []
    citations = turn.cited(answer)
    return [{"type": "done", "answer": answer, "citations": citations, "handoff": turn.handoff}]


FRAMES: dict[str, Callable[[Call, Any], list[dict[str, Any]]]] = {
    "bidi_connection_start": show_ready,
    "bidi_transcript_start": begin_turn,
    "bidi_transcript_delta": show_part,
    "bidi_transcript_block": show_whole,
    "bidi_audio_delta": show_audio,
    "bidi_tool_use_blocks": show_tools,
    "bidi_barge_in": show_interruption,
    "bidi_response_stop": show_done,
}


@app.websocket
async def talk(websocket: WebSocket, context: RequestContext) -> None:
    """Hold one conversation until the caller hangs up or something fails."""
    await websocket.accept()
    rates: Any = {
        "input": {"sample_rate": INPUT_RATE},
        "output": {"sample_rate": VOICE["sampleRate"]},
    }
    try:
        messages = await read_history(websocket)
        # Who goes on with a conversation was greeted before.
        call = Call(websocket, greeted=not VOICE["greets"] or bool(messages))
        ears: list[Any] = [call.listen]
        mouths: list[Any] = [call.speak]
        model = BedrockNovaSonicModel(
            boto_session=aws, model_id=VOICE["modelId"], voice=VOICE["voice"], audio=rates
        )
        await BidiAgent(
            model=model,
            system_prompt=CONFIG["systemPrompt"],
            tools=[retrieve, hand_off_to_human],
            messages=messages,
        ).run(inputs=ears, outputs=mouths, invocation_state=call.state)
    except WebSocketDisconnect:
        app.logger.info("The caller has hung up")
    except Exception as error:
        await websocket.send_json({"type": "error", "message": explain(error)})
        await websocket.close(code=1011)


if __name__ == "__main__":
    app.run()
