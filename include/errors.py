"""Every error of ours, in one tree: the class says whether trying again can help.

`code` is stable: clients, the runbook and the records of a failed step refer to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class OratioError(Exception):
    """Root of the tree; the message says what is wrong, with which thing, and what to do."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RetryableError(OratioError):
    """The same call may succeed later; Airflow retries with backoff."""

    code = "service_unavailable"


class FatalError(OratioError):
    """The same call cannot succeed; Airflow fails the step at once."""


class NotReadyError(RetryableError):
    """A resource is still changing state: wait for `probe` (see include.waits), then run again."""

    code = "not_ready"

    def __init__(self, message: str, probe: str, ids: Mapping[str, str]) -> None:
        super().__init__(message)
        self.probe = probe
        self.ids = dict(ids)

    def __reduce__(self) -> tuple[type[NotReadyError], tuple[str, str, dict[str, str]]]:
        return type(self), (self.message, self.probe, self.ids)


class ThrottledError(RetryableError):
    """An AWS rate or concurrency limit was met."""

    code = "throttled"


class ConflictError(RetryableError):
    """A resource is in a state that forbids the call for now."""

    code = "conflict"


class AirflowUnavailableError(RetryableError):
    """Airflow did not accept the run: down, DAG not parsed yet, or an answer we do not know."""

    code = "airflow_unavailable"


class SandboxUnavailableError(RetryableError):
    """The sandbox in which generated code is tried does not answer, cannot jail it, or lost it."""

    code = "sandbox_unavailable"


class InvalidInputError(FatalError):
    """The request or a record breaks a rule; `field` names the culprit when there is one."""

    code = "invalid_input"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class RefusedByAwsError(FatalError):
    """AWS answered with a validation error."""

    code = "refused_by_aws"


class AccessDeniedError(FatalError):
    """Our role lacks a permission."""

    code = "access_denied"


class QuotaReachedError(FatalError):
    """An account quota is used up."""

    code = "quota_reached"


class TenantQuotaError(FatalError):
    """A tenant has used up a quota of its own; the message says which and what to do."""

    code = "quota_exceeded"

    def __init__(self, message: str, retry_after_seconds: int = 60) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds

    def __reduce__(self) -> tuple[type[TenantQuotaError], tuple[str, int]]:
        return type(self), (self.message, self.retry_after_seconds)


class ConfigurationError(FatalError):
    """The settings contradict each other or are unsafe; the process must not start."""

    code = "configuration"


class UnauthorizedError(FatalError):
    """The request carries no valid token or API key."""

    code = "unauthorized"


class ForbiddenError(FatalError):
    """The API key is valid, but not for what is asked."""

    code = "forbidden"


class NotFoundError(FatalError):
    """The record or resource does not exist, or belongs to somebody else."""

    code = "not_found"


class NotActiveError(FatalError):
    """The agent cannot be asked in its present state."""

    code = "not_active"


class WrongStateError(FatalError):
    """The agent's state forbids the request; the message says which state allows it."""

    code = "wrong_state"


class RevisionMismatchError(FatalError):
    """The agent changed since the caller read it (`If-Match`)."""

    code = "revision_mismatch"


class KeyReusedError(FatalError):
    """The Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"


class RequestInFlightError(RetryableError):
    """The first request with this Idempotency-Key has not been answered yet."""

    code = "request_in_flight"


class NameTakenError(FatalError):
    """A resource of that name exists and its tags say it is not this agent's."""

    code = "name_taken"


class StaleGenerationError(FatalError):
    """The agent has moved on to another generation or was deleted; this run must stop."""

    code = "stale_generation"


class KnowledgeBaseFailedError(FatalError):
    """The knowledge base or its data source ended in a failed state."""

    code = "knowledge_base_failed"


class IngestionFailedError(FatalError):
    """No document could be indexed, or the ingestion job itself failed or was stopped."""

    code = "ingestion_failed"


class CodeRejectedError(FatalError):
    """The generated code broke a rule of the checker; nothing was uploaded."""

    code = "code_rejected"


class TrialFailedError(FatalError):
    """The generated agent did not follow its SOP when it was tried; it was not published."""

    code = "trial_failed"


class ModelAnswerError(FatalError):
    """A model that generates code gave an answer that was cut off or out of form."""

    code = "model_answer"


class DependenciesMissingError(FatalError):
    """The packages that every bundle holds were not uploaded for this release."""

    code = "dependencies_missing"


class ApprovalRejectedError(FatalError):
    """An operator read the code and rejected it; the message has the reason."""

    code = "approval_rejected"


class ApprovalTimedOutError(FatalError):
    """Nobody approved or rejected the code in time."""

    code = "approval_timed_out"


class NotApprovedError(FatalError):
    """The code about to be deployed is not what an operator approved."""

    code = "not_approved"


class RuntimeFailedError(FatalError):
    """The AgentCore runtime or its endpoint ended in a failed state."""

    code = "runtime_failed"


class AgentUnavailableError(RetryableError):
    """The running agent could not answer: its own error, or AgentCore's."""

    code = "agent_unavailable"


class AgentTimeoutError(RetryableError):
    """The running agent took longer to answer than its limit."""

    code = "agent_timed_out"


class RateLimitError(RetryableError):
    """The caller asks more often than it may."""

    code = "too_many_requests"

    def __init__(self, message: str, retry_after_seconds: int = 60) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds

    def __reduce__(self) -> tuple[type[RateLimitError], tuple[str, int]]:
        return type(self), (self.message, self.retry_after_seconds)


class VerificationFailedError(FatalError):
    """The deployed agent did not answer from the tenant's own documents."""

    code = "verification_failed"


class DeliveryFailedError(RetryableError):
    """A receiver of webhooks or e-mail did not take what was sent; tried again for hours."""

    code = "delivery_failed"


class RemovalFailedError(RetryableError):
    """Something of a deleted agent is still there, although AWS was told to delete it."""

    code = "removal_failed"


class DriftDetectedError(FatalError):
    """What a serving agent consists of was deleted by somebody else."""

    code = "drift_detected"


class DeadlineExceededError(FatalError):
    """A wait or the whole run took longer than its limit."""

    code = "deadline_exceeded"
