"""Each operator makes one call into include/, with what that call needs."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.models import AgentRef, StepError
from oratio.operators import creator, knowledge, reconcile, records, runtime
from tests.fakes import make_agent

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


def test_the_reconciler_says_how_many_it_started(monkeypatch):
    monkeypatch.setattr(reconcile, "dispatch_pending_agents", lambda: 3)
    assert reconcile.DispatchPendingOperator(task_id="t").execute({}) == 3
