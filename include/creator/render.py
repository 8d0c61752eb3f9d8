"""An agent's two files: code that is the same for all, and JSON that holds all that differs.

No tenant text ever becomes Python: quotes, newlines and braces in an SOP cannot matter.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from include.creator.check import CODE_FILE
from include.creator.request import GenerationRequest
from include.errors import CodeRejectedError

TEMPLATE = Path(__file__).parent / "template" / CODE_FILE
# Pinned: a template changed by accident, or by somebody else, is not deployed.
TEMPLATE_SHA256 = "63d443e8034806e800bfa2c1b51956e1086347fc57644db8f45c858b5052ba10"
CONFIG_VERSION = 1
MAX_ANSWER_TOKENS = 4096


@cache
def read_template() -> bytes:
    """The code of every agent; raises CodeRejectedError if it is not the pinned one."""
    source = TEMPLATE.read_bytes()
    digest = hashlib.sha256(source).hexdigest()
    if digest != TEMPLATE_SHA256:
        raise CodeRejectedError(
            f"The template {TEMPLATE.name} has the SHA-256 {digest}, not the pinned one; "
            "review it, then pin it in include/creator/render.py."
        )
    return source


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
    return (json.dumps(config, ensure_ascii=True, sort_keys=True, indent=1) + "\n").encode("ascii")
