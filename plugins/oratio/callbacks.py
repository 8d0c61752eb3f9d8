"""What Airflow calls when a run fails as a whole: its deadline, or marked failed in the UI."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from include.models import AgentRef
from include.steps import RUN_STOPPED, RUN_TIMED_OUT, fail_agent

log = logging.getLogger(__name__)


def record_failed_run(context: Mapping[str, Any]) -> None:
    """Mark the agent failed; a fast path only: Airflow calls at most once, perhaps never."""
    try:
        conf = context["dag_run"].conf
        ref = AgentRef(conf["user_id"], conf["agent_id"], int(conf.get("generation", 1)))
        is_late = context.get("reason") == "timed_out"
        fail_agent(ref, RUN_TIMED_OUT if is_late else RUN_STOPPED)
    except Exception as error:  # the run has failed already; nobody could handle this
        log.warning("agent not marked failed: %r", error)
