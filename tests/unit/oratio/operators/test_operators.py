"""Each operator makes one call into include/, with what that call needs."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.models import AgentRef, StepError
from oratio.operators import creator, knowledge, reconcile, records, removal, runtime
from tests.fakes import make_agent, make_knowledge_base

AGENT = make_agent()
CALLS = [
    (knowledge, "EnsureKnowledgeBaseOperator", "ensure_knowledge_base", (AGENT,)),
    (knowledge, "IngestDocumentsOperator", "ingest_documents", (AGENT, True)),
    (creator, "GenerateCodeOperator", "publish_code", (AGENT,)),
    (runtime, "DeployRuntimeOperator", "deploy_runtime", (AGENT, True)),
    (runtime, "VerifyAgentOperator", "verify_agent", (AGENT,)),
    (records, "ActivateOperator", "activate_agent", (AGENT,)),
]


@pytest.mark.parametrize(("module", "operator", "function", "arguments"), CALLS)
def test_the_work_is_one_call(monkeypatch, module, operator, function, arguments):
    calls = []
    monkeypatch.setattr(module, function, lambda *given: calls.append(given))
    getattr(module, operator)(task_id="t").work(AGENT, True)
    assert calls == [arguments]


def test_a_recorded_failure_fails_the_run(monkeypatch):
    refs = []

    def fail_agent(ref):
        refs.append(ref)
        return StepError(code="quota_reached", message="Full.")

    monkeypatch.setattr(records, "fail_agent", fail_agent)
    context = {"params": {"user_id": "alice", "agent_id": "a1", "generation": 2}}
    with pytest.raises(AirflowFailException, match=r"quota_reached: Full\."):
        records.RecordFailureOperator(task_id="t").execute(context)
    assert refs == [AgentRef("alice", "a1", 2)]


RECONCILERS = [
    ("DispatchPendingOperator", "dispatch_pending_agents"),
    ("CloseEndedRunsOperator", "close_ended_runs"),
    ("FailOverdueOperator", "fail_overdue"),
    ("RepeatDeletionsOperator", "repeat_deletions"),
    ("RemoveOrphansOperator", "remove_orphans"),
    ("FailDriftedOperator", "fail_drifted"),
]


@pytest.mark.parametrize(("operator", "function"), RECONCILERS)
def test_the_reconciler_says_how_many_it_corrected(monkeypatch, operator, function):
    monkeypatch.setattr(reconcile, function, lambda: 3)
    assert getattr(reconcile, operator)(task_id="t").execute({}) == 3


def test_a_deletion_s_steps_are_one_call_each(monkeypatch):
    agent = make_agent(agentcore_agent_id="r1")
    record = make_knowledge_base(agent, {}).model_copy(update={"bedrock_knowledge_base_id": "kb"})
    monkeypatch.setattr(removal, "get_knowledge_base", {agent.knowledge_base_id: record}.get)
    calls = []
    for name in ("stop_runs", "remove_runtime", "remove_knowledge_base", "remove_files"):
        monkeypatch.setattr(removal, name, lambda *given, name=name: calls.append((name, *given)))
    for operator in ("StopRuns", "DeleteRuntime", "DeleteKnowledgeBase", "DeleteDocuments"):
        getattr(removal, f"{operator}Operator")(task_id="t").work(agent, True)
    assert calls == [
        ("stop_runs", agent.ref),
        ("remove_runtime", agent.ref, "r1", True),
        ("remove_knowledge_base", agent.ref, "kb", True),
        ("remove_files", agent.ref),
    ]
