"""Commands about what serves: update, rollback, versions."""

from __future__ import annotations

import pytest

from include import records
from include.models import AgentStatus, AgentVersion, Pipeline
from tests.fakes import reload, store_agent

RUNTIME = "oratio_a-1234567890"


def make_version(number: str) -> AgentVersion:
    return AgentVersion(
        version=number,
        runtime_id=RUNTIME,
        generation=int(number),
        sop_sha256=number * 64,
        generator="rules",
        generator_version="1",
        model_id="model",
        code_sha256=number * 64,
        code_s3_key="bundle.zip",
        code_s3_version=number,
    )


@pytest.fixture
def agent(terminal):
    """An active agent at its second version."""
    agent = store_agent(user_id=terminal.user_id)
    records.update_agent(
        agent.ref,
        status=AgentStatus.ACTIVE,
        dispatch=None,
        agentcore_agent_id=RUNTIME,
        agentcore_agent_version="2",
        versions=[make_version("1"), make_version("2")],
    )
    return reload(agent)


def test_update_sends_the_new_sop_and_starts_the_run(terminal, agent, tmp_path):
    sop = tmp_path / "new.md"
    sop.write_text("Answer in one sentence.")
    done = terminal.run("update", agent.agent_id, "--sop", str(sop), "--name", "Front desk")
    assert done.exit_code == 0, done.notes
    assert "update started" in done.output
    changed = reload(agent)
    assert (changed.sop, changed.agent_name) == ("Answer in one sentence.", "Front desk")
    assert (changed.pipeline, changed.generation) == (Pipeline.UPDATE, agent.generation + 1)


def test_an_update_without_a_change_says_so(terminal, agent):
    done = terminal.run("update", agent.agent_id)
    assert done.exit_code != 0
    assert "Nothing has changed" in done.notes


def test_rollback_goes_to_the_version_before_unless_told(terminal, agent):
    shown = terminal.run("rollback", agent.agent_id, "--json").json
    assert shown["runningPipeline"] == "rollback_agent"
    assert reload(agent).candidate.version == "1"


def test_rollback_to_a_version_that_never_was_names_those_that_are(terminal, agent):
    done = terminal.run("rollback", agent.agent_id, "--version", "7")
    assert done.exit_code != 0
    assert "'7'" in done.notes
    assert "1, 2" in done.notes


def test_versions_are_listed_newest_first_with_the_one_that_serves(terminal, agent):
    listed = terminal.run("versions", agent.agent_id, "--json").json
    assert [(each["version"], each["isServing"]) for each in listed] == [("2", True), ("1", False)]
    lines = terminal.run("versions", agent.agent_id).output.splitlines()
    assert ["serving" in line for line in lines if "111111111111" in line or "2222" in line] == [
        True,
        False,
    ]
