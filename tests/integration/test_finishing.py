"""What a trigger does of a step whose wait is over, and what it leaves to the step."""

from __future__ import annotations

from functools import partial

import pytest

from include import records
from include.aws import client
from include.creator.publish import publish_code
from include.errors import NotReadyError
from include.finishing import FINISHES, finish_step
from include.knowledge.bases import ensure_knowledge_base, find_knowledge_base
from include.knowledge.ingestion import ingest_documents
from include.models import StepStatus
from include.runtime.deploy import deploy_runtime
from include.runtime.endpoints import find_endpoint
from include.runtime.runtimes import find_namesake
from include.settings import get_settings
from include.steps import run_step
from include.waits import is_settled
from local.aws.knowledge.backend import knowledge_backends
from tests.fakes import knowledge_base_of, reload, settle, store_agent

ENDPOINT = "bedrock-agentcore::endpoint"
WORK = {
    "ensure_knowledge_base": lambda agent, redo: ensure_knowledge_base(agent),
    "ingest_documents": ingest_documents,
    "deploy_runtime": deploy_runtime,
}
WAITS_FOR = {
    "ensure_knowledge_base": "bedrock-agent::knowledge_base",
    "ingest_documents": "bedrock-agent::ingestion_job",
    "deploy_runtime": "bedrock-agentcore::runtime",
}


@pytest.fixture
def agent(stand_in):
    agent = store_agent()
    publish_code(agent)
    return reload(agent)


def await_it(pending):
    """Wait as the trigger does."""
    while not is_settled(pending.probe, pending.ids):
        pass


@pytest.fixture
def prepare(agent, stand_in):
    """Does the steps before one, and runs it up to its wait; returns what it waits for."""

    def prepare(name):
        names = list(WORK)
        for earlier in names[: names.index(name)]:
            settle(agent, partial(WORK[earlier], redo=False))
        stand_in.set_polls(WAITS_FOR[name], 2)
        with pytest.raises(NotReadyError) as pending:
            run_step(agent.ref, name, 1, WORK[name])
        return pending.value

    return prepare


@pytest.mark.parametrize("name", WORK)
def test_the_rest_of_a_step_is_done_and_recorded(agent, prepare, name):
    await_it(prepare(name))
    started_at = reload(agent).steps[name].started_at
    assert finish_step(agent.ref, name)
    step = reload(agent).steps[name]
    assert (step.status, step.error, step.started_at) == ("succeeded", None, started_at)
    assert WORK[name](reload(agent), False) is None  # it has nothing to wait for any more


def test_what_comes_next_is_waited_for(agent, stand_in, prepare):
    stand_in.set_polls(ENDPOINT, 2)
    await_it(prepare("deploy_runtime"))
    with pytest.raises(NotReadyError) as pending:
        finish_step(agent.ref, "deploy_runtime")
    assert pending.value.probe == "endpoint"
    assert reload(agent).steps["deploy_runtime"].status == "waiting"
    await_it(pending.value)
    assert finish_step(agent.ref, "deploy_runtime")
    assert find_endpoint(reload(agent).agentcore_agent_id)["status"] == "READY"


def test_a_knowledge_base_that_is_gone_is_not_made_again_here(agent, stand_in, prepare):
    prepare("ensure_knowledge_base")
    stand_in.unset_transitions()
    bedrock_id = knowledge_base_of(agent).bedrock_knowledge_base_id
    client("bedrock-agent").delete_knowledge_base(knowledgeBaseId=bedrock_id)
    assert not finish_step(agent.ref, "ensure_knowledge_base")
    assert find_knowledge_base(get_settings(), agent.ref) is None
    assert reload(agent).steps["ensure_knowledge_base"].status == "waiting"


def test_a_runtime_that_is_gone_is_not_made_again_here(agent, stand_in, prepare):
    prepare("deploy_runtime")
    stand_in.unset_transitions()
    runtime_id = reload(agent).agentcore_agent_id
    client("bedrock-agentcore-control").delete_agent_runtime(agentRuntimeId=runtime_id)
    assert not finish_step(agent.ref, "deploy_runtime")
    assert find_namesake(agent.ref) is None
    assert reload(agent).steps["deploy_runtime"].status == "waiting"


def test_a_failure_is_left_to_the_step(agent, stand_in, prepare):
    prepare("ensure_knowledge_base")
    bedrock_id = knowledge_base_of(agent).bedrock_knowledge_base_id
    backend = knowledge_backends["123456789012"]["us-east-1"]
    backend.get_knowledge_base(bedrock_id).lifecycle.enter("FAILED")
    assert not finish_step(agent.ref, "ensure_knowledge_base")
    step = reload(agent).steps["ensure_knowledge_base"]
    assert (step.status, step.error) == ("waiting", None)


def test_a_step_that_runs_again_already_is_left_alone(agent, stand_in, prepare):
    await_it(prepare("ensure_knowledge_base"))
    step = reload(agent).steps["ensure_knowledge_base"]
    again = step.model_copy(update={"status": StepStatus.RUNNING})
    records.record_step(agent.ref, "ensure_knowledge_base", again)
    assert not finish_step(agent.ref, "ensure_knowledge_base")
    assert reload(agent).steps["ensure_knowledge_base"].status == "running"


def test_an_outdated_run_finishes_nothing(agent, stand_in, prepare):
    await_it(prepare("ensure_knowledge_base"))
    records.update_agent(agent.ref, generation=2)
    assert not finish_step(agent.ref, "ensure_knowledge_base")
    assert knowledge_base_of(agent).data_source_id is None


def test_other_steps_run_again_themselves(agent):
    assert "generate_code" not in FINISHES
    assert not finish_step(agent.ref, "generate_code")
