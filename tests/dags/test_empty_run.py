"""The benchmark's empty DAG has the shape of create_agent, or the comparison means nothing."""

from __future__ import annotations

from airflow.dag_processing.dagbag import DagBag

from tests.fakes import ROOT


def read_shape(folder, dag_id):
    dag = DagBag(dag_folder=str(ROOT / folder / f"{dag_id}.py")).dags[dag_id]
    return {task.task_id: (task.downstream_task_ids, task.trigger_rule) for task in dag.tasks}


def test_tasks_edges_and_trigger_rules_are_those_of_create_agent():
    assert read_shape("benchmarks/dags", "empty_run") == read_shape("dags", "create_agent")
