"""The one plugin: loaded once by every Airflow component, before it forks its workers."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from include.rehearsal import rehearse
from oratio.links import VIEW_PREFIX, AgentLink, KnowledgeBaseLink, RuntimeLink

# What the tasks of a run import and call. Forked task processes find it ready instead of paying
# for it one by one (docs/performance.md).
MODULES_OF_A_RUN = (
    "airflow.providers.amazon.aws.sensors.s3",
    "airflow.providers.amazon.aws.triggers.s3",
    "airflow.sdk.execution_time.timeout",
    "encodings.cp437",
    "jinja2.ext",
    "oratio.callbacks",
    "oratio.defaults",
    "oratio.operators.approval",
    "oratio.operators.creator",
    "oratio.operators.knowledge",
    "oratio.operators.reconcile",
    "oratio.operators.records",
    "oratio.operators.removal",
    "oratio.operators.runtime",
    "oratio.operators.versions",
)


async def serve_views(scope: Any, receive: Any, send: Any) -> None:
    """Our pages; imported at the first request, since only the API server needs them."""
    from oratio.views import app

    await app(scope, receive, send)


class OratioPlugin(AirflowPlugin):
    """Registers our links and pages; loading it warms the process."""

    name = "oratio"
    operator_extra_links: ClassVar = [AgentLink(), KnowledgeBaseLink(), RuntimeLink()]
    external_views: ClassVar = [
        {"name": "Agents", "href": f"{VIEW_PREFIX}/", "url_route": "agents", "destination": "nav"}
    ]
    fastapi_apps: ClassVar = [{"name": "Agents", "app": serve_views, "url_prefix": VIEW_PREFIX}]

    @classmethod
    def on_load(cls, *args: object, **kwargs: object) -> None:
        """Import the modules and rehearse the calls of AWS, without connecting to it."""
        for module in MODULES_OF_A_RUN:
            import_module(module)
        rehearse()
