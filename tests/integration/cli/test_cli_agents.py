"""Commands about agents that exist: list, show, documents, retry, delete."""

from __future__ import annotations

from include import records
from include.models import AgentStatus
from tests.fakes import RETURNS, store_agent
from tests.terminal import fail, record_progress


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
