"""bedrock-runtime over HTTP: Converse, ConverseStream, and InvokeModel for Titan embeddings."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from moto.core.eventstream import EventStreamEncoder
from moto.core.exceptions import ServiceException
from moto.core.responses import BaseResponse

from local.aws.models import local_model
from local.aws.models.converse import (
    CHARS_PER_TOKEN,
    Piece,
    Request,
    ValidationException,
    check_request,
    to_events,
    to_message,
)
from local.aws.models.embeddings import embed
from local.aws.models.openai_model import OpenAIModel
from local.aws.models.scripts import SCRIPTS

EVENT_STREAM = "application/vnd.amazon.eventstream"
TITAN_PREFIX = "amazon.titan-embed-text-v2"
TITAN_DIMENSIONS = (1024, 512, 256)
TITAN_FIELDS = ("inputText", "dimensions", "normalize", "embeddingTypes")
TITAN_MAX_CHARS = 50_000


class BedrockRuntime(BaseResponse):
    """Models: a test's script, else the local one, or LOCAL_MODEL_BASE_URL's."""

    use_raw_body = True

    def __init__(self) -> None:
        super().__init__(service_name="bedrock-runtime")
        self.automated_parameter_parsing = True

    def converse(self) -> tuple[int, dict[str, str], str]:
        """POST /model/{modelId}/converse."""
        started = time.monotonic()
        message = to_message(self.pieces())
        return answer_json(message | {"metrics": {"latencyMs": elapsed_ms(started)}})

    def converse_stream(self) -> tuple[int, dict[str, str], Iterable[bytes]]:
        """POST /model/{modelId}/converse-stream: events are sent as the model makes them."""
        pieces = self.pieces()
        first = next(pieces)  # an error before the first piece is an HTTP error
        events = encode_events(itertools.chain([first], pieces))
        return 200, {"Content-Type": EVENT_STREAM}, events

    def invoke_model(self) -> tuple[int, dict[str, str], str]:
        """POST /model/{modelId}/invoke: Titan text embeddings only."""
        model_id = unquote(self.params["modelId"])
        if TITAN_PREFIX not in model_id:
            raise ValidationException("The provided model identifier is invalid.")
        return answer_json(embed_titan(self.read_json()))

    def pieces(self) -> Iterator[Piece]:
        """The model's reply to the checked request."""
        request = self.read_json() | {"modelId": unquote(self.params["modelId"])}
        check_request(request)
        return SCRIPTS.find_reply(request) or find_model()(request)

    def read_json(self) -> dict[str, Any]:
        """The body; raises ValidationException."""
        try:
            body = json.loads(self.raw_body or b"{}")
        except ValueError as error:
            raise ValidationException(f"Malformed input request: {error}") from error
        if not isinstance(body, dict):
            raise ValidationException("Malformed input request: expected a JSON object")
        return body


def answer_json(answer: dict[str, Any]) -> tuple[int, dict[str, str], str]:
    """A successful answer, written as it is: moto's serializer looks each member up in a model."""
    return 200, {"Content-Type": "application/json"}, json.dumps(answer)


def find_model() -> Callable[[Request], Iterator[Piece]]:
    """What answers a request: the local model unless another is configured."""
    base_url = os.environ.get("LOCAL_MODEL_BASE_URL")
    if not base_url:
        return local_model.reply
    name = os.environ.get("LOCAL_MODEL_NAME", "default")
    return OpenAIModel(base_url, name, os.environ.get("LOCAL_MODEL_API_KEY")).reply


def encode_events(pieces: Iterable[Piece]) -> Iterator[bytes]:
    """Binary event-stream messages; an error on the way becomes the last of them."""
    started = time.monotonic()
    try:
        for name, payload in to_events(pieces):
            if name == "metadata":
                payload["metrics"] = {"latencyMs": elapsed_ms(started)}
            yield encode_message("event", name, payload)
    except ServiceException as error:
        name = error.code[0].lower() + error.code[1:]
        if name == "modelErrorException":
            name = "modelStreamErrorException"
        yield encode_message("exception", name, {"message": error.message})


def encode_message(kind: str, name: str, payload: dict[str, Any]) -> bytes:
    """One message (kind: event or exception) of the vnd.amazon.eventstream format."""
    headers = {
        f":{kind}-type": name,
        ":content-type": "application/json",
        ":message-type": kind,
    }
    return EventStreamEncoder().encode_message(headers, json.dumps(payload).encode())


def embed_titan(body: dict[str, Any]) -> dict[str, Any]:
    """Titan Text Embeddings V2's answer to its request."""
    for key in body:
        if key not in TITAN_FIELDS:
            raise ValidationException(
                f"Malformed input request: #: extraneous key [{key}] is not permitted, please "
                "reformat your input and try again."
            )
    text, dimensions = body.get("inputText"), body.get("dimensions", TITAN_DIMENSIONS[0])
    if not isinstance(text, str) or not 0 < len(text) <= TITAN_MAX_CHARS:
        raise ValidationException(
            "Malformed input request: expected minLength: 1, actual: 0, please reformat your "
            "input and try again."
        )
    if dimensions not in TITAN_DIMENSIONS:
        raise ValidationException(
            f"Malformed input request: #/dimensions: {dimensions} is not a valid enum value, "
            "please reformat your input and try again."
        )
    vector = embed(text, dimensions)
    return {
        "embedding": vector,
        "embeddingsByType": {"float": vector},
        "inputTextTokenCount": max(1, len(text) // CHARS_PER_TOKEN),
    }


def elapsed_ms(started: float) -> int:
    """Whole milliseconds since a monotonic time."""
    return int((time.monotonic() - started) * 1000)
