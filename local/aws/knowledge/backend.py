"""An account's knowledge bases in one region: look-up, quotas and how things disappear."""

from __future__ import annotations

import string
import threading

from moto.core.base_backend import BackendDict, BaseBackend
from moto.moto_api._internal import mock_random

from local.aws.errors import ResourceNotFoundException
from local.aws.knowledge.models import GONE, DataSource, IngestionJob, KnowledgeBase

# Makes "is the name free? then take it" one step; requests run in threads.
STATE_LOCK = threading.RLock()

_ID_ALPHABET = string.ascii_uppercase + string.digits


def new_id() -> str:
    """Ten letters and digits, as all ids of bedrock-agent."""
    return "".join(mock_random.choice(_ID_ALPHABET) for _ in range(10))


class KnowledgeBackend(BaseBackend):
    """Holds the state; a resource that has finished deleting is dropped when next looked at."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.knowledge_bases: dict[str, KnowledgeBase] = {}
        self.last_ingestion_start = 0.0

    def all_knowledge_bases(self) -> list[KnowledgeBase]:
        """Those not yet gone, oldest first."""
        for base in tuple(self.knowledge_bases.values()):
            if base.lifecycle.current == GONE:
                self.knowledge_bases.pop(base.id, None)
        return list(self.knowledge_bases.values())

    def get_knowledge_base(self, base_id: str) -> KnowledgeBase:
        """Raises ResourceNotFoundException."""
        base = self.knowledge_bases.get(base_id)
        if base is None or base.lifecycle.current == GONE:
            self.knowledge_bases.pop(base_id, None)
            raise ResourceNotFoundException(f"Knowledge Base with id {base_id} does not exist")
        return base

    def all_data_sources(self, base: KnowledgeBase) -> list[DataSource]:
        """Those not yet gone, oldest first."""
        for source in tuple(base.data_sources.values()):
            if source.lifecycle.current == GONE:
                base.data_sources.pop(source.id, None)
        return list(base.data_sources.values())

    def get_data_source(self, base_id: str, source_id: str) -> DataSource:
        """Raises ResourceNotFoundException for the data source or its knowledge base."""
        for source in self.all_data_sources(self.get_knowledge_base(base_id)):
            if source.id == source_id:
                return source
        raise ResourceNotFoundException(f"DataSource with id {source_id} does not exist")

    def get_job(self, base_id: str, source_id: str, job_id: str) -> IngestionJob:
        """Raises ResourceNotFoundException for the job, its data source or knowledge base."""
        job = self.get_data_source(base_id, source_id).jobs.get(job_id)
        if job is None:
            raise ResourceNotFoundException(f"Ingestion job with id {job_id} does not exist")
        return job


# bedrock-agent's regions are ec2's here: botocore knows no list that fits a stand-in better.
knowledge_backends = BackendDict(KnowledgeBackend, "ec2")
