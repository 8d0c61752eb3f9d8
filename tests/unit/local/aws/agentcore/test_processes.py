"""Agent processes: what they see of this machine, and when they start and end."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.aws.agentcore.processes import AgentProcesses, BusyError, Launch, Process
from local.aws.agentcore.warm_parent import StartError

AGENT = """
    import json, os, subprocess, sys
    from pathlib import Path
    from bedrock_agentcore import BedrockAgentCoreApp

    app = BedrockAgentCoreApp()
    gate = Path("gate")

    @app.entrypoint
    def invoke(payload, context):
        if payload.get("exit"):
            os._exit(3)
        if payload.get("child"):
            return subprocess.Popen(["sleep", "600"]).pid
        with os.scandir("/proc/self/fd") as entries:
            links = [os.readlink(entry.path) for entry in entries]
        return {
            "pid": os.getpid(),
            "group": os.getpgid(0),
            "folder": os.getcwd(),
            "path": sys.path[0],
            "environment": dict(os.environ),
            "start_environment": Path("/proc/self/environ").read_text(),
            "open": links,
            "stand_in": [m for m in sys.modules if m.split(".")[0] in ("local", "moto")],
            "limits": Path("/proc/self/limits").read_text(),
        }

    if __name__ == "__main__":
        app.run()
"""


@pytest.fixture
def processes() -> Iterator[AgentProcesses]:
    running = AgentProcesses(idle_seconds=900, max_running=3)
    yield running
    running.stop()
    if running.warm_parent.process:
        running.warm_parent.process.kill()
        running.warm_parent.process.wait()


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return make_launch(tmp_path, "agent")


def make_launch(folder: Path, runtime_id: str, code: str = AGENT) -> Launch:
    home = folder / runtime_id
    home.mkdir()
    (home / "agent_file.py").write_text(textwrap.dedent(code))
    variables = {"PATH": os.environ["PATH"], "MINE": "yes"}
    return Launch(runtime_id, "1", home, "agent_file.py", folder / f"{runtime_id}.log", variables)


def invoke(process: Process, payload: dict[str, Any]) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=60)
    body = json.dumps(payload)
    connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())


def sockets_of(process: Any) -> set[str]:
    """Names of the sockets that a process has open; there is at least one."""
    links = {os.readlink(entry.path) for entry in os.scandir(f"/proc/{process.pid}/fd")}
    sockets = {link for link in links if link.startswith("socket:")}
    assert sockets
    return sockets


def wait_for_end(pid: int) -> None:
    """Block until a process that is not our child is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    watch = select.poll()
    watch.register(handle, select.POLLIN)
    assert watch.poll(30_000), f"{pid} did not end"
    os.close(handle)


def test_an_agent_sees_only_its_own(
    processes: AgentProcesses, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_SECRET", "hush")
    with open(__file__) as inherited:
        os.set_inheritable(inherited.fileno(), True)
        with processes.use(launch) as process:
            seen = invoke(process, {})
    assert seen["folder"] == seen["path"] == str(launch.folder)
    assert seen["environment"] == dict(launch.environment)
    assert "hush" not in seen["start_environment"]
    assert seen["group"] == seen["pid"] == process.pid
    assert __file__ not in seen["open"]
    assert not sockets_of(processes.warm_parent.process) & set(seen["open"])
    assert seen["stand_in"] == []
    assert "Max core file size        0 " in seen["limits"]
    assert "Max open files            1024 " in seen["limits"]


def test_a_process_is_shared_and_serves_calls_at_the_same_time(
    processes: AgentProcesses, tmp_path: Path
) -> None:
    code = AGENT.replace(
        "def invoke(payload, context):",
        """def invoke(payload, context):
        if payload.get("wait"):
            barrier.wait(60)
            return os.getpid()""",
    ).replace("gate = Path", "import threading; barrier = threading.Barrier(4); gate = Path")
    launch = make_launch(tmp_path, "agent", code)

    def call(_: int) -> Any:
        with processes.use(launch) as process:
            return invoke(process, {"wait": True})

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(call, range(4)))) == 1


def test_a_dead_process_is_started_again(processes: AgentProcesses, launch: Launch) -> None:
    with processes.use(launch) as first, pytest.raises(http.client.RemoteDisconnected):
        invoke(first, {"exit": True})
    wait_for_end(first.pid)
    with processes.use(launch) as second:
        assert invoke(second, {})["pid"] != first.pid


def test_a_bundle_that_fails_says_so_and_logs_why(
    processes: AgentProcesses, tmp_path: Path
) -> None:
    launch = make_launch(tmp_path, "agent", "import nonsense_module")
    with pytest.raises(StartError), processes.use(launch):
        pass
    assert "No module named 'nonsense_module'" in launch.log.read_text()


def test_stopping_kills_what_the_agent_started(processes: AgentProcesses, launch: Launch) -> None:
    with processes.use(launch) as process:
        child = invoke(process, {"child": True})
    processes.stop("agent")
    wait_for_end(process.pid)
    wait_for_end(child)


def test_idle_agents_are_stopped_and_busy_ones_are_not(
    processes: AgentProcesses, launch: Launch
) -> None:
    with processes.use(launch) as process:
        processes.sweep(now=1e12)
        assert process.is_alive()
        pid = process.pid
    processes.sweep(now=0)
    assert processes.agents
    processes.sweep(now=1e12)
    assert not processes.agents
    wait_for_end(pid)


def test_the_longest_unused_agent_gives_way(processes: AgentProcesses, tmp_path: Path) -> None:
    launches = [make_launch(tmp_path, f"agent{number}") for number in range(4)]
    for launch in (*launches[:3], launches[0], launches[3]):
        with processes.use(launch):
            pass
    assert {key[0] for key in processes.agents} == {"agent0", "agent2", "agent3"}


def test_no_agent_is_added_when_all_are_busy(processes: AgentProcesses, tmp_path: Path) -> None:
    processes.max_running = 1
    second = make_launch(tmp_path, "two")
    first = make_launch(tmp_path, "one")
    with processes.use(first), pytest.raises(BusyError), processes.use(second):
        pass


def test_an_agent_that_starts_after_its_stop_ends_with_its_last_call(
    processes: AgentProcesses, launch: Launch
) -> None:
    start = processes._start

    def stop_then_start(launch: Launch) -> Process:
        with processes.lock:
            processes.agents.clear()  # what `stop` does before it waits for the start
        return start(launch)

    processes._start = stop_then_start  # type: ignore[method-assign]
    with processes.use(launch) as process:
        assert process.is_alive()
        pid = process.pid
    wait_for_end(pid)


def test_a_killed_warm_parent_is_replaced(processes: AgentProcesses, launch: Launch) -> None:
    with processes.use(launch) as first:
        pid = first.pid
    warm = processes.warm_parent.process
    assert warm is not None
    os.kill(warm.pid, signal.SIGKILL)
    warm.wait()
    wait_for_end(pid)
    with processes.use(launch) as second:
        assert invoke(second, {})["pid"] != pid


def test_everything_ends_with_the_stand_in(launch: Launch) -> None:
    script = f"""
    import sys
    from pathlib import Path
    from local.aws.agentcore.processes import AgentProcesses, Launch

    processes = AgentProcesses()
    launch = Launch("agent", "1", Path({str(launch.folder)!r}), "agent_file.py",
                    Path({str(launch.log)!r}), {dict(launch.environment)!r})
    with processes.use(launch) as process:
        print(processes.warm_parent.process.pid, process.pid, flush=True)
    sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as stand_in:
        assert stand_in.stdout is not None
        pids = [int(word) for word in stand_in.stdout.readline().split()]
        assert len(pids) == 2
        stand_in.kill()
    for pid in pids:
        wait_for_end(pid)


def test_many_agents_start_at_once(tmp_path: Path) -> None:
    processes = AgentProcesses(max_running=20)
    launches = [make_launch(tmp_path, f"agent{number}") for number in range(20)]
    ready = threading.Barrier(20)

    def call(launch: Launch) -> str:
        ready.wait(60)
        with processes.use(launch) as process:
            return str(invoke(process, {})["folder"])

    try:
        with ThreadPoolExecutor(20) as pool:
            assert list(pool.map(call, launches)) == [str(one.folder) for one in launches]
    finally:
        processes.stop()
