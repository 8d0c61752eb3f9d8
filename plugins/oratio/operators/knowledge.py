"""Steps that make a tenant's documents retrievable."""

from __future__ import annotations

from include.knowledge.bases import ensure_knowledge_base
from include.knowledge.ingestion import ingest_documents
from include.models import Agent
from oratio.operators.step import StepOperator


class EnsureKnowledgeBaseOperator(StepOperator):
    """Gives the agent its Bedrock knowledge base and a data source on its own S3 prefix."""

    def work(self, agent: Agent, redo: bool) -> None:
        """Find or create both."""
        ensure_knowledge_base(agent)


class IngestDocumentsOperator(StepOperator):
    """Indexes the documents and judges each one."""

    def work(self, agent: Agent, redo: bool) -> None:
        """Adopt or start the ingestion job, then look at every document."""
        ingest_documents(agent, redo)
