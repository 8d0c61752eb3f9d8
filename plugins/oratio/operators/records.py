"""Steps that tell the tenant how a run ended."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException

from include.models import Agent
from include.steps import activate_agent, fail_agent
from oratio.operators.step import StepOperator, read_ref


class ActivateOperator(StepOperator):
    """Shows the agent as active."""

    def work(self, agent: Agent, redo: bool) -> dict[str, Any]:
        """Status and addresses, written with the step's success."""
        return activate_agent(agent)


class RecordFailureOperator(BaseOperator):
    """Writes why the run failed, then fails itself: a green leaf would turn the run green."""

    def execute(self, context: Context) -> None:
        """Mark the agent failed; stale runs stop here, too."""
        error = fail_agent(read_ref(context))
        raise AirflowFailException(f"{error.code}: {error.message}")
