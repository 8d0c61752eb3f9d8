"""A user at a terminal: `oratio` as a process, and what it talks to and about."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include import records
from include.models import AgentStatus, Step, StepError, StepStatus, now
from tests.fakes import ROOT

MIB = 1024 * 1024


@dataclass
class Terminal:
    """A user's terminal: where the API is and who they are."""

    url: str
    user_id: str
    token: str

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """Start `oratio`."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ORATIO_")}
        environment |= {"ORATIO_URL": self.url, "ORATIO_TOKEN": self.token, "COLUMNS": "200"}
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env={name: value for name, value in environment.items() if value},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **more,
        )

    def run(self, *arguments: str, typed: str = "", **more: Any) -> Finished:
        """Run `oratio` to its end; what it prints never holds the token or a traceback."""
        process = self.start(*arguments, **more)
        output, notes = process.communicate(typed, timeout=120)
        assert "Traceback" not in notes
        assert not self.token or self.token not in output + notes
        return Finished(process.returncode, output, notes)


@dataclass
class Finished:
    """What a command left behind."""

    exit_code: int
    output: str
    notes: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.output)


def build_arguments(documents: Path, sop: Path) -> list[str]:
    return [
        *("create", str(documents), "--sop", str(sop), "--name", "Desk [bold]"),
        *("--knowledge", "Use it for returns.", "--handoff", "When somebody was hurt."),
    ]


def record_progress(agent, *names, status=StepStatus.SUCCEEDED):
    for name in names:
        step = Step(status=status, attempt=1, started_at=now(), ended_at=now())
        records.record_step(agent.ref, name, step)


def fail(agent):
    error = StepError(code="ingestion_failed", message="No document could be read.")
    changes = {"status": AgentStatus.FAILED, "failure": error, "failed_step": "ingest_documents"}
    records.update_agent(agent.ref, dispatch=None, **changes)


def allow_interrupts() -> None:
    """A shell's background jobs ignore Ctrl-C, and so would their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def listen(answer):
    """A server on a free port that treats one connection as it likes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(30)


def receive(connection, wanted):
    while wanted > 0 and (data := connection.recv(MIB)):
        wanted -= len(data)


def receive_form(connection):
    """Read a multipart body to its end; returns its size."""
    size = 0
    end = b""
    while not end.endswith(b"--\r\n") and (data := connection.recv(MIB)):
        size += len(data)
        end = (end + data)[-4:]
    return size
