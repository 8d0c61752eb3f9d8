"""DSPy's way to a model: Amazon Bedrock's Converse, without any library in between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from dspy import lm15

from include.aws import client, from_aws
from include.creator.model.roles import Role, get_model_id
from include.creator.model.usage import build_usage
from include.errors import ModelAnswerError
from include.models import ModelUsage
from include.settings import get_settings

COMPLETE = ("end_turn", "stop_sequence")


class ConverseEngine:
    """Answers DSPy's requests in one role; `calls` is the account of those that were paid for.

    Errors of AWS become ours, which DSPy hands on as the cause of its own.
    """

    def __init__(self, role: Role, agent_id: str) -> None:
        self.role = role
        self.agent_id = agent_id
        self.model_id = get_model_id(role)
        self.calls: list[ModelUsage] = []

    def complete(self, request: lm15.Request) -> lm15.Response:
        """One call of the model; raises ModelAnswerError for an answer that was cut off."""
        try:
            answer = client("bedrock-runtime").converse(**self.build_call(request))
        except (ClientError, BotoCoreError) as error:
            raise from_aws(error) from error
        usage = answer["usage"]
        self.calls.append(
            build_usage(self.role, self.model_id, usage["inputTokens"], usage["outputTokens"])
        )
        self.ensure_complete(answer)
        return lm15.Response(
            id=None,
            model=request.model,
            message=lm15.Message.assistant(read_text(answer)),
            finish_reason="stop",
            usage=lm15.Usage(
                input_tokens=usage["inputTokens"], output_tokens=usage["outputTokens"]
            ),
        )

    def build_call(self, request: lm15.Request) -> dict[str, Any]:
        """Converse's arguments; the metadata tells roles and agents apart in invocation logs."""
        return {
            "modelId": self.model_id,
            "system": [{"text": request.system}] if request.system else [],
            "messages": [
                {"role": message.role, "content": [{"text": message.text}]}
                for message in request.messages
            ],
            "inferenceConfig": {
                "maxTokens": get_settings().model_max_output_tokens,
                "temperature": 0.0,
            },
            "requestMetadata": {"role": str(self.role), "agentId": self.agent_id},
        }

    def ensure_complete(self, answer: Mapping[str, Any]) -> None:
        """Raise ModelAnswerError unless the model said all it wanted to say."""
        reason = answer["stopReason"]
        if reason not in COMPLETE or not read_text(answer).strip():
            raise ModelAnswerError(
                f"The model {self.model_id} gave the {self.role} no whole answer ({reason}). "
                "Shorten the procedure, or have another model chosen; then retry."
            )


def read_text(answer: Mapping[str, Any]) -> str:
    """The text of Converse's answer; thoughts and other blocks are left out."""
    blocks = answer["output"]["message"]["content"]
    return "".join(block["text"] for block in blocks if "text" in block)
