"""The buttons of a task lead to our pages, by the run's id alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from include.console import build_knowledge_base_url, build_runtime_url
from oratio.links import AgentLink, KnowledgeBaseLink, RuntimeLink
from oratio.operators import approval, creator, knowledge, records, runtime
from tests.fakes import make_agent, make_knowledge_base

KEY = SimpleNamespace(dag_id="create_agent", run_id="manual__2026-01-01T00:00:00+00:00/x")


@pytest.mark.parametrize(
    ("link", "target"),
    [(AgentLink(), "agent"), (KnowledgeBaseLink(), "knowledge-base"), (RuntimeLink(), "runtime")],
)
def test_a_link_names_the_run(link, target):
    url = link.get_link(None, ti_key=KEY)
    run = "manual__2026-01-01T00%3A00%3A00%2B00%3A00%2Fx"
    assert url.endswith(f"/oratio/runs/create_agent/{run}/{target}")


def test_every_step_leads_to_the_agent():
    assert set(AgentLink.operators) >= {
        approval.ApproveCodeOperator,
        creator.GenerateCodeOperator,
        knowledge.IngestDocumentsOperator,
        records.ActivateOperator,
        records.RecordFailureOperator,
        runtime.VerifyAgentOperator,
    }


@pytest.mark.parametrize(
    ("region", "home"),
    [
        ("eu-central-1", "https://eu-central-1.console.aws.amazon.com/"),
        ("cn-north-1", "https://cn-north-1.console.amazonaws.cn/"),
        ("us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/"),
    ],
)
def test_the_console_is_that_of_the_region(configure, region, home):
    configure(AWS_REGION=region)
    agent = make_agent(agentcore_agent_id="oratio_x-1234567890")
    base = make_knowledge_base(agent, {}).model_copy(
        update={"bedrock_knowledge_base_id": "KB12345678"}
    )
    assert build_runtime_url(agent).startswith(home)
    assert "oratio_x-1234567890" in build_runtime_url(agent)
    assert build_knowledge_base_url(base).startswith(home)
    assert build_knowledge_base_url(base).endswith("KB12345678")


def test_what_is_not_made_yet_has_no_address():
    agent = make_agent()
    assert build_runtime_url(agent) is None
    assert build_knowledge_base_url(make_knowledge_base(agent, {})) is None
