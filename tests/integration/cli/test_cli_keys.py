"""`oratio keys`: made, listed, revoked."""

from __future__ import annotations

from include.keys import Scope, find_key, verify_key
from tests.fakes import store_agent


def test_a_key_from_its_making_to_its_end(terminal):
    agent = store_agent({}, user_id=terminal.user_id)
    made = terminal.run("keys", "create", agent.agent_id, "--name", "Shop", "--days", "30")
    token = made.output.strip()
    key = verify_key(token, agent.agent_id, Scope.CHAT)
    assert key.expires_at > key.created_at
    assert key.key_id in made.notes
    listed = terminal.run("keys", "list", agent.agent_id)
    assert key.key_id in listed.output
    assert "valid" in listed.output
    assert terminal.run("keys", "revoke", agent.agent_id, key.key_id).exit_code == 0
    assert find_key(agent.agent_id, key.key_id).revoked_at
    assert "revoked" in terminal.run("keys", "list", agent.agent_id).output


def test_for_programs(terminal):
    agent = store_agent({}, user_id=terminal.user_id)
    arguments = ["--name", "Shop", "--scope", "voice", "--scope", "chat", "--per-minute", "7"]
    key = terminal.run("keys", "create", agent.agent_id, *arguments, "--json").json
    assert (key["scopes"], key["requestsPerMinute"]) == (["voice", "chat"], 7)
    [listed] = terminal.run("keys", "list", agent.agent_id, "--json").json
    assert (listed["keyId"], "key" in listed) == (key["keyId"], False)
    assert terminal.run("keys", "revoke", agent.agent_id, "../x").exit_code == 2
    assert terminal.run("keys", "revoke", agent.agent_id, "0" * 16).exit_code == 4
