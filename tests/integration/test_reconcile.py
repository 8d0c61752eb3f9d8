"""Agents whose run ended unseen, stands still, or could not delete them."""

from __future__ import annotations

import pytest

from include import lifecycle, records
from include.airflow_runs import list_open_runs
from include.dispatch import dispatch_agent
from include.errors import AirflowUnavailableError
from include.models import DispatchStatus, Step, StepStatus
from include.naming import run_id
from include.reconcile.deletions import repeat_deletions
from include.reconcile.ended_runs import close_ended_runs
from include.reconcile.overdue import fail_overdue
from include.steps import fail_agent, run_step
from tests.fakes import knowledge_base_of, reload, store_agent

LONG_AGO = "2026-01-01T00:00:00.000+00:00"


@pytest.fixture(autouse=True)
def stand_in_alone(empty_stand_in):
    return empty_stand_in


def dispatch(**changes):
    """An agent whose run Airflow has."""
    agent = store_agent(**changes)
    dispatch_agent(agent)
    return reload(agent)


def begin(agent, status=StepStatus.RUNNING, name="deploy_runtime", started_at=LONG_AGO):
    step = Step(status=status, attempt=1, started_at=started_at)
    records.record_step(agent.ref, name, step)


class TestEndedRuns:
    @pytest.mark.parametrize("state", ["failed", "success"])
    def test_a_run_that_ended_without_a_word_fails_its_agent(self, airflow, state):
        agent, other = dispatch(), dispatch()
        begin(agent)
        airflow.end_run(agent.ref, state)
        assert close_ended_runs() == 1
        failed = reload(agent)
        assert (failed.status, failed.failure.code) == ("failed", "run_stopped")
        assert (failed.failed_step, failed.dispatch) == ("deploy_runtime", None)
        assert reload(other) == other
        assert close_ended_runs() == 0

    def test_a_run_that_took_as_long_as_it_may_was_too_late(self, airflow):
        agent = dispatch()
        times = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-01-01T00:30:01Z"}
        airflow.end_run(agent.ref, **times)
        close_ended_runs()
        assert reload(agent).failure.code == "deadline_exceeded"

    def test_the_failed_step_s_own_reason_comes_first(self, airflow):
        agent = dispatch()

        def work(agent, redo):
            raise AirflowUnavailableError("Nobody home.")

        with pytest.raises(AirflowUnavailableError):
            run_step(agent.ref, "s", 1, work)
        airflow.end_run(agent.ref)
        close_ended_runs()
        assert reload(agent).failure.message == "Nobody home."

    def test_a_run_that_airflow_lost_is_started_again(self, airflow):
        agent = dispatch()
        airflow.runs.clear()
        assert close_ended_runs() == 1
        assert airflow.state_of(agent.ref) == "running"
        assert reload(agent).status == "creating"

    def test_a_run_by_hand_of_the_same_generation_counts(self, airflow):
        agent = dispatch()
        airflow.end_run(agent.ref)
        conf = airflow.conf_of(agent.ref)
        airflow.hold_run("by-hand", conf)
        assert close_ended_runs() == 0
        assert reload(agent).dispatch == DispatchStatus.SENT

    def test_an_agent_that_serves_goes_on(self, airflow):
        agent = dispatch(status="active", dispatch="pending")
        airflow.end_run(agent.ref)
        assert close_ended_runs() == 1
        assert (reload(agent).status, reload(agent).dispatch) == ("active", None)

    def test_one_agent_s_trouble_does_not_keep_the_others_waiting(self, airflow, monkeypatch):
        agents = [dispatch() for _ in range(3)]
        for agent in agents:
            airflow.end_run(agent.ref)
        update = records.update_agent

        def update_but_one(ref, **attributes):
            if ref == agents[0].ref:
                raise AirflowUnavailableError("x")
            update(ref, **attributes)

        monkeypatch.setattr(records, "update_agent", update_but_one)
        assert close_ended_runs() == 2

    def test_a_batch_at_a_time(self, airflow, configure):
        configure(RECONCILE_BATCH=2, AIRFLOW_URL=airflow.url, AIRFLOW_PASSWORD="p")
        for agent in [dispatch() for _ in range(3)]:
            airflow.end_run(agent.ref)
        assert [close_ended_runs() for _ in range(3)] == [2, 1, 0]

    def test_many_open_runs_are_read_in_pages(self, airflow):
        for number in range(205):
            airflow.hold_run(f"r{number}", {"user_id": "u", "agent_id": f"a{number}"})
        airflow.hold_run("strange", {"user_id": "u"})
        airflow.hold_run("ended", {"user_id": "u", "agent_id": "a"}, state="failed")
        assert len(list(list_open_runs())) == 205

    def test_with_nothing_open_airflow_is_not_asked(self, no_airflow):
        store_agent(status="active", dispatch=None)
        assert (close_ended_runs(), fail_overdue()) == (0, 0)


class TestOverdue:
    def test_an_agent_that_stands_still_is_failed_and_its_run_ended(self, airflow):
        agent, other = dispatch(), dispatch()
        for each, started_at in ((agent, LONG_AGO), (other, other.run_requested_at)):
            records.update_agent(each.ref, run_requested_at=LONG_AGO)
            begin(each, StepStatus.WAITING, started_at=started_at)
        assert fail_overdue() == 1
        failed = reload(agent)
        assert (failed.status, failed.failure.code) == ("failed", "deadline_exceeded")
        assert "deploy_runtime" in failed.failure.message
        assert airflow.state_of(agent.ref) == "failed"
        assert (airflow.state_of(other.ref), reload(other).status) == ("running", "creating")

    def test_a_person_may_take_days(self, airflow):
        agent = dispatch(run_requested_at=LONG_AGO)
        begin(agent, StepStatus.WAITING, "approve_code")
        assert fail_overdue() == 0

    def test_who_waits_its_turn_is_not_overdue(self, airflow):
        agent = dispatch(run_requested_at=LONG_AGO)
        assert fail_overdue() == 0
        assert reload(agent).status == "creating"

    def test_a_paused_pipeline_is_named_once_the_deadline_has_passed(self, airflow, caplog):
        late, early = dispatch(run_requested_at=LONG_AGO), dispatch()
        airflow.paused.add("create_agent")
        assert fail_overdue() == 1
        failure = reload(late).failure
        assert (failure.code, "create_agent is paused" in failure.message) == (
            "deadline_exceeded",
            True,
        )
        assert reload(early).status == "creating"
        assert "create_agent is paused" in caplog.text
        assert airflow.state_of(late.ref) == "failed"  # nor does it begin when resumed

    def test_what_cannot_be_stopped_is_not_called_failed(self, airflow, monkeypatch):
        agent = dispatch(run_requested_at=LONG_AGO)
        begin(agent)
        stop = "include.reconcile.overdue.stop_run"

        def refuse(run):
            raise AirflowUnavailableError("x")

        monkeypatch.setattr(stop, refuse)
        assert fail_overdue() == 0
        assert reload(agent).status == "creating"


def find(agent):
    return records.find_agent(agent.user_id, agent.agent_id)


class TestDeletions:
    def fail_deletion(self, agent):
        lifecycle.delete_agent(agent, knowledge_base_of(agent))
        fail_agent(find(agent).ref)
        return find(agent)

    def test_a_deletion_that_failed_is_begun_again_when_it_is_due(self, airflow):
        failed = self.fail_deletion(dispatch())
        assert repeat_deletions() == 0
        records.update_agent(failed.ref, run_requested_at=LONG_AGO)
        assert repeat_deletions() == 1
        again = find(failed)
        assert (again.generation, again.dispatch) == (failed.generation + 1, "sent")
        assert (again.pipeline, again.steps) == ("delete_agent", {})
        assert run_id(again.ref) in airflow.runs
        assert repeat_deletions() == 0

    def test_without_airflow_it_stays_pending(self, no_airflow):
        failed = self.fail_deletion(reload(store_agent()))
        records.update_agent(failed.ref, run_requested_at=LONG_AGO)
        assert repeat_deletions() == 0
        assert find(failed).dispatch == "pending"

    def test_a_deletion_s_run_that_ended_unseen_is_due_again(self, airflow):
        agent = dispatch(status="failed")
        deleted = lifecycle.delete_agent(agent, knowledge_base_of(agent))
        dispatch_agent(deleted)
        airflow.end_run(deleted.ref)
        assert close_ended_runs() == 1
        assert (find(agent).dispatch, find(agent).failure.code) == ("retry", "run_stopped")

    def test_its_first_step_does_not_bring_a_failed_agent_back(self, airflow):
        agent = dispatch(status="failed")
        deleted = lifecycle.delete_agent(agent, knowledge_base_of(agent))
        run_step(deleted.ref, "stop_runs", 1, lambda agent, redo: None)
        assert find(agent).status == "failed"


def test_delete_asks_for_the_run_that_removes_the_agent(sign_in, airflow):
    alice = sign_in()
    agent = store_agent(user_id=alice.user_id)
    answer = alice.http.delete(f"/api/agents/{agent.agent_id}", headers=alice.headers)
    assert answer.status_code == 202
    assert airflow.runs[f"agent-{agent.agent_id}-g2"]["conf"]["generation"] == 2
    assert find(agent).dispatch == "sent"
