"""Who may, where the API is, and what the exit code says of it."""

from __future__ import annotations

import socket
import subprocess

import pytest

from tests.fakes import ROOT, store_agent
from tests.terminal import MIB, Terminal, listen


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
