"""The end of what earlier generations of an agent still do in Airflow."""

from __future__ import annotations

from include.airflow_runs import Run, has_working_tasks, list_open_runs, stop_run
from include.errors import NotReadyError
from include.models import AgentRef


def stop_runs(ref: AgentRef) -> None:
    """End all runs of the agent's earlier generations, once none of their tasks is at work.

    A task that was at work when the generation was raised may still create something: it is waited
    for, so that whatever comes next looks after it. A task that starts later reads the generation
    first and stops; so nothing is created once this has returned.

    :raises NotReadyError: while a task is at work.
    :raises AirflowUnavailableError: when Airflow cannot tell; only it knows.
    """
    runs = list_outdated_runs(ref)
    if has_working_tasks(runs):
        ids = {"user_id": ref.user_id, "agent_id": ref.agent_id, "generation": str(ref.generation)}
        raise NotReadyError("An earlier run is in the middle of a step.", "outdated_runs", ids)
    for run in runs:
        stop_run(run)


def list_outdated_runs(ref: AgentRef) -> list[Run]:
    """Open runs of this agent's earlier generations, whatever their DAG."""
    runs = list_open_runs(ref.agent_id)
    return [r for r in runs if r.ref.agent_id == ref.agent_id and r.ref.generation < ref.generation]


def are_outdated_runs_idle(user_id: str, agent_id: str, generation: str) -> bool:
    """Whether no task of an earlier generation is at work."""
    return not has_working_tasks(list_outdated_runs(AgentRef(user_id, agent_id, int(generation))))
