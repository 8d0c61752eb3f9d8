"""The step in which a person reads and approves generated code, in Airflow's own screen."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.context import Context

from include.airflow_runs import find_answer
from include.approval import (
    APPROVE,
    MAX_REASON_CHARACTERS,
    REJECT,
    ask,
    build_options,
    build_review,
    decide,
    needs_approval,
)
from include.errors import ApprovalTimedOutError, NotReadyError, WrongStateError
from include.models import Agent
from include.records import get_current_agent
from include.steps import run_step
from oratio.defaults import APPROVAL_TIMEOUT
from oratio.operators.step import read_ref

REASON = Param(
    None,
    type=["null", "string"],
    maxLength=MAX_REASON_CHARACTERS,
    title="Reason",
    description="Why it is rejected, in words for the tenant.",
    source="task",
)


class ApproveCodeOperator(HITLOperator):
    """Holds an agent that requires approval until somebody answers; holds no worker meanwhile.

    The question is set at run time and is no template: a tenant's braces stay braces.
    """

    template_fields: Collection[str] = ()

    def __init__(self, *, params: Any = None, **arguments: Any) -> None:
        # `params` are the DAG's, which the screen must not ask for.
        super().__init__(
            subject="Approve the code of an agent",
            options=[APPROVE, REJECT],
            params={"reason": REASON},
            response_timeout=APPROVAL_TIMEOUT,
            **arguments,
        )

    def execute(self, context: Context) -> None:
        """Ask, if the agent requires it and nobody has answered yet."""
        # Whoever clears the task after its run has ended wants to be asked again.
        is_over = not get_current_agent(read_ref(context)).has_run
        try:
            self.run_step(context, lambda agent, redo: self.ask(context, agent, is_over))
        except NotReadyError:
            super().execute(context)

    def ask(self, context: Context, agent: Agent, is_over: bool) -> dict[str, Any] | None:
        """Take an answer that a lost try was given; else prepare the question and hold the step.

        A try is lost when its worker dies, and when somebody answers within the second in which the
        task parks itself: Airflow 3.3.2 then takes the end of the one half for that of the other,
        which may have recorded the answer already.
        """
        if needs_approval(agent) and not is_over and (given := self.find_answer(context, agent)):
            return self.take(agent, given)
        self.subject = f"Approve the code of agent {agent.agent_id}"
        if needs_approval(agent):
            self.body = build_review(agent)
            self.options = build_options(agent)
        ask(agent)
        return None

    def find_answer(self, context: Context, agent: Agent) -> dict[str, Any] | None:
        """What was answered about this very code; the number of the try does not tell.

        When a try is lost before its second half began, that half may begin in the next try's
        place, and still carries the number of its own.
        """
        ti = context["ti"]
        given = find_answer(ti.dag_id, ti.run_id, self.task_id)
        fits = given and set(given["chosen_options"]) <= {*build_options(agent)}
        return given if fits else None

    def execute_complete(self, context: Context, event: dict[str, Any]) -> None:
        """Take the answer, or its absence, as the step's outcome."""
        # A run that failed meanwhile is over; answering must not begin it again.
        if not get_current_agent(read_ref(context)).has_run:
            raise WrongStateError("The run has ended meanwhile. Retry the agent.")
        self.run_step(context, lambda agent, redo: self.take(agent, event))

    def take(self, agent: Agent, event: dict[str, Any]) -> dict[str, Any]:
        """What the event changes in the agent's record."""
        if "error" in event:
            hours = APPROVAL_TIMEOUT.total_seconds() / 3600
            raise ApprovalTimedOutError(
                f"Nobody approved or rejected the agent within {hours:g} hours. Retry the agent."
            )
        reason = (event["params_input"] or {}).get("reason") or ""
        return decide(agent, event["chosen_options"][0], reason)

    def run_step(self, context: Context, work: Any) -> None:
        """Run one half of the step under include's protocol."""
        run_step(read_ref(context), self.task_id, context["ti"].try_number, work)
