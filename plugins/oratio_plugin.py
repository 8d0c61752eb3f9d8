"""The one plugin: loaded once by every Airflow component, before it forks its workers."""

from __future__ import annotations

# Imported for their cost: forked task processes find them ready instead of paying 0.5 to 1.5 s
# each (measured, see docs/performance.md).
from airflow.plugins_manager import AirflowPlugin

import include.waits  # noqa: F401
from include.aws import client

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
        """Build the AWS clients once; they open no connection before their first call."""
        for service in SERVICES_OF_A_RUN:
            client(service)
