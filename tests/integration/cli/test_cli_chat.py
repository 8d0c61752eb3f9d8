"""`oratio chat`: one question, or a conversation."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.creation import OPERATORS
from tests.creation import run as run_operator
from tests.fakes import ROOT, store_agent

QUESTION = "Within how many days may bicycles be returned?"


@pytest.fixture
def desk(terminal):
    """An active agent, made by the pipeline's own steps."""
    agent = store_agent(user_id=terminal.user_id)
    for name in OPERATORS:
        run_operator(agent, name)
    return agent.agent_id


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
