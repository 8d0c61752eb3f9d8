"""A step of a run: what it records, how it waits, fails and heals, and when it is outdated."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from include import records, steps, waits
from include.aws import client
from include.errors import (
    DeadlineExceededError,
    NotReadyError,
    QuotaReachedError,
    RefusedByAwsError,
    StaleGenerationError,
)
from include.models import StepStatus
from include.steps import fail_agent, remaining_wait_seconds, run_step
from tests.creation import create, run
from tests.fakes import knowledge_base_of, reload, store_agent

pytestmark = pytest.mark.usefixtures("no_airflow")

RUN_STARTED_AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def agent(stand_in):
    return store_agent()


def refuse(agent, redo):
    raise QuotaReachedError("Full.")


def wait(current, redo):
    raise NotReadyError("Not yet.", "runtime", {"id": "r"})


def test_a_step_s_protocol(agent):
    seen = []

    def work(current, redo):
        seen.append((reload(agent).steps["s"].status, redo))

    run_step(agent.ref, "s", 1, work)
    step = reload(agent).steps["s"]
    assert seen == [("running", False)]
    assert (step.status, step.attempt, step.error) == ("succeeded", 1, None)
    assert step.started_at <= step.ended_at


def test_only_a_failed_try_asks_for_a_redo(agent):
    seen = []
    with pytest.raises(QuotaReachedError):
        run_step(agent.ref, "s", 1, refuse)
    assert reload(agent).steps["s"].error.message == "Full."
    for attempt in (2, 3):
        run_step(agent.ref, "s", attempt, lambda current, redo: seen.append(redo))
    assert seen == [True, False]


def test_what_settles_within_moments_is_never_recorded_as_a_wait(agent, configure, monkeypatch):
    configure(WAIT_INLINE_SECONDS=60)
    monkeypatch.setattr(waits, "PROBES", {"runtime": lambda id: True})
    seen = []

    def work(current, redo):
        seen.append(current.agent_name)
        if len(seen) == 1:
            records.update_agent(agent.ref, agent_name="Changed meanwhile")
            raise NotReadyError("Runtime is CREATING.", "runtime", {"id": "r1"})

    run_step(agent.ref, "s", 1, work)
    assert seen == [agent.agent_name, "Changed meanwhile"]
    assert [e.status for e in reload(agent).events if e.step == "s"] == ["running", "succeeded"]


def test_a_wait_keeps_its_start_and_has_an_end(agent, configure, monkeypatch):
    monkeypatch.setattr(steps, "now", lambda: "2026-01-01T00:00:00.000+00:00")
    configure(WAIT_TIMEOUT_SECONDS=100)
    for _ in range(2):
        with pytest.raises(NotReadyError):
            run_step(agent.ref, "s", 1, wait)
        monkeypatch.setattr(steps, "now", lambda: "2026-01-01T00:01:00.000+00:00")
    step = reload(agent).steps["s"]
    assert (step.status, step.started_at) == ("waiting", "2026-01-01T00:00:00.000+00:00")
    assert remaining_wait_seconds(agent.ref, "s", RUN_STARTED_AT) == 40
    monkeypatch.setattr(steps, "now", lambda: "2026-01-01T00:01:40.000+00:00")
    with pytest.raises(DeadlineExceededError, match="s waited"):
        remaining_wait_seconds(agent.ref, "s", RUN_STARTED_AT)


def test_aws_s_errors_become_ours_on_the_record(agent):
    with pytest.raises(RefusedByAwsError) as caught:
        run_step(agent.ref, "s", 1, lambda *_: client("s3").get_object(Bucket="x", Key="", Foo=1))
    assert reload(agent).steps["s"].error.code == "refused_by_aws"
    assert caught.value.__cause__ is not None


def test_a_bug_s_text_stays_off_the_record(agent):
    def work(current, redo):
        raise ValueError("arn:aws:secret")

    with pytest.raises(ValueError, match="secret"):
        run_step(agent.ref, "s", 1, work)
    assert reload(agent).steps["s"].error == steps.INTERNAL_ERROR
    assert fail_agent(agent.ref) == steps.INTERNAL_ERROR
    assert reload(agent).failed_step == "s"


def test_a_failure_cut_short_is_recorded_whole_the_next_time(faults, sign_in):
    agent = create(sign_in(), ("returns.md", b"Bicycles may be returned within 30 days."))
    records.update_agent(agent.ref, status="creating", dispatch="sent")
    refused = {"kind": "access_denied", "service": "dynamodb", "count": 1}
    for table in ("oratio-knowledgebases", "oratio-outbox"):  # the first write, then the last
        faults.put(refused | {"operation": "TransactWriteItems", "match": table})
        with pytest.raises(ClientError):
            fail_agent(agent.ref)
    fail_agent(agent.ref)
    assert (reload(agent).status, knowledge_base_of(agent).status) == ("failed", "error")


def test_a_late_failure_healed_by_clearing_that_step_leaves_nothing_red(sign_in):
    alice = sign_in()
    agent = create(alice, ("returns.md", b"Bicycles may be returned within 30 days."))
    records.update_agent(agent.ref, status="creating")
    with pytest.raises(QuotaReachedError):
        run_step(agent.ref, "verify_agent", 1, refuse)
    fail_agent(agent.ref)
    assert knowledge_base_of(agent).status == "error"
    run(agent, "verify_agent", attempt=2)
    assert reload(agent).status == "creating"
    run(agent, "activate")
    assert reload(agent).status == "active"
    assert knowledge_base_of(agent).status == "ready"


def test_a_failed_re_run_does_not_take_a_serving_agent_away(agent):
    records.update_agent(agent.ref, status="active")
    records.update_knowledge_base(agent.ref, agent.knowledge_base_id, status="ready")
    with pytest.raises(QuotaReachedError):
        run_step(agent.ref, "s", 1, refuse)
    assert fail_agent(agent.ref).code == "quota_reached"
    assert (reload(agent).status, knowledge_base_of(agent).status) == ("active", "ready")


def test_a_new_try_takes_a_failed_agent_back_into_creation(agent):
    with pytest.raises(QuotaReachedError):
        run_step(agent.ref, "s", 1, refuse)
    fail_agent(agent.ref)
    assert reload(agent).status == "failed"
    run_step(agent.ref, "s", 2, lambda *_: None)
    assert reload(agent).status == "creating"


def test_an_outdated_run_does_nothing_and_records_nothing(agent):
    before = reload(agent)
    calls = []
    with pytest.raises(StaleGenerationError):
        run_step(replace(agent.ref, generation=2), "s", 1, lambda *given: calls.append(given))
    assert (calls, reload(agent)) == ([], before)
    with pytest.raises(StaleGenerationError):
        fail_agent(replace(agent.ref, generation=2))
    assert reload(agent) == before


def test_a_run_outdated_while_it_works_cannot_end_its_step(agent):
    def outdate(current, redo):
        records.update_agent(current.ref, generation=2)

    with pytest.raises(StaleGenerationError):
        run_step(agent.ref, "s", 1, outdate)
    assert reload(agent).steps["s"].status == StepStatus.RUNNING
