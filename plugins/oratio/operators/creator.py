"""The steps that turn an SOP into code."""

from __future__ import annotations

from functools import cached_property

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import DownstreamTasksSkipped

from include.approval import needs_approval
from include.aws import client
from include.creator.publish import publish_code
from include.models import Agent
from oratio.operators.approval import ApproveCodeOperator
from oratio.operators.step import StepOperator


class GenerateCodeOperator(StepOperator):
    """Generates, checks and uploads the agent's code.

    Skips the approval of code that needs none: it is never started, and so costs nothing.
    """

    is_approved = False

    def work(self, agent: Agent, redo: bool) -> None:
        """Generate the code; the same input gives the same bundle."""
        self.is_approved = not needs_approval(agent, publish_code(agent))

    def run(self, context: Context) -> None:
        """Run the step; then skip what only concerns agents that require approval."""
        super().run(context)
        approvals = [
            task.task_id
            for task in self.get_direct_relatives()
            if isinstance(task, ApproveCodeOperator)
        ]
        if self.is_approved and approvals:
            raise DownstreamTasksSkipped(tasks=approvals)


class CodeSensor(S3KeySensor):
    """`S3KeySensor` with this process's S3 client: the hook's own costs 0.2 s of CPU a task."""

    @cached_property
    def hook(self) -> S3Hook:
        """The provider's hook, its client replaced."""
        hook: S3Hook = super().hook
        hook.conn = client("s3")
        return hook
