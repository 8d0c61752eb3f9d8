"""A deployed agent is asked before it serves: whether it answers, and from its documents."""

from __future__ import annotations

import pytest

from include.errors import AgentUnavailableError, NotReadyError, VerificationFailedError
from include.knowledge.ingestion import ingest_documents
from include.runtime import verify
from include.runtime.invoke import invoke_agent, runtime_session_id
from include.runtime.verify import verify_agent
from include.waits import is_settled
from tests.deployment import MUTE, deploy, replace_bundle
from tests.fakes import reload

BROKEN = MUTE.replace(b'return {"answer"', b'raise RuntimeError("arn:aws:secret")\n    return {"a"')


@pytest.fixture
def deployed(agent):
    """A deployed agent with its documents indexed."""
    for _ in range(500):
        try:
            ingest_documents(reload(agent), False)
            break
        except NotReadyError as pending:
            while not is_settled(pending.probe, pending.ids):
                pass
    return deploy(agent)


def test_an_agent_that_answers_from_its_documents_passes(deployed):
    verify_agent(deployed)


def test_an_agent_that_cites_nothing_does_not_pass(deployed):
    replace_bundle(deployed, {"agent_file.py": MUTE})
    with pytest.raises(VerificationFailedError, match=r"cited nothing instead of .*returns\.md"):
        verify_agent(deploy(deployed))


def test_an_index_that_lags_behind_is_waited_for(deployed, monkeypatch):
    monkeypatch.setattr(verify, "retrieve", lambda *arguments: [])
    with pytest.raises(AgentUnavailableError, match="no passages yet"):
        verify_agent(deployed)


@pytest.mark.parametrize(
    "code", [BROKEN, b"raise SystemExit(1)\n", MUTE.replace(b'"answer"', b'"text"')]
)
def test_an_agent_that_cannot_answer_is_unavailable(agent, code):
    replace_bundle(agent, {"agent_file.py": code})
    broken = deploy(agent)
    with pytest.raises(AgentUnavailableError) as caught:
        invoke_agent(broken, "Hi", runtime_session_id(broken, "c"))
    assert "secret" not in caught.value.message
