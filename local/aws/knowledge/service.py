"""What the knowledge base services share: validated parameters, their state, pages of results."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import ActionResult, BaseResponse

from local.aws.errors import ValidationException
from local.aws.knowledge.backend import STATE_LOCK, KnowledgeBackend, knowledge_backends
from local.aws.ledger import Ledger, ledgers
from local.aws.validation import describe_violations, find_violations

# The model's pattern for these operations' ARN says "/d{12}" for "\d{12}" and matches nothing.
_UNCHECKED = ("TagResource", "UntagResource", "ListTagsForResource")
_PAGE_SIZE = 100

Item = TypeVar("Item")


class KnowledgeService(BaseResponse):
    """Checks each request against the service model, then calls the operation's method."""

    SERVICE = "bedrock-agent"
    LOCK: AbstractContextManager[Any] = STATE_LOCK

    def __init__(self) -> None:
        super().__init__(service_name=self.SERVICE)
        self.automated_parameter_parsing = True

    @property
    def backend(self) -> KnowledgeBackend:
        """The state of the caller's account and region."""
        backend: KnowledgeBackend = knowledge_backends[self.current_account][self.region]
        return backend

    @property
    def ledger(self) -> Ledger:
        """Where what is made and deleted is written down."""
        ledger: Ledger = ledgers[self.current_account][self.region]
        return ledger

    def call_action(self) -> TYPE_RESPONSE:
        """Answer a request, holding the lock of the state that the threads share."""
        operation = self._get_action()
        violations = find_violations(self.SERVICE, operation, self.params)
        if violations and operation not in _UNCHECKED:
            error = ValidationException(describe_violations(violations))
            return self.serialized(ActionResult(error))
        with self.LOCK:
            return super().call_action()

    def page(self, items: Sequence[Item]) -> tuple[Sequence[Item], str | None]:
        """The requested slice of `items` and the token of the next one."""
        token = str(self.params.get("nextToken") or 0)
        if not token.isdecimal():
            raise ValidationException("The provided nextToken is not valid")
        start = int(token)
        end = start + (self.params.get("maxResults") or _PAGE_SIZE)
        return items[start:end], str(end) if end < len(items) else None

    def pick(self, *names: str) -> dict[str, Any]:
        """The parameters with these names that the request holds."""
        return {name: self.params[name] for name in names if self.params.get(name) is not None}
