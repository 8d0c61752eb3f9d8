"""Uploads that break, and what the user learns of it."""

from __future__ import annotations

import resource
import signal
import socket
import threading

import pytest

from tests.fakes import SOP
from tests.terminal import (
    MIB,
    Terminal,
    allow_interrupts,
    build_arguments,
    listen,
    receive,
    receive_form,
)

PROBLEM = (
    b'{"title": "Too large", "status": 413, "detail": "a.md is larger than 50 MiB; split it."}'
)


@pytest.fixture
def large(tmp_path):
    """A sparse file, far larger than any buffer on the way."""
    path = tmp_path / "large.md"
    with path.open("wb") as file:
        file.truncate(300 * MIB)
    sop = tmp_path / "sop.md"
    sop.write_text(SOP)
    return build_arguments(path, sop)


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
