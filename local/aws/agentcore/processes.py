"""The processes that run agents: started on first use, shared by calls, stopped when idle.

Nothing here is part of the stand-in's state: every process can be started again from its launch.
"""

from __future__ import annotations

import atexit
import contextlib
import http.client
import os
import select
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.aws.agentcore.warm_parent import StartError, WarmParent

IDLE_SECONDS = float(os.environ.get("STAND_IN_AGENT_IDLE_SECONDS", "900"))
MAX_RUNNING = int(os.environ.get("STAND_IN_MAX_AGENTS", "40"))
START_TIMEOUT_SECONDS = 120.0
SWEEP_SECONDS = 5.0
ENDING_SECONDS = 1.0


class BusyError(Exception):
    """As many agents are answering as may run."""


@dataclass(frozen=True)
class Launch:
    """What it takes to start one runtime version."""

    runtime_id: str
    version: str
    folder: Path
    entry_point: str
    log: Path
    environment: Mapping[str, str]

    @property
    def key(self) -> tuple[str, str]:
        """One process runs per runtime and version."""
        return self.runtime_id, self.version


@dataclass
class Agent:
    """A slot for one runtime version; `process` is None until started."""

    process: Process | None = None
    calls: int = 0
    last_used: float = 0.0
    starting: threading.Lock = field(default_factory=threading.Lock)


class Process:
    """A running agent, watched through a pidfd so that a recycled pid is never mistaken for it."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self.port = port
        self.handle = os.pidfd_open(pid)

    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return not self._wait_until_ended(0)

    def wait_if_ending(self) -> None:
        """Block until the process has ended, or a moment has shown that it lives on.

        For whoever finds its connection broken: connections break before the process is gone, and
        until then the next caller would be given it.
        """
        self._wait_until_ended(ENDING_SECONDS)

    def _wait_until_ended(self, seconds: float) -> bool:
        watch = select.poll()
        watch.register(self.handle, select.POLLIN)
        return bool(watch.poll(seconds * 1000))

    def close(self) -> None:
        """Stop watching."""
        os.close(self.handle)

    def wait_until_healthy(self) -> None:
        """Block until /ping answers: its connection queues until the agent accepts."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=START_TIMEOUT_SECONDS
        )
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/ping")
                status = connection.getresponse().status
            except (OSError, http.client.HTTPException) as error:
                raise StartError(f"exited before it was healthy ({error})") from error
        if status != http.client.OK:
            raise StartError(f"/ping answered {status}")


class AgentProcesses:
    """All running agents, keyed by runtime and version."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS, max_running: int = MAX_RUNNING) -> None:
        self.idle_seconds = idle_seconds
        self.max_running = max_running
        self.warm_parent = WarmParent()
        self.agents: dict[tuple[str, str], Agent] = {}
        self.lock = threading.Lock()
        self.sweeper: threading.Thread | None = None

    @contextlib.contextmanager
    def use(self, launch: Launch) -> Iterator[Process]:
        """The healthy process of a version, started if need be and kept while in the block.

        Raises StartError when it does not come up and BusyError when no process may be added.
        """
        agent = self._reserve(launch.key)
        try:
            with agent.starting:
                if agent.process is None or not agent.process.is_alive():
                    self._discard(agent)
                    agent.process = self._start(launch)
                process = agent.process
            yield process
        finally:
            self._release(launch.key, agent)

    def stop(self, *key: str) -> None:
        """Kill a runtime's processes: all versions, or the one named too."""
        with self.lock:
            agents = [self.agents.pop(k) for k in tuple(self.agents) if k[: len(key)] == key]
        for agent in agents:
            with agent.starting:
                self._discard(agent)

    def sweep(self, now: float) -> None:
        """Stop what has not been used for `idle_seconds` before `now` (monotonic)."""
        with self.lock:
            for key, agent in tuple(self.agents.items()):
                if not agent.calls and now - agent.last_used >= self.idle_seconds:
                    self._discard(self.agents.pop(key))

    def _reserve(self, key: tuple[str, str]) -> Agent:
        with self.lock:
            self._start_sweeper()
            if key not in self.agents and len(self.agents) >= self.max_running:
                self._evict()
            agent = self.agents.setdefault(key, Agent())
            agent.calls += 1
            return agent

    def _release(self, key: tuple[str, str], agent: Agent) -> None:
        with self.lock:
            agent.calls -= 1
            agent.last_used = time.monotonic()
            if not agent.calls and self.agents.get(key) is not agent:  # stopped meanwhile
                self._discard(agent)

    def _evict(self) -> None:
        idle = [(agent.last_used, key) for key, agent in self.agents.items() if not agent.calls]
        if not idle:
            raise BusyError(f"{self.max_running} agents are answering already")
        self._discard(self.agents.pop(min(idle)[1]))

    def _start(self, launch: Launch) -> Process:
        reply = self.warm_parent.request(
            start={
                "folder": str(launch.folder),
                "entry_point": launch.entry_point,
                "log": str(launch.log),
                "environment": dict(launch.environment),
            }
        )
        if "error" in reply:
            raise StartError(reply["error"])
        try:
            process = Process(**reply)
        except ProcessLookupError as error:
            raise StartError("exited at once") from error
        try:
            process.wait_until_healthy()
        except StartError:
            self._kill(process)
            raise
        return process

    def _discard(self, agent: Agent) -> None:
        if agent.process is not None:
            self._kill(agent.process)
            agent.process = None

    def _kill(self, process: Process) -> None:
        if process.is_alive():
            with contextlib.suppress(StartError):  # without the warm parent it has died as well
                self.warm_parent.request(stop=process.pid)
        process.close()

    def _start_sweeper(self) -> None:
        if self.sweeper is None:
            self.sweeper = threading.Thread(target=self._sweep_for_ever, daemon=True)
            self.sweeper.start()

    def _sweep_for_ever(self) -> None:
        while True:
            time.sleep(SWEEP_SECONDS)
            self.sweep(time.monotonic())


PROCESSES = AgentProcesses()
atexit.register(PROCESSES.stop)
