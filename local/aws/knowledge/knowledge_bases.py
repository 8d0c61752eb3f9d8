"""bedrock-agent: knowledge bases and their tags.

Three kinds of store: MANAGED, S3_VECTORS (bucket and index must exist and fit the embedding model)
and OPENSEARCH_SERVERLESS (its collection is taken on trust). No vectors are written to a store:
the stand-in searches the chunks it keeps itself.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from local.aws.errors import (
    ConflictException,
    ResourceNotFoundException,
    ValidationException,
)
from local.aws.faults import FAULTS
from local.aws.knowledge.backend import new_id
from local.aws.knowledge.data_sources import must_purge
from local.aws.knowledge.models import GONE, KnowledgeBase, now
from local.aws.knowledge.service import KnowledgeService
from local.aws.knowledge.vectors import check_index, find_index, store_is_missing
from local.aws.quotas import check_quota

_SETTINGS = (
    "name",
    "description",
    "roleArn",
    "knowledgeBaseConfiguration",
    "storageConfiguration",
)
_STORES = ("S3_VECTORS", "OPENSEARCH_SERVERLESS")
# amazon.titan-embed-text-v2:0, unless the request chooses 512 or 256.
_DEFAULT_DIMENSIONS = 1024


class KnowledgeBases(KnowledgeService):
    """CRUD of knowledge bases; names are unique within an account and region."""

    def create_knowledge_base(self) -> ActionResult:
        """PUT /knowledgebases/."""
        known = self.backend.all_knowledge_bases()
        token = self.params.get("clientToken")
        for base in known:
            if token and base.client_token == token:
                return ActionResult({"knowledgeBase": describe(base)})
        self._check_name(self.params["name"], known)
        settings = self.pick(*_SETTINGS)
        self._check_store(settings)
        base_id = new_id()
        base = KnowledgeBase(
            base_id, self._arn(base_id), token, settings, dict(self.params.get("tags") or {})
        )
        is_managed = base.store == "MANAGED"
        used = sum((other.store == "MANAGED") == is_managed for other in known)
        check_quota("MANAGED_KNOWLEDGE_BASES" if is_managed else "KNOWLEDGE_BASES", used)
        if reason := FAULTS.find_ending("knowledge_base FAILED", settings["name"]):
            base.failure_reasons = [reason]
            base.lifecycle.enter("CREATING", "FAILED")
        self.backend.knowledge_bases[base_id] = base
        self.ledger.record_create("knowledge_base", base_id, settings["name"], tags=base.tags)
        return ActionResult({"knowledgeBase": describe(base) | {"status": "CREATING"}})

    def get_knowledge_base(self) -> ActionResult:
        """GET /knowledgebases/{id}."""
        base = self.backend.get_knowledge_base(self.params["knowledgeBaseId"])
        base.lifecycle.advance()
        base = self.backend.get_knowledge_base(base.id)
        return ActionResult({"knowledgeBase": describe(base)})

    def list_knowledge_bases(self) -> ActionResult:
        """POST /knowledgebases/."""
        bases, next_token = self.page(self.backend.all_knowledge_bases())
        fields = ("knowledgeBaseId", "name", "description", "status", "updatedAt")
        summaries = [
            {name: value for name, value in describe(base).items() if name in fields}
            for base in bases
        ]
        return ActionResult({"knowledgeBaseSummaries": summaries, "nextToken": next_token})

    def update_knowledge_base(self) -> ActionResult:
        """PUT /knowledgebases/{id}: new name, description or role; the rest cannot change."""
        base = self.backend.get_knowledge_base(self.params["knowledgeBaseId"])
        self._check_state(base, "ACTIVE")
        settings = self.pick(*_SETTINGS)
        for name in ("knowledgeBaseConfiguration", "storageConfiguration"):
            if name in settings and settings[name] != base.settings.get(name):
                raise ValidationException(f"{name} cannot be changed after creation")
        others = [b for b in self.backend.all_knowledge_bases() if b is not base]
        self._check_name(settings["name"], others)
        base.settings = base.settings | settings
        base.updated_at = now()
        base.lifecycle.enter("UPDATING", "ACTIVE")
        return ActionResult({"knowledgeBase": describe(base) | {"status": "UPDATING"}})

    def delete_knowledge_base(self) -> ActionResult:
        """DELETE /knowledgebases/{id}; unsuccessful when the vector index went first."""
        base = self.backend.get_knowledge_base(self.params["knowledgeBaseId"])
        self._check_state(base, "ACTIVE", "FAILED", "DELETE_UNSUCCESSFUL", "UPDATE_UNSUCCESSFUL")
        is_held = any(must_purge(source) for source in self.backend.all_data_sources(base))
        if is_held and store_is_missing(self.current_account, self.region, base):
            base.failure_reasons = ["Unable to delete data from vector store: index not found"]
            base.lifecycle.enter("DELETING", "DELETE_UNSUCCESSFUL")
        else:
            base.lifecycle.enter("DELETING", GONE)
            self.ledger.record_delete(base.id)
        return ActionResult({"knowledgeBaseId": base.id, "status": "DELETING"})

    def tag_resource(self) -> EmptyResult:
        """POST /tags/{arn}."""
        self._tagged().tags.update(self.params["tags"])
        return EmptyResult()

    def untag_resource(self) -> EmptyResult:
        """DELETE /tags/{arn}."""
        base = self._tagged()
        for key in self.params["tagKeys"]:
            base.tags.pop(key, None)
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        """GET /tags/{arn}."""
        return ActionResult({"tags": dict(self._tagged().tags)})

    def _tagged(self) -> KnowledgeBase:
        arn = self.params["resourceArn"]
        for base in self.backend.all_knowledge_bases():
            if base.arn == arn:
                return base
        raise ResourceNotFoundException(f"Resource {arn} does not exist")

    def _arn(self, base_id: str) -> str:
        scope = f"arn:{self.backend.partition}:bedrock:{self.region}:{self.current_account}"
        return f"{scope}:knowledge-base/{base_id}"

    def _check_name(self, name: str, others: list[KnowledgeBase]) -> None:
        if any(base.settings["name"] == name for base in others):
            raise ConflictException(f"KnowledgeBase with name {name} already exists.")

    def _check_state(self, base: KnowledgeBase, *allowed: str) -> None:
        if base.lifecycle.current not in allowed:
            raise ConflictException(
                "The Knowledge Base is not in a valid status for this operation: "
                f"it is {base.lifecycle.current}"
            )

    def _check_store(self, settings: dict[str, Any]) -> None:
        config, storage = settings["knowledgeBaseConfiguration"], settings.get(_SETTINGS[-1])
        if config["type"] == "MANAGED":
            if storage:
                raise ValidationException("A MANAGED knowledge base takes no storageConfiguration")
            return
        vector = config.get("vectorKnowledgeBaseConfiguration")
        if config["type"] != "VECTOR" or not vector:
            raise ValidationException("The stand-in knows the types VECTOR and MANAGED only")
        if not storage or storage["type"] not in _STORES:
            raise ValidationException(f"storageConfiguration.type must be one of {_STORES}")
        if storage["type"] == "S3_VECTORS":
            model = vector.get("embeddingModelConfiguration", {})
            dimensions = model.get("bedrockEmbeddingModelConfiguration", {}).get("dimensions")
            index = find_index(self.current_account, self.region, storage)
            check_index(index, dimensions or _DEFAULT_DIMENSIONS)
        elif "opensearchServerlessConfiguration" not in storage:
            raise ValidationException("opensearchServerlessConfiguration is missing")


def describe(base: KnowledgeBase) -> dict[str, Any]:
    """The knowledge base as GetKnowledgeBase shows it."""
    return {
        **base.settings,
        "knowledgeBaseId": base.id,
        "knowledgeBaseArn": base.arn,
        "status": base.lifecycle.current,
        "failureReasons": base.failure_reasons or None,
        "createdAt": base.created_at,
        "updatedAt": base.updated_at,
    }
