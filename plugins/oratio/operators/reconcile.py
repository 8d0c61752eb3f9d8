"""Steps of the reconciler: what no single run can see."""

from __future__ import annotations

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.context import Context

from include.dispatch import dispatch_pending_agents


class DispatchPendingOperator(BaseOperator):
    """Hands agents to Airflow that it could not take when they were submitted."""

    def execute(self, context: Context) -> int:
        """Start what is pending; returns how many runs."""
        return dispatch_pending_agents()
