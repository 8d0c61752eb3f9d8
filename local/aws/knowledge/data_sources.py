"""bedrock-agent: S3 data sources, plain ones and the connector of MANAGED knowledge bases."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult

from local.aws.errors import ConflictException, ValidationException
from local.aws.knowledge.backend import new_id
from local.aws.knowledge.models import DATA_SOURCE_MODEL, GONE, DataSource, Lifecycle, now
from local.aws.knowledge.service import KnowledgeService
from local.aws.knowledge.source_settings import check_settings, find_chunking
from local.aws.knowledge.sync import is_running
from local.aws.knowledge.vectors import store_is_missing
from local.aws.quotas import check_quota

_SETTINGS = (
    "name",
    "description",
    "dataSourceConfiguration",
    "dataDeletionPolicy",
    "serverSideEncryptionConfiguration",
    "vectorIngestionConfiguration",
)


class DataSources(KnowledgeService):
    """CRUD of data sources; names are unique within a knowledge base."""

    def create_data_source(self) -> ActionResult:
        """PUT /knowledgebases/{kb}/datasources/."""
        base = self.backend.get_knowledge_base(self.params["knowledgeBaseId"])
        known = self.backend.all_data_sources(base)
        token = self.params.get("clientToken")
        for source in known:
            if token and source.client_token == token:
                return ActionResult({"dataSource": describe(source)})
        if base.lifecycle.current != "ACTIVE":
            raise ConflictException(
                "The Knowledge Base is not in a valid status for this operation: "
                f"it is {base.lifecycle.current}"
            )
        settings = {"dataDeletionPolicy": "DELETE"} | self.pick(*_SETTINGS)
        if any(source.settings["name"] == settings["name"] for source in known):
            raise ConflictException(f"DataSource with name {settings['name']} already exists.")
        is_managed = base.store == "MANAGED"
        check_quota("MANAGED_DATA_SOURCES" if is_managed else "DATA_SOURCES", len(known))
        check_settings(settings, is_managed)
        source = DataSource(new_id(), base.id, token, settings, _first_lifecycle(is_managed))
        base.data_sources[source.id] = source
        self.ledger.record_create("data_source", source.id, settings["name"], parent=base.id)
        status = "CREATING" if is_managed else "AVAILABLE"
        return ActionResult({"dataSource": describe(source) | {"status": status}})

    def get_data_source(self) -> ActionResult:
        """GET /knowledgebases/{kb}/datasources/{id}."""
        self._source().lifecycle.advance()
        return ActionResult({"dataSource": describe(self._source())})

    def list_data_sources(self) -> ActionResult:
        """POST /knowledgebases/{kb}/datasources/."""
        base = self.backend.get_knowledge_base(self.params["knowledgeBaseId"])
        sources, next_token = self.page(self.backend.all_data_sources(base))
        fields = ("knowledgeBaseId", "dataSourceId", "name", "description", "status", "updatedAt")
        summaries = [
            {name: value for name, value in describe(source).items() if name in fields}
            for source in sources
        ]
        return ActionResult({"dataSourceSummaries": summaries, "nextToken": next_token})

    def update_data_source(self) -> ActionResult:
        """PUT /knowledgebases/{kb}/datasources/{id}; the chunking must be repeated unchanged."""
        source = self._source()
        base = self.backend.get_knowledge_base(source.knowledge_base_id)
        settings = self.pick(*_SETTINGS)
        check_settings(settings, base.store == "MANAGED")
        if find_chunking(settings) != find_chunking(source.settings):
            raise ValidationException("Chunking configuration cannot be changed after creation")
        others = [other for other in self.backend.all_data_sources(base) if other is not source]
        if any(other.settings["name"] == settings["name"] for other in others):
            raise ConflictException(f"DataSource with name {settings['name']} already exists.")
        source.settings = source.settings | settings
        source.updated_at = now()
        return ActionResult({"dataSource": describe(source)})

    def delete_data_source(self) -> ActionResult:
        """DELETE /knowledgebases/{kb}/datasources/{id}; the policy decides about its chunks."""
        source = self._source()
        base = self.backend.get_knowledge_base(source.knowledge_base_id)
        if any(is_running(job) for job in source.jobs.values()):
            raise ConflictException(f"DataSource {source.id} has an ongoing ingestion job")
        if must_purge(source) and store_is_missing(self.current_account, self.region, base):
            source.failure_reasons = ["Unable to delete data from vector store: index not found"]
            source.lifecycle.enter("DELETING", "DELETE_UNSUCCESSFUL")
        else:
            if not must_purge(source):
                base.retained.extend(source.documents.values())
            source.documents = {}
            source.lifecycle.enter("DELETING", GONE)
            self.ledger.record_delete(source.id)
        ids = {"knowledgeBaseId": base.id, "dataSourceId": source.id}
        return ActionResult(ids | {"status": "DELETING"})

    def _source(self) -> DataSource:
        return self.backend.get_data_source(
            self.params["knowledgeBaseId"], self.params["dataSourceId"]
        )


def must_purge(source: DataSource) -> bool:
    """Whether deleting the data source must reach its vector store."""
    return bool(source.settings["dataDeletionPolicy"] == "DELETE" and source.documents)


def describe(source: DataSource) -> dict[str, Any]:
    """The data source as GetDataSource shows it."""
    return {
        **source.settings,
        "knowledgeBaseId": source.knowledge_base_id,
        "dataSourceId": source.id,
        "status": source.lifecycle.current,
        "failureReasons": source.failure_reasons or None,
        "createdAt": source.created_at,
        "updatedAt": source.updated_at,
    }


def _first_lifecycle(is_managed: bool) -> Lifecycle:
    states = ("CREATING", "AVAILABLE") if is_managed else ("AVAILABLE",)
    return Lifecycle(DATA_SOURCE_MODEL, *states)
