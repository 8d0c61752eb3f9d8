"""Hostile generated files: each is refused by a gate, and harms nothing where no gate looks.

A file in files/ says in its first lines what it tries and which rule of the static gate refuses it
(`sandbox`: none does, only the trial). It stands in an otherwise good agent. The second test runs
it straight in the sandbox: no file is written, no secret read, nobody called, nothing left behind,
and no verdict forged.
"""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from include.creator.check import check_source
from include.creator.generate import generate
from include.creator.request import GenerationRequest
from include.creator.trial import gateway, run, session
from include.creator.trial.samples import Sample
from include.models import AgentType
from tests.conftest import start_sandbox

FILES = sorted((Path(__file__).parent / "files").glob("*.py"))
ENTRY = b"@app.entrypoint"
REQUEST = GenerationRequest(
    agent_id="a1",
    agent_name="Desk",
    agent_type=AgentType.TEXT,
    sop="1. Look the answer up in the documents before you say anything at all.\n\nNever lie.",
    knowledge_base_description="Returns.",
    human_handoff_description="Hand over when somebody was hurt.",
    document_prefix="s3://oratio-knowledge-bases/alice/a1/",
)
SAMPLES = [Sample("returns.md", "Bicycles may be returned within 30 days of their delivery.")]
TRIAL_SECONDS = 4


@dataclass
class World:
    """What a hostile file could harm, and whether it did."""

    home: Path
    sandbox: subprocess.Popen[bytes]
    sandbox_socket: Path
    listeners: list[socket.socket]
    reached: list[Any] = field(default_factory=list)
    token: str = field(default_factory=lambda: uuid4().hex)

    def fill_in(self, code: str) -> bytes:
        """The file with the places and names of this test."""
        self.marker.unlink(missing_ok=True)
        for folder in (self.home, self.home / "other"):
            folder.mkdir(exist_ok=True)
            (folder / "secret.txt").write_text(self.token)
        values = {
            "SECRET": self.home / "secret.txt",
            "HOME": self.home,
            "OTHER": self.home / "other",
            "MARKER": self.marker,
            "PORT": self.listeners[0].getsockname()[1],
            "UNIX": self.home / "service.sock",
            "NAME": self.home.name,
            "SANDBOX": self.sandbox_socket,
            "TOKEN": self.token,
        }
        return re.sub(r"@([A-Z]+)@", lambda m: str(values[m[1]]), code).encode()

    @property
    def marker(self) -> Path:
        """What a file writes to show that it can write."""
        return self.home / "marker"

    def watch(self) -> None:
        """Notice whoever reaches one of the listeners."""
        for listener in self.listeners:
            threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def accept(self, listener: socket.socket) -> None:
        """Keep the first caller, or the first datagram."""
        try:
            is_stream = listener.type == socket.SOCK_STREAM
            self.reached.append(listener.accept() if is_stream else listener.recv(100))
        except OSError:
            return  # closed at the end of the tests


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A sandbox with tight limits, secrets beside it, and services it must not reach."""
    home = tmp_path_factory.mktemp(f"world-{uuid4().hex[:8]}")
    path = home / "sandbox.sock"
    sandbox = start_sandbox(
        SANDBOX_SOCKET=str(path),
        SANDBOX_CPU_SECONDS="1",
        SANDBOX_SECONDS=str(TRIAL_SECONDS),
        SANDBOX_MEMORY_MIB="128",
        JWT_SECRET="a secret of the process that starts the sandbox",
    )
    tcp = socket.create_server(("127.0.0.1", 0))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(tcp.getsockname())
    services = [socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
    for service, address in zip(
        services, (str(home / "service.sock"), f"\0{home.name}"), strict=True
    ):
        service.bind(address)
        service.listen()
    world = World(home, sandbox, path, [tcp, udp, *services])
    world.watch()
    yield world
    sandbox.terminate()
    sandbox.wait()
    for listener in world.listeners:
        listener.close()


class ObligingModel:
    """A model that says whatever lets an agent pass, for free."""

    def converse(self, **request: Any) -> dict[str, Any]:
        content = [{"text": "I cannot do that [1]."}]
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        }


@pytest.fixture
def heard(world: World, configure: Any, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """All that comes out of the jail, while the trial's model is a fake."""
    configure(SANDBOX_SOCKET=world.sandbox_socket, SANDBOX_SECONDS=TRIAL_SECONDS)
    monkeypatch.setattr(gateway, "client", lambda service: ObligingModel())
    lines: list[bytes] = []
    connect = session.connect

    def connect_and_listen() -> Any:
        connection = connect()
        return ListeningSocket(connection, lines)

    monkeypatch.setattr(session, "connect", connect_and_listen)
    return lines


class ListeningSocket:
    """A connection that keeps all it receives."""

    def __init__(self, connection: socket.socket, lines: list[bytes]) -> None:
        self.connection = connection
        self.lines = lines

    def makefile(self, mode: str) -> Any:
        file = self.connection.makefile("rb")
        readline = file.readline

        class Reader:
            @staticmethod
            def readline(limit: int) -> bytes:
                line = readline(limit)
                self.lines.append(line)
                return line

        return Reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def embed(code: bytes) -> bytes:
    """The file of a good agent with hostile code in it."""
    good = dict(generate(REQUEST).files)["agent_file.py"]
    return good.replace(ENTRY, code + b"\n\n" + ENTRY, 1)


def tell_loot(source: bytes) -> bytes:
    """The agent answering every message with what its hostile code has got hold of."""
    tail = (
        b"\n\n@app.entrypoint\nasync def tell(payload: Any, context: RequestContext) -> Any:\n"
        b'    return {"answer": repr(globals().get("LOOT"))}\n\n\nif __name__'
    )
    return tail.join(source.rsplit(b"\n\nif __name__", 1))


def read_header(path: Path) -> dict[str, str]:
    """What the file tries, and the rule that refuses it."""
    return dict(re.findall(r"^# (\w+): (.*)$", path.read_text(), re.M))


def test_there_are_sixty_of_them() -> None:
    assert len(FILES) >= 60


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_static_gate_refuses_it(path: Path) -> None:
    findings = check_source(embed(re.sub(rb"@[A-Z]+@", b"1", path.read_bytes())))
    rules = {finding.rule for finding in findings} or {"sandbox"}
    assert read_header(path)["Refused"] in rules


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_sandbox_contains_it(path: Path, world: World, heard: list[bytes]) -> None:
    request_files = generate(REQUEST).files
    source = tell_loot(embed(world.fill_in(path.read_text())))
    files = {**request_files, "agent_file.py": source}
    report = run.try_code(files, REQUEST, generate(REQUEST).spec, SAMPLES)

    said = b"".join(heard)
    assert report.score == 0.0, report
    assert world.token.encode() not in said
    assert b"a secret of the process" not in said
    assert not world.marker.exists()
    assert world.reached == []
    assert world.sandbox.poll() is None
    wait_until_gone(world)


def wait_until_gone(world: World) -> None:
    """Wait until no process and no file of a trial is left; fails after a while."""
    sandbox, folder = psutil.Process(world.sandbox.pid), Path(f"{world.sandbox_socket}.trials")
    deadline = time.monotonic() + 10
    while left := [*sandbox.children(recursive=True), *folder.iterdir()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)
