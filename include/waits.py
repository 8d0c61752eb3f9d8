"""What a NotReadyError may wait for: each probe says whether its resource has settled."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from include.knowledge import bases, ingestion
from include.removal import runs, runtimes
from include.runtime import deploy

PROBES: Mapping[str, Callable[..., bool]] = {
    "knowledge_base": bases.is_knowledge_base_settled,
    "data_source": bases.is_data_source_settled,
    "ingestion_job": ingestion.is_job_settled,
    "documents": ingestion.are_documents_settled,
    "runtime": deploy.is_runtime_settled,
    "endpoint": deploy.is_endpoint_settled,
    "endpoints": runtimes.are_endpoints_settled,
    "outdated_runs": runs.are_outdated_runs_idle,
}


def is_settled(probe: str, ids: Mapping[str, str]) -> bool:
    """Ask AWS once whether the resource has stopped changing."""
    return PROBES[probe](**ids)
