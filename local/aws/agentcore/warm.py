"""The warm parent: a process that has the agent SDKs imported and forks one agent per request.

It is started by `processes.py` with a scrubbed environment and talks over an inherited socket,
one JSON line a request, one a reply. When that socket closes, it and all its agents end.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
from types import FrameType
from typing import Any

from include.creator.sandbox.sdks import import_sdks
from local.aws.agentcore.sandbox import become_agent

agents: set[int] = set()


def serve(channel: socket.socket) -> None:
    """Answer requests until the other side is gone, then kill every agent."""
    with channel.makefile("r") as requests:
        for line in requests:
            reply = handle(json.loads(line))
            channel.sendall(json.dumps(reply).encode() + b"\n")
    for pid in tuple(agents):
        kill_group(pid)


def handle(request: dict[str, Any]) -> dict[str, Any]:
    """`{"stop": pid}` ends an agent of ours; `{"start": {...}}` forks one."""
    if "stop" in request:
        if request["stop"] in agents:
            kill_group(request["stop"])
        return {}
    try:
        return start_agent(**request["start"])
    except OSError as error:
        return {"error": str(error)}


def start_agent(
    folder: str, entry_point: str, log: str, environment: dict[str, str]
) -> dict[str, int]:
    """Fork an agent that serves on a fresh loopback port; connections queue until it accepts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        try:
            pid = os.fork()
            if pid == 0:
                become_agent(listener, folder, entry_point, log, environment)
            agents.add(pid)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    return {"pid": pid, "port": port}


def reap(_signal: int, _frame: FrameType | None) -> None:
    """Kill what ended agents left in their process group, then collect the agents."""
    for pid in tuple(agents):
        with contextlib.suppress(ChildProcessError):  # a nested signal has collected it
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                kill_group(pid)
                os.waitpid(pid, 0)
                agents.discard(pid)


def kill_group(pid: int) -> None:
    """Kill an agent with everything it started; it may not have its own group yet."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Serve on the socket whose file descriptor is the only argument."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    import_sdks()
    signal.signal(signal.SIGCHLD, reap)
    gc.collect()
    gc.freeze()
    serve(channel)


if __name__ == "__main__":
    main()
