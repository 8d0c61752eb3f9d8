"""Steps of the reconciler and the audit: what no single run can see."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.context import Context

from include.dispatch import dispatch_pending_agents
from include.reconcile.deletions import repeat_deletions
from include.reconcile.drift import fail_drifted
from include.reconcile.ended_runs import close_ended_runs
from include.reconcile.orphans import remove_orphans
from include.reconcile.overdue import fail_overdue
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


class CloseEndedRunsOperator(BaseOperator):
    """Makes agents say so whose run has ended without a word."""

    def execute(self, context: Context) -> int:
        """Compare with Airflow's runs; returns how many agents were corrected."""
        return close_ended_runs()


class FailOverdueOperator(BaseOperator):
    """Ends what stands still."""

    def execute(self, context: Context) -> int:
        """Stop what is past its deadline; returns how many agents failed."""
        return fail_overdue()


class RepeatDeletionsOperator(BaseOperator):
    """Begins failed deletions again."""

    def execute(self, context: Context) -> int:
        """Start what is due; returns how many runs."""
        return repeat_deletions()


class SweepStagingOperator(BaseOperator):
    """Deletes documents of submissions that crashed or were never completed."""

    def execute(self, context: Context) -> int:
        """Delete what is old enough; returns of how many submissions."""
        return sweep_staging(timedelta(hours=get_settings().staging_hours))


class RemoveOrphansOperator(BaseOperator):
    """Removes what belongs to no agent."""

    def execute(self, context: Context) -> dict[str, int]:
        """Compare AWS with the records; returns counts by outcome."""
        return remove_orphans()


class FailDriftedOperator(BaseOperator):
    """Shows which agents have lost a part."""

    def execute(self, context: Context) -> int:
        """Compare the records with AWS; returns how many agents failed."""
        return fail_drifted()
