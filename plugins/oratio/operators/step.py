"""The base of our operators: one step of an agent's run, as Airflow sees it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import TaskDeferralTimeout

from include.errors import DeadlineExceededError, NotReadyError, OratioError
from include.models import Agent, AgentRef
from include.steps import fail_step, remaining_wait_seconds, run_step
from oratio.triggers import SettledTrigger


def read_ref(context: Context) -> AgentRef:
    """The agent a run is about, from its validated params."""
    params = context["params"]
    return AgentRef(params["user_id"], params["agent_id"], int(params["generation"]))


class StepOperator(BaseOperator):
    """Runs `work`; whatever it waits for is awaited in the triggerer, without a worker slot.

    After a wait the trigger does what is left (include/finishing.py), or the whole step runs again:
    every step is safe to repeat and cheap when done.
    """

    ui_color: ClassVar[str] = "#e8f0fe"

    def work(self, agent: Agent, redo: bool) -> dict[str, Any] | None:
        """Do the step: one call into include/; what it returns is written with its success."""
        raise NotImplementedError

    def execute(self, context: Context) -> None:
        """Run the step, or defer it."""
        self.run(context)

    def resume(self, context: Context, event: Any = None) -> None:
        """Run the step again after a wait; the trigger's event carries no facts."""
        self.run(context)

    def run(self, context: Context) -> None:
        """Run the step under include's protocol; defer while a resource is changing."""
        ref = read_ref(context)
        try:
            run_step(ref, self.task_id, context["ti"].try_number, self.work)
        except NotReadyError as pending:
            self.log.info("agent_id=%s waiting: %s", ref.agent_id, pending.message)
            self.defer(
                trigger=SettledTrigger(self.task_id, asdict(ref), pending.probe, pending.ids),
                method_name="resume",
                timeout=timedelta(seconds=self.remaining_wait(ref, context)),
            )

    def remaining_wait(self, ref: AgentRef, context: Context) -> float:
        """Seconds left to wait; running out is recorded as the step's failure."""
        try:
            started_at = context["dag_run"].start_date
            return remaining_wait_seconds(ref, self.task_id, started_at)
        except OratioError as error:
            fail_step(ref, self.task_id, error)
            raise

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:
        """Turn Airflow's deferral timeout into our error, with its reason on the record."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout as error:
            ref = read_ref(context)
            ours = DeadlineExceededError(
                f"Step {self.task_id} waited too long for AWS. Retry the agent."
            )
            fail_step(ref, self.task_id, ours)
            raise ours from error
