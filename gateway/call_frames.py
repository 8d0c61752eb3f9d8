"""The JSON frames of a call: what a caller may send, and what of an agent's is shown to callers."""

from __future__ import annotations

import base64
import json
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.pace import ClientGoneError
from include.chat import build_citations
from include.errors import InvalidInputError
from include.models import Agent
from include.settings import get_settings

Frame = dict[str, Any]

MAX_FRAME_BYTES = 64 * 1024  # AgentCore's limit
SAMPLE_BYTES = 2
TEXT_FORM = 'Send {"type": "text", "text": "..."} with a text that is not blank.'
AUDIO_FORM = 'Send {"type": "audio", "audio": "..."}: 16-bit PCM samples in base64.'


async def read_frame(websocket: WebSocket) -> Frame:
    """The caller's next frame, which the agent will understand.

    :raises InvalidInputError: saying what to send instead.
    :raises ClientGoneError: when the caller has hung up.
    """
    try:
        text = await websocket.receive_text()
    except WebSocketDisconnect as error:
        raise ClientGoneError from error
    except KeyError as error:
        raise InvalidInputError("Send frames of JSON as text.") from error
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("Send frames of JSON as text.") from error
    if not isinstance(frame, dict):
        raise InvalidInputError("Send a JSON object in each frame.")
    return check_text(frame) if frame.get("type") == "text" else check_audio(frame)


def check_text(frame: Frame) -> Frame:
    """A typed message without anything else."""
    text, limit = frame.get("text"), get_settings().max_message_characters
    if not isinstance(text, str) or not text.strip():
        raise InvalidInputError(TEXT_FORM, "text")
    if len(text) > limit:
        raise InvalidInputError(f"The text is longer than {limit} characters.", "text")
    return {"type": "text", "text": text}


def check_audio(frame: Frame) -> Frame:
    """Samples without anything else."""
    audio: Any = frame.get("audio")
    try:
        samples = base64.b64decode(audio, validate=True)
        if frame.get("type") == "audio" and len(samples) % SAMPLE_BYTES == 0:
            return {"type": "audio", "audio": audio}
    except (TypeError, ValueError) as error:
        raise InvalidInputError(AUDIO_FORM, "audio") from error
    raise InvalidInputError(AUDIO_FORM, "audio")


def show_frame(agent: Agent, frame: Frame) -> Frame:
    """An agent's frame as callers see it: documents have the names that the tenant gave them."""
    if frame["type"] != "done":
        return frame
    citations = build_citations(agent, frame.get("citations") or [])
    return frame | {"citations": [citation.model_dump() for citation in citations]}
