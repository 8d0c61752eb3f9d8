"""The errors of our services; the service model adds the HTTP status of each."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class AccessDeniedException(ServiceException):
    """403: not signed, or not any more."""

    code = "AccessDeniedException"


class ConflictException(ServiceException):
    """409: a name is taken or a resource is in a state that forbids the call."""

    code = "ConflictException"


class ResourceNotFoundException(ServiceException):
    """404."""

    code = "ResourceNotFoundException"


class ServiceQuotaExceededException(ServiceException):
    """402 or 400, as the service has it."""

    code = "ServiceQuotaExceededException"


class ThrottlingException(ServiceException):
    """429: clients back off and try again."""

    code = "ThrottlingException"


class ValidationException(ServiceException):
    """400."""

    code = "ValidationException"
    reason = "FieldValidationFailed"


class RuntimeClientError(ServiceException):
    """424 of AgentCore: the agent itself failed or answered 4xx or 5xx."""

    code = "RuntimeClientError"
