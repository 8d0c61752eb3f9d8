"""`/agents/{agentId}` as a WebSocket: a spoken conversation with an agent."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from pydantic import TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.call_ends import NoVoiceError, describe_end, explain_end, find_close_code
from gateway.call_outbox import Outbox
from gateway.call_turns import CallTurns
from gateway.callers import SUBPROTOCOL, Caller, admit
from gateway.calls import Call, speak, wait_for_first
from gateway.pace import ClientGoneError, end
from gateway.runtime import Turn
from gateway.services import Services, get_services
from gateway.voice_runtime import dial
from include.chat import SessionId, make_session_id, require_active
from include.errors import InvalidInputError, OratioError
from include.keys import Scope
from include.models import Agent, AgentType
from include.runtime.invoke import runtime_session_id
from include.sessions import SessionRef, load_history

MAX_HISTORY_BYTES = 60_000  # of AgentCore's 64 KB for a frame
SESSION_ID: TypeAdapter[str] = TypeAdapter(SessionId)


async def talk(websocket: WebSocket) -> None:
    """Hold one call; whoever is refused is told so by a frame and a close code.

    Browsers do not show the HTTP answer to an upgrade: all upgrades are accepted.
    """
    offered = websocket.scope["subprotocols"]
    await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
    services = get_services(websocket)
    outbox = Outbox(services.settings.call_outbox_bytes)
    seconds = services.settings.call_stall_seconds
    speaking = asyncio.ensure_future(speak(websocket, outbox, seconds))
    try:
        await wait_for_first(hold_call(services, websocket, outbox), asyncio.shield(speaking))
    except ClientGoneError:
        websocket.state.is_gone = True
    except Exception as error:
        await hang_up(websocket, outbox, speaking, explain_end(error))
    finally:
        await end(speaking)


async def hang_up(
    websocket: WebSocket, outbox: Outbox, speaking: asyncio.Future[None], error: OratioError
) -> None:
    """Say why, after all that is still to be said, and close."""
    seconds = get_services(websocket).settings.call_stall_seconds
    await outbox.close(describe_end(error))
    await asyncio.wait({speaking}, timeout=seconds)
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(seconds):
            await websocket.close(find_close_code(error), error.code)


async def hold_call(services: Services, websocket: WebSocket, outbox: Outbox) -> None:
    """Everything up to the error that ends the call."""
    caller = await admit(websocket, Scope.VOICE)
    require_active(caller.agent, is_tenant=caller.key is None)
    require_voice(caller.agent)
    session = read_session(websocket, caller)
    with services.calls.taking_line(caller.name):
        await outbox.put({"type": "session", "sessionId": session.session_id})
        runtime_session = runtime_session_id(caller.agent, session.key)
        history = await read_history(session, websocket)
        async with dial(services.runtime, caller.agent, runtime_session) as line:
            await line.send({"type": "start", "history": history})
            call = Call(services, caller, websocket, outbox)
            await call.hold(line, CallTurns(caller, session))


async def read_history(session: SessionRef, websocket: WebSocket) -> list[Turn]:
    """The session's last turns, as many of the newest as a frame holds; a new one has none."""
    if "sessionId" not in websocket.query_params:
        return []
    turns = await asyncio.to_thread(load_history, session)
    history: list[Turn] = []
    left = MAX_HISTORY_BYTES
    for turn in reversed(turns):
        reminder = {"question": turn.question, "answer": turn.answer}
        left -= len(json.dumps(reminder))
        if left < 0:
            break
        history.insert(0, reminder)
    return history


def require_voice(agent: Agent) -> None:
    """Refuse agents that only write.

    :raises NoVoiceError: naming the way to ask.
    """
    if agent.agent_type == AgentType.TEXT:
        raise NoVoiceError(f"The agent only writes. POST to /agents/{agent.agent_id}/chat.")


def read_session(websocket: WebSocket, caller: Caller) -> SessionRef:
    """The session that the query names, or a new one.

    :raises InvalidInputError: for what is no session id.
    """
    asked = websocket.query_params.get("sessionId")
    try:
        session_id = make_session_id() if asked is None else SESSION_ID.validate_python(asked)
    except ValidationError as error:
        message = "A sessionId has 8 to 64 letters, digits, - and _."
        raise InvalidInputError(message, "sessionId") from error
    return SessionRef(caller.agent.agent_id, session_id, caller.name)
