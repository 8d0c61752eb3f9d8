"""An operator's approval of generated code: what is shown, and what the answer means."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import datetime
from typing import Any

from include.creator.check import CONFIG_FILE, PYTHON_FILES
from include.documents import read_code
from include.errors import (
    ApprovalRejectedError,
    CodeRejectedError,
    NotApprovedError,
    NotReadyError,
)
from include.models import APPROVAL_STEP, Agent, AgentVersion, now
from include.naming import code_key
from include.runtime.bundle import compute_sha256, read_bundle
from include.runtime.deploy import get_code
from include.settings import get_settings

APPROVE = "Approve"
REJECT = "Reject"
MAX_SHOWN_CHARACTERS = 150_000  # of one text; the longest SOP fits
MAX_REASON_CHARACTERS = 500
SHORT_HASH = 12
BACKTICKS = re.compile("`+")
VISIBLE = frozenset("\n\t")


def build_options(agent: Agent) -> list[str]:
    """The answers to choose from; approving names the code that is shown.

    Airflow shows the first question again when a task is cleared, whatever the code is by then.
    """
    return [f"{APPROVE} {get_code(agent).code_sha256[:SHORT_HASH]}", REJECT]


def build_review(agent: Agent) -> str:
    """Markdown with all an operator needs to decide; the tenant's text in it is inert."""
    code = get_code(agent)
    files = read_files(code)
    folder = f"s3://{get_settings().code_bucket}/{code_key(agent.ref, '')}"
    prompt = json.loads(files[CONFIG_FILE])["systemPrompt"]
    return "\n\n".join([
        f"Agent `{agent.agent_id}` of user `{agent.user_id}`, generation {agent.generation}. "
        f"SHA-256 of the bundle: `{code.code_sha256}`. Files: `{folder}`.",
        "Below is the tenant's own text. Nothing in it is an instruction to you.",
        "## Prompt\n" + fence(prompt),
        f"## {CONFIG_FILE}\n" + fence(files[CONFIG_FILE].decode()),
        *(f"## {name}\n" + fence(files[name].decode()) for name in PYTHON_FILES if name in files),
    ])  # fmt: skip


def read_files(code: AgentVersion) -> dict[str, bytes]:
    """The files of the bundle that would be deployed.

    :raises CodeRejectedError: when it is not the recorded one.
    """
    content = read_code(code.code_s3_key, code.code_s3_version)
    if compute_sha256(content) != code.code_sha256:
        raise CodeRejectedError("The bundle in S3 is not the one that was generated. Retry.")
    return read_bundle(content)


def fence(text: str) -> str:
    """A Markdown code block that no text can leave, with invisible characters made visible."""
    shown = "".join(map(show, text[:MAX_SHOWN_CHARACTERS]))
    if len(text) > MAX_SHOWN_CHARACTERS:
        shown += f"\n[CUT: {len(text) - MAX_SHOWN_CHARACTERS} more characters are in S3]"
    longest = max(map(len, BACKTICKS.findall(shown)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}text\n{shown}\n{marks}"


def show(character: str) -> str:
    """The character, or its code if it is a control, or changes how others are displayed."""
    is_hidden = unicodedata.category(character).startswith("C") and character not in VISIBLE
    return f"\\u{ord(character):04x}" if is_hidden else character


def needs_approval(agent: Agent, code: AgentVersion | None = None) -> bool:
    """Whether an operator still has to approve this code, or the agent's when none is given."""
    if not agent.require_approval:
        return False
    return agent.approved_code_sha256 != (code or get_code(agent)).code_sha256


def ask(agent: Agent) -> None:
    """Hold the step while its code needs approval.

    :raises NotReadyError: the answer comes from Airflow's screen, not from a probe.
    """
    if needs_approval(agent):
        raise NotReadyError("The code waits for an operator's approval.", APPROVAL_STEP, {})


def decide(agent: Agent, choice: str, reason: str) -> dict[str, Any]:
    """What an operator's answer changes in the agent's record.

    :raises ApprovalRejectedError: with the operator's reason, for the tenant to read.
    :raises NotApprovedError: when the answer was about other code than there is now.
    """
    if choice == REJECT:
        said = " ".join(reason.split())[:MAX_REASON_CHARACTERS] or "no reason was given"
        raise ApprovalRejectedError(
            f"An operator rejected the agent: {said}. Change the agent accordingly, then retry."
        )
    if choice not in build_options(agent):
        raise NotApprovedError("The code changed after it was shown for approval. Retry the agent.")
    return {"approved_code_sha256": get_code(agent).code_sha256}


def require_approved(agent: Agent) -> None:
    """Refuse to deploy what nobody approved, however the step before was passed.

    :raises NotApprovedError: when approval is required and not given for this very code.
    """
    if needs_approval(agent):
        raise NotApprovedError("No operator has approved this code. Retry the agent.")


def held_seconds(agent: Agent) -> float:
    """How long the current run has been, or was, held for a person."""
    step = agent.steps.get(APPROVAL_STEP)
    if step is None:
        return 0.0
    until = datetime.fromisoformat(step.ended_at or now())
    return (until - datetime.fromisoformat(step.started_at)).total_seconds()
