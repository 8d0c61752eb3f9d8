"""An agent's files: code that is the same for all of a kind, and JSON that holds what differs.

No tenant text ever becomes Python: quotes, newlines and braces in an SOP cannot matter.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from include.creator.check import CODE_FILE, VOICE_FILE
from include.creator.request import GenerationRequest
from include.errors import CodeRejectedError
from include.models import AgentType
from include.presentation import VoiceConfig, read_stored

FOLDER = Path(__file__).parent / "template"
TEMPLATE = FOLDER / CODE_FILE
# Pinned: a template changed by accident, or by somebody else, is not deployed.
TEMPLATE_SHA256 = {
    CODE_FILE: "63d443e8034806e800bfa2c1b51956e1086347fc57644db8f45c858b5052ba10",
    VOICE_FILE: "8ac2da3627bcc63c742526953b09204b778adfb8296f354af4d314372e88e6ec",
}
CONFIG_VERSION = 1
MAX_ANSWER_TOKENS = 4096


def read_templates(agent_type: AgentType) -> dict[str, bytes]:
    """The Python files of every agent of a kind; those that speak have one more."""
    files = {CODE_FILE: read_template()}
    if agent_type is not AgentType.TEXT:
        files[VOICE_FILE] = read_template(VOICE_FILE)
    return files


@cache
def read_template(name: str = CODE_FILE) -> bytes:
    """One of these files; raises CodeRejectedError if it is not the pinned one."""
    source = (FOLDER / name).read_bytes()
    digest = hashlib.sha256(source).hexdigest()
    if digest != TEMPLATE_SHA256[name]:
        raise CodeRejectedError(
            f"The template {name} has the SHA-256 {digest}, not the pinned one; "
            "review it, then pin it in include/creator/render.py."
        )
    return source


def build_voice(request: GenerationRequest) -> dict[str, Any]:
    """How the agent's audio model is set; what it says of itself is in the prompt."""
    config = read_stored(VoiceConfig, request.voice_config)
    return {
        "modelId": request.voice_model_id,
        "voice": config.spoken_by,
        "sampleRate": config.sample_rate,
        "bargeIn": config.barge_in,
        "greets": config.greeting is not None,
    }


def render_config(request: GenerationRequest, texts: dict[str, str]) -> bytes:
    """agent.json; `texts` are those the model reads: systemPrompt and the tool descriptions."""
    config: dict[str, Any] = {
        "agentId": request.agent_id,
        "agentName": request.agent_name,
        "agentType": request.agent_type,
        "configVersion": CONFIG_VERSION,
        "documentPrefix": request.document_prefix,
        "maxTokens": MAX_ANSWER_TOKENS,
        "numberOfResults": request.retrieved_passages,
        "sop": request.sop,
        "textConfig": request.text_config,
        "voiceConfig": request.voice_config,
        **texts,
    }
    if request.agent_type is not AgentType.TEXT:
        config["voice"] = build_voice(request)
    return (json.dumps(config, ensure_ascii=True, sort_keys=True, indent=1) + "\n").encode("ascii")
