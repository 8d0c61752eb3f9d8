"""The errors of Bedrock's knowledge base services; the service model adds the HTTP status."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class ConflictException(ServiceException):
    """409: a name is taken or a resource is in a state that forbids the call."""

    code = "ConflictException"


class ResourceNotFoundException(ServiceException):
    """404."""

    code = "ResourceNotFoundException"


class ServiceQuotaExceededException(ServiceException):
    """402 on bedrock-agent."""

    code = "ServiceQuotaExceededException"


class ThrottlingException(ServiceException):
    """429: clients back off and try again."""

    code = "ThrottlingException"


class ValidationException(ServiceException):
    """400."""

    code = "ValidationException"
