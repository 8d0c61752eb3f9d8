"""The cluster policy: a task's weight follows from its step and its run's turn."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_local_settings import task_instance_mutation_hook
from oratio.defaults import NEARLY_DONE


def weigh(conf, step_weight=1):
    task = SimpleNamespace(priority_weight=step_weight)
    instance = SimpleNamespace(task=task, priority_weight=step_weight)
    run = None if conf == "no run yet" else SimpleNamespace(conf=conf)
    task_instance_mutation_hook(instance, dag_run=run)
    return instance.priority_weight


def test_an_earlier_turn_goes_first():
    assert weigh({"turn": 0}) > weigh({"turn": 100}) > weigh({"turn": 200})


def test_a_step_of_a_run_that_is_nearly_done_goes_before_any_first_step():
    assert weigh({"turn": 10**9}, NEARLY_DONE) > weigh({"turn": 0})


def test_weights_fit_into_airflow_s_column():
    for weight in (weigh({"turn": NEARLY_DONE}), weigh({"turn": 0}, NEARLY_DONE)):
        assert -(2**31) < weight < 2**31


@pytest.mark.parametrize("conf", [None, {}, {"turn": None}, {"turn": "x"}, "no run yet"])
def test_other_runs_keep_their_weight(conf):
    assert weigh(conf) == 1
