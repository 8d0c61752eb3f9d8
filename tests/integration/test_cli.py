"""The command line as its users run it: a process of its own, against the intake over HTTP."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from api.app import create_app
from include import records
from include.models import AgentStatus, Step, StepError, StepStatus, now
from include.naming import agent_prefix
from include.settings import get_settings
from local.tokens import make_token
from tests.fakes import RETURNS, ROOT, SOP, list_keys, make_agent, store_agent
from tests.integration.test_runtime_pipeline import OPERATORS
from tests.integration.test_runtime_pipeline import run as run_operator

MIB = 1024 * 1024
PROBLEM = (
    b'{"title": "Too large", "status": 413, "detail": "a.md is larger than 50 MiB; split it."}'
)


@pytest.fixture
def url(stand_in, airflow):
    """The intake on a free port."""
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    server.server_close()
    thread.join()


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


@pytest.fixture
def terminal(url):
    user_id = make_agent().user_id
    return Terminal(url, user_id, make_token(user_id, os.environ["JWT_SECRET"]))


@pytest.fixture
def stranger(url):
    return Terminal(url, "stranger", make_token("stranger", os.environ["JWT_SECRET"]))


@pytest.fixture
def folder(tmp_path):
    """Documents in two levels, with what a folder gathers over time."""
    root = tmp_path / "docs"
    (root / "policies").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("secret")
    (root / ".DS_Store").write_bytes(b"\0")
    (root / "policies" / "returns.md").write_bytes(RETURNS)
    (root / "hours.md").write_text("# Hours\n\nThe shop opens at nine and closes at six.\n")
    return root


@pytest.fixture
def arguments(folder, tmp_path):
    """`create` with all that it needs."""
    sop = tmp_path / "sop.md"
    sop.write_text(SOP)
    return build_arguments(folder, sop)


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


# -- create ---------------------------------------------------------------------------------------
def test_create_uploads_the_folder_and_prints_the_id(terminal, arguments):
    done = terminal.run(*arguments, "--description", "policies/returns.md=Return periods")
    assert done.exit_code == 0, done.notes
    agent = records.get_agent(terminal.user_id, done.output.strip())
    assert (agent.agent_name, agent.sop) == ("Desk [bold]", SOP.strip())
    base = records.get_knowledge_base(agent.knowledge_base_id)
    assert {each.path for each in base.documents} == {"hours.md", "policies/returns.md"}
    assert base.folder_file_descriptions == {"policies/returns.md": "Return periods"}
    keys = list_keys(get_settings().kb_bucket, agent_prefix(terminal.user_id, agent.agent_id))
    assert not [key for key in keys if ".git" in key or ".DS_Store" in key]


def test_create_names_what_it_skips(terminal, arguments):
    done = terminal.run(*arguments)
    assert ".DS_Store" in done.notes
    assert ".git/" in done.notes


def test_create_as_json_prints_the_agent_only(terminal, arguments):
    agent = terminal.run(*arguments, "--json").json
    assert agent["status"] == "creating"
    assert records.get_agent(terminal.user_id, agent["agentId"])


def test_create_repeated_with_its_key_is_one_agent(terminal, arguments):
    ids = {terminal.run(*arguments, "--idempotency-key", "k-1").output for _ in range(2)}
    assert len(ids) == 1
    assert len(terminal.run("list", "--json").json) == 1


def test_create_watches_until_it_is_active(terminal, arguments):
    process = terminal.start(*arguments, "--watch", "--json")
    while "Uploaded documents: 2" not in process.stderr.readline():
        pass
    (summary,) = terminal.run("list", "--json").json
    agent = records.get_agent(terminal.user_id, summary["agentId"])
    record_progress(agent, "activate")
    records.update_agent(agent.ref, status=AgentStatus.ACTIVE, dispatch=None)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(output)["status"] == "active"


def test_a_refused_field_is_named(terminal, arguments):
    arguments[arguments.index("Use it for returns.")] = "short"
    done = terminal.run(*arguments)
    assert done.exit_code == 1
    assert "knowledgeBaseDescription: " in done.notes
    assert "at least 10 characters" in done.notes


def test_a_refusal_as_json_is_the_problem(terminal, arguments):
    arguments[arguments.index("Use it for returns.")] = "short"
    done = terminal.run("--json", *arguments)
    assert done.exit_code == 1
    assert done.json["errors"][0]["field"] == "knowledgeBaseDescription"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (["--description", "no separator"], "path=text"),
        (["--sop", "/nowhere/sop.md"], "does not exist"),
        (["--type", "smell"], "smell"),
        (["--shape", "round"], "--shape"),
    ],
)
def test_wrong_usage_sends_nothing(terminal, arguments, change, complaint):
    done = terminal.run(*arguments, *change)
    assert done.exit_code == 2
    assert complaint in done.notes
    assert terminal.run("list", "--json").json == []


def test_an_sop_that_is_no_text_is_wrong_usage(terminal, arguments, tmp_path):
    (tmp_path / "sop.md").write_bytes(b"\xff\xfe\x00")
    done = terminal.run(*arguments)
    assert done.exit_code == 2
    assert "UTF-8" in done.notes


# -- uploads that break ----------------------------------------------------------------------------
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


@pytest.fixture
def large(tmp_path):
    """A sparse file, far larger than any buffer on the way."""
    path = tmp_path / "large.md"
    with path.open("wb") as file:
        file.truncate(300 * MIB)
    sop = tmp_path / "sop.md"
    sop.write_text(SOP)
    return build_arguments(path, sop)


def allow_interrupts() -> None:
    """A shell's background jobs ignore Ctrl-C, and so would their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_upload_says_that_nothing_was_created(large):
    is_uploading, is_over = threading.Event(), threading.Event()

    def stall(connection):
        receive(connection, MIB)
        is_uploading.set()
        is_over.wait(60)

    with listen(stall) as url:
        process = Terminal(url, "alice", "token").start(*large, preexec_fn=allow_interrupts)
        assert is_uploading.wait(60)
        process.send_signal(signal.SIGINT)
        output, notes = process.communicate(timeout=60)
        is_over.set()
    assert (process.returncode, output) == (130, "")
    assert "no agent was created" in notes
    assert "of 314.6 MB" in notes
    assert "Traceback" not in notes


def test_a_connection_that_breaks_says_that_nothing_was_created(large):
    with listen(lambda connection: receive(connection, MIB)) as url:
        done = Terminal(url, "alice", "token").run(*large)
    assert done.exit_code == 5
    assert "no agent was created" in done.notes


def test_a_lost_answer_says_how_to_repeat(arguments):
    with listen(receive_form) as url:
        done = Terminal(url, "alice", "token").run(*arguments)
    assert done.exit_code == 5
    assert "may have been created" in done.notes
    assert "--idempotency-key " in done.notes


def test_an_early_refusal_is_shown(large):
    def refuse(connection):
        receive(connection, MIB)
        head = "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
        connection.sendall(f"{head}Content-Length: {len(PROBLEM)}\r\n\r\n".encode() + PROBLEM)
        connection.shutdown(socket.SHUT_WR)
        receive(connection, 301 * MIB)

    with listen(refuse) as url:
        done = Terminal(url, "alice", "token").run(*large)
    assert done.exit_code == 1
    assert "larger than 50 MiB; split it" in done.notes


def test_a_document_that_is_too_large_is_refused_by_name(terminal, large):
    done = terminal.run(*large)
    assert done.exit_code == 1
    assert "large.md" in done.notes


def test_an_upload_never_holds_a_whole_file(large):
    received: list[int] = []

    def accept(connection):
        received.append(receive_form(connection))
        body = b'{"agentId": "a1"}'
        connection.sendall(f"HTTP/1.1 201 C\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    with listen(accept) as url:
        done = Terminal(url, "alice", "token").run(
            *large,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (200 * MIB, 200 * MIB)),
        )
    assert (done.exit_code, done.output) == (0, "a1\n"), done.notes
    assert received[0] > 300 * MIB


# -- list, show, documents ---------------------------------------------------------------------
def test_list_shows_the_users_agents_only(terminal, stranger):
    agent = store_agent(user_id=terminal.user_id, agent_name="Desk [bold]")
    done = terminal.run("list")
    assert done.exit_code == 0
    assert agent.agent_id in done.output
    assert "Desk [bold]" in done.output
    assert agent.agent_id not in stranger.run("list").output


def test_list_filters_by_status(terminal):
    waiting, failed = (store_agent(user_id=terminal.user_id) for _ in range(2))
    fail(failed)
    ids = {each["agentId"] for each in terminal.run("list", "--status", "failed", "--json").json}
    assert ids == {failed.agent_id}
    assert len(terminal.run("list", "--json").json) == 2
    assert waiting.agent_id in terminal.run("list", "--status", "creating").output


def test_show_tells_why_an_agent_failed(terminal):
    agent = store_agent(user_id=terminal.user_id)
    record_progress(agent, "ensure_knowledge_base")
    fail(agent)
    done = terminal.run("show", agent.agent_id)
    assert done.exit_code == 0
    for part in ("failed", "ingest_documents", "No document could be read.", "succeeded"):
        assert part in done.output
    assert terminal.run("show", agent.agent_id, "--json").json["failedStep"] == "ingest_documents"


def test_documents_shows_each_document(terminal):
    agent = store_agent({"a.md": RETURNS, "b/c.md": RETURNS}, user_id=terminal.user_id)
    done = terminal.run("documents", agent.agent_id)
    assert "b/c.md" in done.output
    assert "uploaded" in done.output
    paths = [each["path"] for each in terminal.run("documents", agent.agent_id, "--json").json]
    assert sorted(paths) == ["a.md", "b/c.md"]


def test_control_characters_of_others_do_not_reach_the_terminal(terminal):
    agent = store_agent(user_id=terminal.user_id, agent_name="Desk \x1b[2J\x9b31m")
    for command in (["list"], ["show", agent.agent_id]):
        output = terminal.run(*command).output
        assert "Desk" in output
        assert "\x1b[2J" not in output
        assert "\x9b" not in output


# -- watch -------------------------------------------------------------------------------------
def test_watch_ends_with_the_reason_of_a_failure(terminal):
    agent = store_agent(user_id=terminal.user_id)
    record_progress(agent, "ensure_knowledge_base")
    fail(agent)
    done = terminal.run("watch", agent.agent_id)
    assert (done.exit_code, done.output) == (1, "")
    assert "No document could be read." in done.notes
    done = terminal.run("watch", agent.agent_id, "--json")
    assert (done.exit_code, done.json["code"]) == (1, "ingestion_failed")


def test_watch_follows_the_steps_until_active(terminal):
    agent = store_agent(user_id=terminal.user_id)
    record_progress(agent, "ensure_knowledge_base", status=StepStatus.RUNNING)
    process = terminal.start("watch", agent.agent_id, "--json")
    assert process.stderr.readline() == "ensure_knowledge_base: running\n"
    record_progress(agent, "ensure_knowledge_base", "activate")
    records.update_agent(agent.ref, status=AgentStatus.ACTIVE, dispatch=None)
    output, notes = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(output)["status"] == "active"
    assert "activate: succeeded" in notes


def test_watch_can_be_interrupted(terminal):
    agent = store_agent(user_id=terminal.user_id)
    record_progress(agent, "ensure_knowledge_base", status=StepStatus.RUNNING)
    process = terminal.start("watch", agent.agent_id, preexec_fn=allow_interrupts)
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    output, notes = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, "")
    assert "Interrupted." in notes
    assert "Traceback" not in notes


# -- chat --------------------------------------------------------------------------------------
@pytest.fixture
def desk(terminal):
    """An active agent, made by the pipeline's own steps."""
    agent = store_agent(user_id=terminal.user_id)
    for name in OPERATORS:
        run_operator(agent, name)
    return agent.agent_id


QUESTION = "Within how many days may bicycles be returned?"


def test_chat_answers_with_citations(terminal, desk):
    done = terminal.run("chat", desk, QUESTION)
    assert done.exit_code == 0, done.notes
    assert "30 days" in done.output
    assert "from returns.md" in done.output
    answer = terminal.run("chat", desk, QUESTION, "--json").json
    assert answer["citations"][0]["document"] == "returns.md"


def test_a_conversation_keeps_its_session(terminal, desk):
    done = terminal.run("chat", desk, "--json", typed=f"{QUESTION}\n\n{QUESTION}\n")
    answers = [json.loads(line) for line in done.output.splitlines()]
    assert len(answers) == 2
    assert answers[0]["sessionId"] == answers[1]["sessionId"]
    again = terminal.run("chat", desk, QUESTION, "--json", "--session", answers[0]["sessionId"])
    assert again.json["sessionId"] == answers[0]["sessionId"]


def test_an_agent_that_is_not_active_is_not_asked(terminal):
    agent = store_agent(user_id=terminal.user_id)
    done = terminal.run("chat", agent.agent_id, "Hello?")
    assert done.exit_code == 1
    assert "creating" in done.notes


def test_a_conversation_at_a_terminal_ends_with_its_session(terminal, desk):
    keyboard, terminal_end = os.openpty()
    environment = os.environ | {"ORATIO_URL": terminal.url, "ORATIO_TOKEN": terminal.token}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "chat", desk],
        cwd=ROOT,
        env=environment,
        stdin=terminal_end,
        stdout=terminal_end,
        stderr=terminal_end,
        start_new_session=True,
    )
    os.close(terminal_end)
    screen = Screen(keyboard)
    screen.wait_for(b"> ")
    os.write(keyboard, f"{QUESTION}\n".encode())
    assert b"30 days" in screen.wait_for(b"from returns.md")
    screen.wait_for(b"> ")
    os.write(keyboard, b"\x04")  # Ctrl-D
    screen.wait_for(b"--session ")
    assert process.wait(60) == 0
    os.close(keyboard)


class Screen:
    """What a terminal shows, read up to one text after the other."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.unread = b""

    def wait_for(self, text: bytes) -> bytes:
        """What is shown until this text comes."""
        while text not in self.unread:
            self.unread += os.read(self.descriptor, 4096)
        shown, _, self.unread = self.unread.partition(text)
        return shown


# -- retry, delete -----------------------------------------------------------------------------
def test_retry_creates_again(terminal):
    agent = store_agent(user_id=terminal.user_id)
    fail(agent)
    done = terminal.run("retry", agent.agent_id)
    assert done.exit_code == 0, done.notes
    assert records.get_agent(terminal.user_id, agent.agent_id).status == AgentStatus.CREATING


def test_delete_asks_first(terminal):
    agent = store_agent(user_id=terminal.user_id)
    done = terminal.run("delete", agent.agent_id, typed="n\n")
    assert done.exit_code == 1
    assert "Desk" in done.notes
    assert terminal.run("show", agent.agent_id).exit_code == 0


def test_delete_removes_the_agent_from_the_list(terminal):
    agent = store_agent(user_id=terminal.user_id)
    done = terminal.run("delete", agent.agent_id, typed="y\n")
    assert done.exit_code == 0, done.notes
    assert agent.agent_id not in terminal.run("list").output


def test_delete_as_json_needs_a_yes(terminal):
    agent = store_agent(user_id=terminal.user_id)
    assert terminal.run("delete", agent.agent_id, "--json").exit_code == 2
    done = terminal.run("delete", agent.agent_id, "--json", "--yes")
    assert (done.exit_code, done.json["agentId"]) == (0, agent.agent_id)


# -- exit codes --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "command", [["show"], ["watch"], ["documents"], ["retry"], ["delete", "--yes"]]
)
def test_a_stranger_s_agent_is_not_found(terminal, stranger, command):
    agent = store_agent(user_id=terminal.user_id)
    done = stranger.run(*command, agent.agent_id, "--json")
    assert (done.exit_code, done.json["status"]) == (4, 404)


def test_an_invalid_token_is_not_authorized(url):
    done = Terminal(url, "alice", "no.token.atall").run("list")
    assert done.exit_code == 3
    assert "not valid" in done.notes


def test_no_token_is_not_authorized(url):
    done = Terminal(url, "alice", "").run("list")
    assert done.exit_code == 3
    assert "ORATIO_TOKEN_FILE" in done.notes


def test_the_token_may_come_from_a_file(terminal, tmp_path):
    path = tmp_path / "token"
    path.write_text(f"{terminal.token}\n")
    nobody = Terminal(terminal.url, terminal.user_id, "wrong")
    assert nobody.run("list").exit_code == 3
    assert nobody.run("list", "--token-file", str(path)).exit_code == 0


def test_an_api_that_is_down_is_unreachable():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = Terminal(address, "alice", "token").run("list", "--json")
    assert (done.exit_code, done.json["code"]) == (5, "unreachable")
    assert address in done.json["detail"]


@pytest.mark.parametrize("address", ["ftp://example", "http://:x", "nonsense"])
def test_an_address_that_is_none_is_wrong_usage(address):
    assert Terminal(address, "alice", "token").run("list").exit_code == 2


def test_an_answer_that_is_not_ours_is_explained():
    def redirect(connection):
        connection.recv(MIB)
        connection.sendall(
            b"HTTP/1.1 302 Found\r\nLocation: https://login.example/\r\nContent-Length: 0\r\n\r\n"
        )

    with listen(redirect) as url:
        done = Terminal(url, "alice", "token").run("list")
    assert done.exit_code == 1
    assert "302" in done.notes
    assert "https://login.example/" in done.notes


def test_the_script_runs_from_anywhere(terminal, tmp_path):
    link = tmp_path / "oratio"
    link.symlink_to(ROOT / "bin" / "oratio")
    (tmp_path / "cli.py").write_text("raise SystemExit(9)")  # a file of the user's is not ours
    done = subprocess.run([link, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "documents" in done.stdout
