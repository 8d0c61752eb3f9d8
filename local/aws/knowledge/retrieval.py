"""bedrock-agent-runtime: Retrieve, with the limits that each kind of store has."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from moto.core.responses import ActionResult

from local.aws.errors import ValidationException
from local.aws.knowledge.filters import check_filter
from local.aws.knowledge.models import KnowledgeBase
from local.aws.knowledge.search import find_passages
from local.aws.knowledge.service import KnowledgeService

_DEFAULT_RESULTS = 5
_MAX_QUESTION_CHARACTERS = {"MANAGED": 10_000}
_MAX_QUESTION_CHARACTERS_CLASSIC = 1_000


class Retrieval(KnowledgeService):
    """Searches are slow beside other calls, so they read the state without its lock."""

    SERVICE = "bedrock-agent-runtime"
    LOCK: AbstractContextManager[Any] = nullcontext()

    def retrieve(self) -> ActionResult:
        """POST /knowledgebases/{id}/retrieve: the best passages first."""
        base_id = self.params["knowledgeBaseId"].rpartition("/")[2]
        base = self.backend.get_knowledge_base(base_id)
        if base.lifecycle.current != "ACTIVE":
            raise ValidationException(
                f"Knowledge Base {base.id} is not ready: it is {base.lifecycle.current}"
            )
        question = self._question(base)
        search = find_search(self.params.get("retrievalConfiguration", {}), base.store)
        limit = search.get("numberOfResults", _DEFAULT_RESULTS)
        passages = find_passages(base, question, search.get("filter"))
        return ActionResult({"retrievalResults": passages[:limit]})

    def _question(self, base: KnowledgeBase) -> str:
        question = str(self.params["retrievalQuery"].get("text", ""))
        limit = _MAX_QUESTION_CHARACTERS.get(base.store, _MAX_QUESTION_CHARACTERS_CLASSIC)
        if not 0 < len(question) <= limit:
            raise ValidationException(
                f"The length of the query is {len(question)}; it must be from 1 to {limit}"
            )
        return question


def find_search(configuration: dict[str, Any], store: str) -> dict[str, Any]:
    """The search settings for this kind of store; ValidationException when they do not fit."""
    name = "managedSearchConfiguration" if store == "MANAGED" else "vectorSearchConfiguration"
    for given in configuration:
        if given != name:
            raise ValidationException(
                f"{given} is not supported by this knowledge base: use {name}"
            )
    search: dict[str, Any] = configuration.get(name, {})
    if search.get("overrideSearchType") == "HYBRID" and store == "S3_VECTORS":
        raise ValidationException("HYBRID search type is not supported by S3_VECTORS")
    if "filter" in search:
        check_filter(search["filter"], store)
    return search
