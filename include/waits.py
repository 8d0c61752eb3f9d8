"""What a NotReadyError may wait for: each probe says whether its resource has settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from include.aws import from_aws
from include.errors import RetryableError
from include.knowledge import bases, ingestion, settling, spacing
from include.removal import runs, runtimes
from include.runtime import deploy, endpoints

INLINE_POLL_SECONDS = 0.1

PROBES: Mapping[str, Callable[..., bool]] = {
    "knowledge_base": settling.is_knowledge_base_settled,
    "data_source": bases.is_data_source_settled,
    "ingestion_job": ingestion.is_job_settled,
    "ingestion_start": spacing.is_start_due,
    "documents": ingestion.are_documents_settled,
    "runtime": deploy.is_runtime_settled,
    "endpoint": endpoints.is_endpoint_settled,
    "endpoints": runtimes.are_endpoints_settled,
    "outdated_runs": runs.are_outdated_runs_idle,
}


def settles_by(deadline: float, probe: str, ids: Mapping[str, str]) -> bool:
    """Ask again and again until the step should look, or the deadline (monotonic) is past.

    What has no probe waits for a person, who does not answer within moments.
    """
    while probe in PROBES and time.monotonic() < deadline:
        if should_wake(probe, ids):
            return True
        time.sleep(INLINE_POLL_SECONDS)
    return False


def should_wake(probe: str, ids: Mapping[str, str]) -> bool:
    """Whether the waiting step has something to do: the resource settled, or a lasting error."""
    try:
        return is_settled(probe, ids)
    except RetryableError:
        return False
    except (ClientError, BotoCoreError) as error:
        return not isinstance(from_aws(error), RetryableError)


def is_settled(probe: str, ids: Mapping[str, str]) -> bool:
    """Ask AWS once whether the resource has stopped changing."""
    return PROBES[probe](**ids)
