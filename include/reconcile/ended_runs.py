"""Runs that ended without a word: stopped by hand, timed out, or lost with Airflow's database."""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import islice

from include import records
from include.airflow_runs import Run, list_agent_runs, list_open_runs
from include.dispatch import dispatch_agent
from include.errors import StaleGenerationError
from include.models import Agent, AgentRef, DispatchStatus, StepError
from include.settings import get_settings
from include.steps import RUN_STOPPED, RUN_TIMED_OUT, fail_agent

log = logging.getLogger(__name__)


def close_ended_runs() -> int:
    """Make agents whose run is over say so, a batch of them; returns how many were corrected.

    Airflow is asked for all open runs at once, and about single agents only when theirs is not
    among them. One agent's trouble does not keep the others waiting.
    """
    sent = list(records.list_open_refs(DispatchStatus.SENT))
    if not sent:
        return 0
    at_work = {run.ref for run in list_open_runs()}
    suspects = (ref for ref in sent if ref not in at_work)
    return sum(close_run(ref) for ref in islice(suspects, get_settings().reconcile_batch))


def close_run(ref: AgentRef) -> bool:
    """Correct one agent, if its run has ended indeed."""
    agent = records.find_agent(ref.user_id, ref.agent_id)
    if agent is None or agent.dispatch != DispatchStatus.SENT:
        return False
    try:
        return correct(agent, [r for r in list_agent_runs(ref.agent_id) if r.ref == agent.ref])
    except StaleGenerationError:
        return False  # it has moved on meanwhile
    except Exception as error:  # whatever it is, the next agent may fare better
        log.warning("agent_id=%s ended run not closed: %r", ref.agent_id, error)
        return False


def correct(agent: Agent, runs: list[Run]) -> bool:
    """Start a lost run again, or record the failure of one that has ended."""
    if any(run.is_open for run in runs):
        return False
    if runs:
        error = fail_agent(agent.ref, describe_end(runs[-1]))
        log.warning("agent_id=%s %s ended: %s", agent.agent_id, runs[-1].run_id, error.message)
    else:
        dispatch_agent(agent)
        log.warning("agent_id=%s Airflow had lost its run; started again", agent.agent_id)
    return True


def describe_end(run: Run) -> StepError:
    """Why a run ended that recorded no failure of its own."""
    deadline = timedelta(minutes=get_settings().run_deadline_minutes)
    return RUN_TIMED_OUT if run.lasted and run.lasted >= deadline else RUN_STOPPED
