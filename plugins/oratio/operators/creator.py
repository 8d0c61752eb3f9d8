"""The steps that turn an SOP into code."""

from __future__ import annotations

from functools import cached_property

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor

from include.aws import client
from include.creator.publish import publish_code
from include.models import Agent
from oratio.operators.step import StepOperator


class GenerateCodeOperator(StepOperator):
    """Generates, checks and uploads the agent's code."""

    def work(self, agent: Agent, redo: bool) -> None:
        """Generate the code; the same input gives the same bundle."""
        publish_code(agent)


class CodeSensor(S3KeySensor):
    """`S3KeySensor` with this process's S3 client: the hook's own costs 0.2 s of CPU a task."""

    @cached_property
    def hook(self) -> S3Hook:
        """The provider's hook, its client replaced."""
        hook: S3Hook = super().hook
        hook.conn = client("s3")
        return hook
