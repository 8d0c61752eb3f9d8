"""Steps of the reconciler: what no single run can see."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.context import Context

from include.dispatch import dispatch_pending_agents
from include.settings import get_settings
from include.staging import sweep_staging
from include.updates import start_quiet_updates


class DispatchPendingOperator(BaseOperator):
    """Hands agents to Airflow that it could not take when they were submitted."""

    def execute(self, context: Context) -> int:
        """Start what is pending; returns how many runs."""
        return dispatch_pending_agents()


class StartUpdatesOperator(BaseOperator):
    """Updates agents whose tenants have finished changing them."""

    def execute(self, context: Context) -> int:
        """Start what is due; returns how many updates."""
        return start_quiet_updates()


class SweepStagingOperator(BaseOperator):
    """Deletes documents of submissions that crashed or were never completed."""

    def execute(self, context: Context) -> int:
        """Delete what is old enough; returns of how many submissions."""
        return sweep_staging(timedelta(hours=get_settings().staging_hours))
