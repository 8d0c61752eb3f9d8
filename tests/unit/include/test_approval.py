"""What an operator reads before approving, and what the answer does."""

from __future__ import annotations

import pytest

from include.approval import (
    MAX_REASON_CHARACTERS,
    MAX_SHOWN_CHARACTERS,
    build_options,
    decide,
    fence,
    held_seconds,
    require_approved,
)
from include.errors import ApprovalRejectedError, NotApprovedError
from include.models import AgentVersion, Step, StepStatus
from tests.fakes import make_agent

SHA = "ab" * 32
CODE = AgentVersion(
    generation=1,
    sop_sha256="",
    generator="rules",
    generator_version="1",
    model_id="m",
    code_sha256=SHA,
    code_s3_key="k",
    code_s3_version="v",
)
HELD = make_agent(require_approval=True, candidate=CODE)


@pytest.mark.parametrize("text", ["```\n# Approve me\n", "a ```` b `````` c", "`" * 40, ""])
def test_no_text_leaves_its_block(text):
    first, *_, last = fence(text).splitlines()
    marks = first.removesuffix("text")
    assert last == marks
    assert set(marks) == {"`"}
    assert marks not in text


def test_braces_and_links_are_shown_as_they_are():
    text = "{{ 1+1 }} [click](https://evil.example) <script>alert(1)</script>"
    assert text in fence(text)


@pytest.mark.parametrize(
    ("hidden", "shown"), [("\u202e", "\\u202e"), ("\u200b", "\\u200b"), ("\x1b", "\\u001b")]
)
def test_what_is_invisible_is_shown_as_its_code(hidden, shown):
    assert f"a{shown}b" in fence(f"a{hidden}b")
    assert hidden not in fence(f"a{hidden}b")


def test_a_long_text_is_cut_and_says_so():
    shown = fence("x" * (MAX_SHOWN_CHARACTERS + 7))
    assert len(shown) < MAX_SHOWN_CHARACTERS + 100
    assert "7 more characters" in shown


def test_approving_names_the_code():
    assert build_options(HELD) == [f"Approve {SHA[:12]}", "Reject"]
    assert decide(HELD, f"Approve {SHA[:12]}", "") == {"approved_code_sha256": SHA}


@pytest.mark.parametrize("choice", ["Approve cdcdcdcdcdcd", "Approve", ""])
def test_an_answer_about_other_code_does_not_count(choice):
    with pytest.raises(NotApprovedError):
        decide(HELD, choice, "")


def test_the_tenant_reads_why_it_was_rejected():
    with pytest.raises(ApprovalRejectedError, match="No refunds, please") as rejected:
        decide(HELD, "Reject", " No refunds,\n please \n")
    assert rejected.value.code == "approval_rejected"


def test_a_reason_has_its_limit_and_may_be_missing():
    with pytest.raises(ApprovalRejectedError) as long:
        decide(HELD, "Reject", "x" * 10_000)
    assert len(long.value.message) < MAX_REASON_CHARACTERS + 100
    with pytest.raises(ApprovalRejectedError, match="no reason was given"):
        decide(HELD, "Reject", "")


@pytest.mark.parametrize("approved", [None, "cd" * 32])
def test_unapproved_code_is_not_deployed(approved):
    with pytest.raises(NotApprovedError):
        require_approved(HELD.model_copy(update={"approved_code_sha256": approved}))


def test_approved_code_and_code_that_needs_none_is_deployed():
    require_approved(HELD.model_copy(update={"approved_code_sha256": SHA}))
    require_approved(make_agent(candidate=CODE))


def test_how_long_a_run_was_held():
    assert held_seconds(make_agent()) == 0
    step = Step(
        status=StepStatus.SUCCEEDED,
        attempt=1,
        started_at="2026-01-01T00:00:00.000+00:00",
        ended_at="2026-01-01T02:00:00.000+00:00",
    )
    assert held_seconds(make_agent(steps={"approve_code": step})) == 7200
    still = step.model_copy(update={"status": StepStatus.WAITING, "ended_at": None})
    assert held_seconds(make_agent(steps={"approve_code": still})) > 7200
