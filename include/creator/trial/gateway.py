"""Answers the AWS calls of an agent on trial: its own model and its own passages, nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from include.aws import client
from include.creator.request import GenerationRequest
from include.creator.trial.samples import Sample, search
from include.settings import KnowledgeBaseStore, get_settings

KNOWLEDGE_BASE_ID = "TRIALTRIAL"
MODEL_OPERATIONS = {"Converse", "ConverseStream"}
MODEL_ARGUMENTS = {"modelId", "messages", "system", "inferenceConfig", "toolConfig"}
RETRIEVE_ARGUMENTS = {"knowledgeBaseId", "retrievalQuery", "retrievalConfiguration"}
MAX_RESULTS = 10


class RefusedCallError(Exception):
    """The agent called what it may not; the message says what."""


class Gateway:
    """The agent's only way out, kept by the caller; what was asked of it is remembered."""

    def __init__(self, request: GenerationRequest, samples: Sequence[Sample]) -> None:
        self.prefix = request.document_prefix
        self.samples = samples
        self.passages: set[tuple[str, str]] = set()
        self.refused: list[str] = []
        self.failure: ClientError | BotoCoreError | None = None
        self.model_calls = self.input_tokens = self.output_tokens = 0
        self.lock = threading.Lock()

    def environment(self) -> dict[str, str]:
        """The variables AgentCore would give the agent, its knowledge base being the trial's."""
        settings = get_settings()
        return {
            "AWS_REGION": settings.aws_region,
            "KNOWLEDGE_BASE_ID": KNOWLEDGE_BASE_ID,
            "KNOWLEDGE_BASE_STORE": settings.knowledge_base_store.value,
            "MODEL_ID": settings.model_id,
        }

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        """`{"answer": ...}` or `{"error": ...}`; AWS's own failure is kept in `failure`."""
        try:
            return {"answer": self.dispatch(call)}
        except RefusedCallError as error:
            self.refused.append(str(error))
            return {"error": {"code": "AccessDeniedException", "message": str(error)}}
        except (AttributeError, TypeError, ValueError, ParamValidationError):
            self.refused.append("it called AWS with arguments that make no sense")
            return {"error": {"code": "ValidationException", "message": "Malformed input."}}
        except (ClientError, BotoCoreError) as error:
            self.failure = error
            return {"error": {"code": "ServiceUnavailableException", "message": "on trial"}}

    def dispatch(self, call: dict[str, Any]) -> dict[str, Any]:
        """Answer one call; raises RefusedCallError."""
        service, operation = str(call.get("service")), str(call.get("operation"))
        arguments = call.get("arguments")
        if not isinstance(arguments, dict):
            raise RefusedCallError(f"it called {service} {operation} without arguments")
        if service == "bedrock-runtime" and operation in MODEL_OPERATIONS:
            return self.converse(operation, arguments)
        if service == "bedrock-agent-runtime" and operation == "Retrieve":
            return self.retrieve(arguments)
        raise RefusedCallError(f"it called {service} {operation}")

    def converse(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Ask the agent's model; a stream is made of the whole answer, which costs less."""
        given = {name: value for name, value in arguments.items() if value not in (None, {}, [])}
        if given.get("modelId") != get_settings().model_id or set(given) - MODEL_ARGUMENTS:
            raise RefusedCallError(f"it called {operation} of another model or with other options")
        answer = client("bedrock-runtime").converse(**given)
        answer.pop("ResponseMetadata", None)
        with self.lock:
            self.model_calls += 1
            self.input_tokens += answer["usage"]["inputTokens"]
            self.output_tokens += answer["usage"]["outputTokens"]
        return {"stream": list(build_events(answer))} if operation == "ConverseStream" else answer

    def retrieve(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Search the passages of the tenant's documents."""
        if arguments.get("knowledgeBaseId") != KNOWLEDGE_BASE_ID:
            raise RefusedCallError("it searched a knowledge base that is not its own")
        if set(arguments) - RETRIEVE_ARGUMENTS:
            raise RefusedCallError("it called Retrieve with other options")
        query = str(arguments.get("retrievalQuery", {}).get("text", ""))
        found = search(self.samples, query, min(read_limit(arguments), MAX_RESULTS))
        with self.lock:
            self.passages |= {(self.prefix + s.document, s.text.strip()) for s, _ in found}
        return {"retrievalResults": [self.build_result(*pair) for pair in found]}

    def build_result(self, sample: Sample, score: float) -> dict[str, Any]:
        """One of Retrieve's results."""
        uri = self.prefix + sample.document
        return {
            "content": {"type": "TEXT", "text": sample.text},
            "location": {"type": "S3", "s3Location": {"uri": uri}},
            "metadata": {"x-amz-bedrock-kb-source-uri": uri},
            "score": score,
        }


def read_limit(arguments: dict[str, Any]) -> int:
    """How many results are asked for, under the name of whatever store."""
    is_managed = get_settings().knowledge_base_store == KnowledgeBaseStore.MANAGED
    key = "managedSearchConfiguration" if is_managed else "vectorSearchConfiguration"
    wanted = (arguments.get("retrievalConfiguration") or {}).get(key, {}).get("numberOfResults")
    return wanted if isinstance(wanted, int) and wanted > 0 else get_settings().retrieved_passages


def build_events(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """ConverseStream's events for an answer of Converse."""
    yield {"messageStart": {"role": "assistant"}}
    for index, block in enumerate(answer["output"]["message"]["content"]):
        if "toolUse" in block:
            use = block["toolUse"]
            start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
            yield {"contentBlockStart": {"contentBlockIndex": index, "start": start}}
            delta: dict[str, Any] = {"toolUse": {"input": json.dumps(use["input"])}}
        elif "text" in block:
            delta = {"text": block["text"]}
        else:
            continue
        yield {"contentBlockDelta": {"contentBlockIndex": index, "delta": delta}}
        yield {"contentBlockStop": {"contentBlockIndex": index}}
    yield {"messageStop": {"stopReason": answer["stopReason"]}}
    metrics = answer.get("metrics") or {"latencyMs": 0}
    yield {"metadata": {"usage": answer["usage"], "metrics": metrics}}
