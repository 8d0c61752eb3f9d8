"""What a NotReadyError may wait for: each probe says whether its resource has settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from include.knowledge import bases, ingestion, spacing
from include.runtime import deploy, endpoints

INLINE_POLL_SECONDS = 0.1

PROBES: Mapping[str, Callable[..., bool]] = {
    "knowledge_base": bases.is_knowledge_base_settled,
    "data_source": bases.is_data_source_settled,
    "ingestion_job": ingestion.is_job_settled,
    "ingestion_start": spacing.is_start_due,
    "documents": ingestion.are_documents_settled,
    "runtime": deploy.is_runtime_settled,
    "endpoint": endpoints.is_endpoint_settled,
}


def settles_by(deadline: float, probe: str, ids: Mapping[str, str]) -> bool:
    """Ask again and again until the resource has settled, or the deadline (monotonic) is past."""
    while time.monotonic() < deadline:
        if is_settled(probe, ids):
            return True
        time.sleep(INLINE_POLL_SECONDS)
    return False


def is_settled(probe: str, ids: Mapping[str, str]) -> bool:
    """Ask AWS once whether the resource has stopped changing."""
    return PROBES[probe](**ids)
