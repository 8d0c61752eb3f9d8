"""Steps that take a deleted agent out of AWS, each looking until nothing is found."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.context import Context

from include.models import Agent
from include.records import delete_records, get_current_agent, get_knowledge_base
from include.removal.files import remove_files
from include.removal.knowledge_bases import remove_knowledge_base
from include.removal.runs import stop_runs
from include.removal.runtimes import remove_runtime
from include.removal.sessions import remove_sessions
from oratio.operators.step import StepOperator, read_ref


class StopRunsOperator(StepOperator):
    """Ends what earlier generations still do."""

    def work(self, agent: Agent, redo: bool) -> None:
        """Wait for tasks at work, then end their runs."""
        stop_runs(agent.ref)


class DeleteRuntimeOperator(StepOperator):
    """Deletes endpoints and runtime."""

    def work(self, agent: Agent, redo: bool) -> None:
        """Delete what is found by id, or by name and tags."""
        remove_runtime(agent.ref, agent.agentcore_agent_id, redo)


class DeleteKnowledgeBaseOperator(StepOperator):
    """Deletes data source, knowledge base and vector index."""

    def work(self, agent: Agent, redo: bool) -> None:
        """Delete what is found by id, or by name and tags."""
        stored = get_knowledge_base(agent.knowledge_base_id)
        remove_knowledge_base(agent.ref, stored.bedrock_knowledge_base_id, redo)


class DeleteDocumentsOperator(StepOperator):
    """Deletes documents and code with all their versions."""

    def work(self, agent: Agent, redo: bool) -> None:
        """Empty every prefix of the agent's."""
        remove_files(agent.ref)


class DeleteCustomerDataOperator(StepOperator):
    """Deletes what customers left: sessions, transcripts, hand-offs."""

    def work(self, agent: Agent, redo: bool) -> None:
        """Delete each session; the runtime is gone, so that no new turn comes."""
        remove_sessions(agent.ref)


class DeleteRecordsOperator(BaseOperator):
    """Deletes the records, last: no step of the protocol, whose success nobody could record."""

    def execute(self, context: Context) -> Any:
        """Delete both at once."""
        agent = get_current_agent(read_ref(context))
        delete_records(agent.ref, agent.knowledge_base_id)
