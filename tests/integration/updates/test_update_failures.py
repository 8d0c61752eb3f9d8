"""An update that fails: the old version serves on, it is said why, and the next one works."""

from __future__ import annotations

import pytest

from include import records
from include.aws import client
from include.errors import VerificationFailedError
from include.runtime.bundle import build_bundle, compute_sha256
from include.steps import fail_agent
from include.updates import start_quiet_updates
from tests.deployment import MUTE
from tests.fakes import reload
from tests.tenant import call
from tests.updating import (
    NEW_SOP,
    UPDATE,
    begin,
    live_version,
    patch,
    put,
    rewind,
    run,
    show,
    update,
)


def break_code(agent):
    """Let the run's candidate be code that cites nothing."""
    content = build_bundle({"agent_file.py": MUTE})
    candidate = reload(agent).candidate
    answer = client("s3").put_object(
        Bucket="oratio-generated-code", Key=candidate.code_s3_key, Body=content
    )
    made = {"code_s3_version": answer["VersionId"], "code_sha256": compute_sha256(content)}
    records.update_agent(reload(agent).ref, candidate=candidate.model_copy(update=made))


def fail_update(caller, agent):
    """An update whose new version does not pass."""
    patch(caller, agent, sop=NEW_SOP)
    begin(caller, agent)
    run(agent, "generate_code")
    break_code(agent)
    run(agent, "deploy_version")
    with pytest.raises(VerificationFailedError):
        run(agent, "verify_version")
    fail_agent(reload(agent).ref)


def test_a_failed_update_leaves_the_old_version_serving(alice, agent):
    fail_update(alice, agent)
    shown = show(alice, agent)
    assert (shown["status"], shown["version"], live_version(agent)) == ("active", "1", "1")
    assert shown["updateFailure"]["code"] == "verification_failed"
    assert shown["updateFailure"]["step"] == "verify_version"
    assert shown["updateFailure"]["pipeline"] == "update_agent"
    assert (shown["runningPipeline"], bool(shown["updateRequestedAt"])) == (None, True)
    assert "nine" in alice.ask(agent.agent_id, "When does the shop open?").json["answer"]
    assert [v["version"] for v in call(alice, "GET", agent, "/versions").json] == ["1"]


def test_after_a_failure_an_update_works(alice, agent):
    fail_update(alice, agent)
    updated = update(alice, agent)  # the same request again; the code is made anew
    assert (updated.agentcore_agent_version, live_version(agent)) == ("3", "3")
    assert (updated.update_failure, updated.update_requested_at) == (None, None)


def test_after_a_failure_documents_alone_are_verified_at_the_serving_version(alice, agent):
    fail_update(alice, agent)
    patch(alice, agent, sop=agent.sop)
    put(alice, agent, "parking.md", b"# Parking\n\nCars park for free behind the old mill.")
    updated = update(alice, agent)  # DEFAULT is on the bad version
    assert (updated.agentcore_agent_version, live_version(agent)) == ("1", "1")


def test_a_failure_is_not_tried_again_by_itself(alice, agent, configure, airflow):
    configure(UPDATE_QUIET_SECONDS=1)
    fail_update(alice, agent)
    rewind(agent)
    start_quiet_updates()
    assert reload(agent).generation == 2
    patch(alice, agent, agentName="Other")
    rewind(agent)
    start_quiet_updates()
    assert (reload(agent).generation, reload(agent).update_failure) == (3, None)


def test_a_failed_ingestion_fails_the_update_and_is_due_again(alice, agent, monkeypatch):
    put(alice, agent, "more.md", b"# More\n\nThere is more.")
    begin(alice, agent)
    with monkeypatch.context() as patched:
        patched.setattr("include.knowledge.ingestion.ensure_job", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(agent, "ingest_documents")
    fail_agent(reload(agent).ref)
    shown = show(alice, agent)
    assert (shown["status"], shown["updateFailure"]["step"]) == ("active", "ingest_documents")
    assert shown["knowledgeBase"]["documentsChangedAt"]
    update(alice, agent)
    assert show(alice, agent)["knowledgeBase"]["documentsChangedAt"] is None


def test_a_run_cut_off_after_the_move_is_taken_back(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    begin(alice, agent)
    for name in list(UPDATE)[:-1]:
        run(agent, name)
    assert live_version(agent) == "2"
    fail_agent(reload(agent).ref)
    assert (live_version(agent), show(alice, agent)["version"]) == ("1", "1")


def test_a_failure_told_twice_does_not_undo_what_the_tenant_did_since(alice, agent):
    fail_update(alice, agent)
    patch(alice, agent, agentName="Other")
    fail_agent(reload(agent).ref)
    assert reload(agent).dispatch == "quiet"
