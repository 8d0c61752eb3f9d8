"""Airflow's cluster policy: which of the waiting tasks goes next.

A PriorityWeightStrategy could not do this: it is asked before a task belongs to a run, so that it
knows neither the run's conf nor its tenant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance

__all__ = ["task_instance_mutation_hook"]


def task_instance_mutation_hook(task_instance: TaskInstance, dag_run: DagRun | None = None) -> None:
    """Order tasks by their step first, then by their run's turn (include/turns.py)."""
    if dag_run is None or task_instance.task is None:
        return
    turn = (dag_run.conf or {}).get("turn")
    if isinstance(turn, int):
        task_instance.priority_weight = task_instance.task.priority_weight - turn
