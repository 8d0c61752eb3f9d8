"""What `oratio create` sends, prints and refuses."""

from __future__ import annotations

import json

import pytest

from include import records
from include.models import AgentStatus
from include.naming import agent_prefix
from include.settings import get_settings
from tests.fakes import SOP, list_keys
from tests.terminal import record_progress


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
