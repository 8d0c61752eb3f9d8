"""What the audit finds: resources without an agent, and agents without their resources."""

from __future__ import annotations

import pytest

from include import lifecycle, records
from include.aws import client
from include.creator.publish import publish_code
from include.errors import NotReadyError
from include.knowledge.bases import ensure_knowledge_base
from include.knowledge.ingestion import ingest_documents
from include.knowledge.stores import prepare_vector_index
from include.reconcile.drift import fail_drifted
from include.reconcile.orphans import remove_orphans
from include.removal.knowledge_bases import remove_knowledge_base
from include.removal.runtimes import remove_endpoints, remove_runtime
from include.runtime.deploy import deploy_runtime
from include.runtime.verify import verify_agent
from include.settings import get_settings
from include.steps import activate_agent
from include.waits import is_settled
from tests.fakes import knowledge_base_of, list_traces, make_agent, reload, store_agent


@pytest.fixture(autouse=True)
def stand_in_alone(empty_stand_in):
    return empty_stand_in


def finish(work):
    """Call until nothing is waited for, as an operator does."""
    for _ in range(20):
        try:
            return work()
        except NotReadyError as pending:
            any(is_settled(pending.probe, pending.ids) for _ in range(20))
    raise AssertionError("It waits for ever.")


def create(agent):
    """What a run of create_agent makes, without activation."""
    finish(lambda: ensure_knowledge_base(reload(agent)))
    finish(lambda: ingest_documents(reload(agent), False))
    publish_code(reload(agent))
    finish(lambda: deploy_runtime(reload(agent), False))
    return reload(agent)


@pytest.fixture
def agent():
    agent = create(store_agent(dispatch=None))
    records.update_agent(agent.ref, **activate_agent(agent))
    return reload(agent)


def forget(agent):
    """Lose both records."""
    records.update_agent(agent.ref, deletion_requested_at="now")
    records.delete_records(agent.ref, agent.knowledge_base_id)


def count(**counts):
    return {"found": 0, "young": 0, "removed": 0, "removing": 0, "failed": 0} | counts


def test_of_agents_with_a_record_nothing_is_touched(agent, configure):
    configure(ORPHAN_GRACE_HOURS=0)
    before = list_traces(agent)
    assert remove_orphans() == count()
    lifecycle.delete_agent(agent, knowledge_base_of(agent))
    assert remove_orphans() == count()  # its deletion is under way
    assert list_traces(agent) == before


def test_orphans_are_reported_and_removed_after_their_grace(agent, configure):
    forget(agent)
    assert remove_orphans() == count(found=2, young=2)
    configure(ORPHAN_GRACE_HOURS=0)
    assert remove_orphans() == count(found=2, removed=2)
    assert [t for t in list_traces(agent) if "/" not in t] == []
    assert remove_orphans() == count()


def test_a_vector_index_without_a_knowledge_base_is_an_orphan(configure):
    agent = make_agent()
    prepare_vector_index(get_settings(), agent.ref)
    assert remove_orphans() == count(found=1, young=1)
    configure(ORPHAN_GRACE_HOURS=0)
    assert remove_orphans() == count(found=1, removed=1)
    assert list_traces(agent) == []


def test_what_belongs_to_another_installation_stays(agent, configure):
    forget(agent)
    configure(ORPHAN_GRACE_HOURS=0, ENVIRONMENT="staging")
    before = list_traces(agent)
    assert remove_orphans() == count()
    assert list_traces(agent) == before


def test_a_long_removal_ends_in_a_later_audit(agent, configure, stand_in):
    forget(agent)
    configure(ORPHAN_GRACE_HOURS=0)
    stand_in.set_polls("bedrock-agent::knowledge_base", 2)
    outcomes = [remove_orphans() for _ in range(4)]
    assert outcomes[0] == count(found=2, removed=1, removing=1)
    assert [t for t in list_traces(agent) if "/" not in t] == []


def lose_runtime(agent):
    finish(lambda: remove_runtime(agent.ref, agent.agentcore_agent_id, False))


def lose_endpoint(agent):
    finish(lambda: remove_endpoints(agent.agentcore_agent_id, False))


def lose_knowledge_base(agent):
    finish(lambda: remove_knowledge_base(agent.ref, None, False))


LOSSES = {
    "runtime, endpoint": lose_runtime,
    "endpoint": lose_endpoint,
    "knowledge base": lose_knowledge_base,
}


@pytest.mark.parametrize("missing", LOSSES)
def test_an_agent_that_lost_a_part_is_failed_and_a_retry_heals_it(agent, missing):
    other = store_agent(status="creating")
    assert fail_drifted() == 0
    LOSSES[missing](agent)
    assert fail_drifted() == 1
    failed = reload(agent)
    assert (failed.status, failed.failure.code) == ("failed", "drift_detected")
    assert f": {missing}." in failed.failure.message
    assert ":retry" in failed.failure.message
    assert reload(other) == other
    assert fail_drifted() == 0

    lifecycle.retry_agent(failed, lifecycle.build_retry(failed))
    healed = create(agent)
    verify_agent(healed)
    assert healed.code.generation == healed.generation == 2  # the DAG waits for its bundle


def test_an_agent_with_a_run_is_left_to_it(agent):
    lose_runtime(agent)
    records.update_agent(agent.ref, dispatch="sent")
    assert fail_drifted() == 0
    records.update_agent(agent.ref, dispatch=None, status="paused")
    assert fail_drifted() == 1


def test_a_knowledge_base_of_another_name_is_no_drift(agent):
    bedrock = client("bedrock-agent")
    bedrock_id = knowledge_base_of(agent).bedrock_knowledge_base_id
    base = bedrock.get_knowledge_base(knowledgeBaseId=bedrock_id)["knowledgeBase"]
    fields = {k: base[k] for k in ("roleArn", "knowledgeBaseConfiguration", "storageConfiguration")}
    bedrock.update_knowledge_base(knowledgeBaseId=bedrock_id, name="renamed", **fields)
    assert fail_drifted() == 0
