"""What Airflow calls when a run fails as a whole: its deadline, or marked failed in the UI."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from include.models import AgentRef, StepError
from include.steps import fail_agent

log = logging.getLogger(__name__)

REASONS = {
    "timed_out": StepError(
        code="deadline_exceeded",
        message="The run took longer than its deadline and was stopped. Retry the agent.",
    )
}
STOPPED = StepError(code="run_stopped", message="The run was stopped by an operator.")


def record_failed_run(context: Mapping[str, Any]) -> None:
    """Mark the agent failed; a fast path only: Airflow calls at most once, perhaps never."""
    try:
        conf = context["dag_run"].conf
        ref = AgentRef(conf["user_id"], conf["agent_id"], int(conf.get("generation", 1)))
        fail_agent(ref, REASONS.get(context.get("reason", ""), STOPPED))
    except Exception as error:  # the run has failed already; nobody could handle this
        log.warning("agent not marked failed: %r", error)
