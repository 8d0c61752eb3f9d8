"""What all our DAGs share: params, retries, deadlines, pools."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, Param, RetryAction, RetryRule

from include.errors import FatalError
from include.settings import get_settings
from oratio.callbacks import record_failed_run

INGESTION_POOL = "bedrock_ingestion"  # AWS: 5 ingestion jobs an account at a time

APPROVAL_TIMEOUT = timedelta(hours=get_settings().approval_timeout_hours)
# What Airflow enforces. The steps themselves keep to RUN_DEADLINE_MINUTES (include/steps.py), from
# which the time spent waiting for a person is taken out.
LONGEST_RUN = timedelta(minutes=get_settings().run_deadline_minutes) + APPROVAL_TIMEOUT

# Models write for minutes; the run's deadline leaves ten more for the other steps.
GENERATION_TIMEOUT = timedelta(minutes=max(5, get_settings().run_deadline_minutes - 10))

# A run's later steps go before the first ones of others; see plugins/airflow_local_settings.py.
NEARLY_DONE = 2_000_000_000

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "oratio",
    "weight_rule": "absolute",
    # At least 5 + 15 + 45 + 135 + 300 + 300 s, at most 17 minutes: longer than an API server is
    # down, shorter than the run's deadline.
    "retries": 6,
    "retry_delay": timedelta(seconds=get_settings().retry_delay_seconds),
    "retry_exponential_backoff": 3.0,
    "max_retry_delay": timedelta(minutes=5),
    "execution_timeout": timedelta(minutes=5),
    "retry_policy": ExceptionRetryPolicy(
        rules=[RetryRule(exception=FatalError, action=RetryAction.FAIL)]
    ),
}

AGENT_PARAMS = {
    "user_id": Param(
        type="string",
        pattern=r"^[A-Za-z0-9_-]{1,64}(?!\n)$",  # a bare `$` lets a final newline through
        title="User id",
        description="The tenant, as in the agent's record.",
    ),
    "agent_id": Param(
        type="string",
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?!\n)$",
        title="Agent id",
        description="The agent's UUID, as in GET /api/agents.",
    ),
    "generation": Param(
        1,
        type="integer",
        minimum=1,
        title="Generation",
        description="The agent's current generation; a run of an older one stops at once.",
    ),
    "turn": Param(
        0,
        type="integer",
        minimum=0,
        maximum=NEARLY_DONE,
        title="Turn",
        description="Its place among waiting runs: the lowest goes first, 0 before all others.",
    ),
}

# The DAGs of which each run is about one agent.
AGENT_DAG: dict[str, Any] = {
    "params": AGENT_PARAMS,
    "default_args": DEFAULT_ARGS,
    "dagrun_timeout": LONGEST_RUN,
    "on_failure_callback": record_failed_run,
    "max_active_runs": 2_000,  # almost all of them wait, which costs no worker
    "max_active_tasks": 64,
    "tags": ["agents"],
}
