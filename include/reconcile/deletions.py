"""Deletions that failed, begun again when their pause is over."""

from __future__ import annotations

import logging
from itertools import islice

from include import lifecycle, records
from include.dispatch import dispatch_agent
from include.models import DispatchStatus, now
from include.settings import get_settings

log = logging.getLogger(__name__)


def repeat_deletions() -> int:
    """Start a new run for each deletion that is due, a batch of them; returns how many.

    One agent's trouble does not keep the others waiting.
    """
    repeated = 0
    due = records.list_open_agents(DispatchStatus.RETRY, until=now())
    for agent in islice(due, get_settings().reconcile_batch):
        log.warning("agent_id=%s deletion failed: %s", agent.agent_id, agent.failure)
        try:
            dispatch_agent(lifecycle.repeat_deletion(agent))
            repeated += 1
        except Exception as error:  # it is pending, or due again
            log.warning("agent_id=%s deletion not repeated: %r", agent.agent_id, error)
    return repeated
