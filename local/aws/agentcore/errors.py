"""AgentCore's errors; the HTTP status of each comes from the service model."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class ConflictException(ServiceException):
    """409: a name is taken or a resource is in a state that forbids the call."""

    code = "ConflictException"


class ResourceNotFoundException(ServiceException):
    """404."""

    code = "ResourceNotFoundException"


class ServiceQuotaExceededException(ServiceException):
    """402."""

    code = "ServiceQuotaExceededException"


class ThrottlingException(ServiceException):
    """429."""

    code = "ThrottlingException"


class ValidationException(ServiceException):
    """400."""

    code = "ValidationException"
    reason = "FieldValidationFailed"


class RuntimeClientError(ServiceException):
    """424: the agent itself failed or answered 4xx or 5xx."""

    code = "RuntimeClientError"
