"""`oratio watch`: progress until the end, whatever it is."""

from __future__ import annotations

import json
import signal

from include import records
from include.models import AgentStatus, StepStatus
from tests.fakes import store_agent
from tests.terminal import allow_interrupts, fail, record_progress


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
