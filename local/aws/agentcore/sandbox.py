"""Turns a process forked from the warm parent into an agent with nothing of the stand-in's left."""

from __future__ import annotations

import ctypes
import os
import resource
import runpy
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from local.aws.models.audio_model import ScriptedAudioModel

MEBIBYTE = 2**20
LIMITS = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_DATA: 2048 * MEBIBYTE,
    resource.RLIMIT_FSIZE: 64 * MEBIBYTE,
    resource.RLIMIT_NOFILE: 1024,
    resource.RLIMIT_NPROC: 4096,
}
MAX_FRAME_BYTES = 64 * 1024  # AgentCore's limit for one frame of a WebSocket
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def become_agent(
    listener: socket.socket, folder: str, entry_point: str, log: str, environment: dict[str, str]
) -> NoReturn:
    """Turn the forked child into the agent; never returns into the warm parent's code."""
    status = 1
    try:
        isolate(listener.fileno(), folder, log)
        os.environ.clear()
        os.environ.update(environment)
        forget_stand_in(folder)
        serve_on(listener)
        speak_in_tones()
        sys.argv = [entry_point]
        runpy.run_path(entry_point, run_name="__main__")
        status = 0
    except BaseException:  # the child must end here, whatever the bundle raised
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def isolate(keep_fd: int, folder: str, log: str) -> None:
    """Own session, log, folder and limits; no file descriptor but the listener is inherited."""
    os.setsid()
    die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, keep_fd)
    os.closerange(keep_fd + 1, os.sysconf("SC_OPEN_MAX"))
    os.chdir(folder)
    for limit, value in LIMITS.items():
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))


def forget_stand_in(folder: str) -> None:
    """Import from the bundle's folder instead of the stand-in's."""
    here = str(Path(__file__).parents[3])
    sys.path[:] = [folder, *(path for path in sys.path if path not in ("", here))]
    for name in [name for name in sys.modules if name.split(".")[0] in ("include", "local")]:
        del sys.modules[name]


def serve_on(listener: socket.socket) -> None:
    """Make `BedrockAgentCoreApp.run`, which asks for port 8080, serve on `listener`."""
    import uvicorn

    def run(app: Any, *, host: str, port: int, **settings: Any) -> None:
        settings |= {"ws_max_size": MAX_FRAME_BYTES}
        uvicorn.Server(uvicorn.Config(app, **settings)).run(sockets=[listener])

    uvicorn.run = run  # type: ignore[assignment]


def speak_in_tones() -> None:
    """Have agents that ask Strands for Nova Sonic, which is on AWS only, get the stand-in's."""
    from strands.bidi import models

    models.BedrockNovaSonicModel = ScriptedAudioModel  # type: ignore[misc, assignment]


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies (Linux; elsewhere a no-op)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
