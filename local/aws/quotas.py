"""Account quotas: AWS's figures, or STAND_IN_QUOTA_<name> from the environment."""

from __future__ import annotations

import os

from local.aws.errors import ServiceQuotaExceededException

QUOTAS = {
    "KNOWLEDGE_BASES": 100,
    "MANAGED_KNOWLEDGE_BASES": 10_000,
    "DATA_SOURCES": 5,
    "MANAGED_DATA_SOURCES": 200,
    "INGESTION_JOBS": 5,
    "MANAGED_INGESTION_JOBS": 50,
    "RUNTIMES": 1000,
    "RUNTIME_VERSIONS": 1000,
    "RUNTIME_ENDPOINTS": 10,
}


def check_quota(name: str, used: int) -> None:
    """Refuse one more of `name` when the limit is used up."""
    limit = int(os.environ.get(f"STAND_IN_QUOTA_{name}", QUOTAS[name]))
    if used >= limit:
        what = name.lower().replace("_", " ")
        raise ServiceQuotaExceededException(
            f"You have reached the maximum number of {what} ({limit}). "
            "Request a quota increase or delete a resource and try again."
        )
