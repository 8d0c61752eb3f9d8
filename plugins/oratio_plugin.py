"""The one plugin: loaded once by every Airflow component, before it forks its workers."""

from __future__ import annotations

from importlib import import_module

from airflow.plugins_manager import AirflowPlugin

from include.aws import client

# What the tasks of a run import and call. Forked task processes find it ready instead of paying
# for it one by one (docs/performance.md).
MODULES_OF_A_RUN = (
    "airflow.providers.amazon.aws.sensors.s3",
    "airflow.providers.amazon.aws.triggers.s3",
    "oratio.operators.creator",
    "oratio.operators.knowledge",
    "oratio.operators.reconcile",
    "oratio.operators.records",
    "oratio.operators.removal",
    "oratio.operators.runtime",
)
SERVICES_OF_A_RUN = (
    "dynamodb",
    "s3",
    "s3vectors",
    "bedrock-agent",
    "bedrock-agent-runtime",
    "bedrock-agentcore-control",
    "bedrock-agentcore",
)


class OratioPlugin(AirflowPlugin):
    """Registers nothing yet; loading it warms the process."""

    name = "oratio"

    @classmethod
    def on_load(cls, *args: object, **kwargs: object) -> None:
        """Import the modules and build the AWS clients, which connect at their first call only."""
        for module in MODULES_OF_A_RUN:
            import_module(module)
        for service in SERVICES_OF_A_RUN:
            client(service)
