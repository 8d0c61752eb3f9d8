"""`Idempotency-Key` on POST: a request that is repeated gets the first one's answer.

As in the IETF draft "The Idempotency-Key HTTP Header Field". Only successes are kept: a refused
request has changed nothing, and its key is free again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from flask import request

from include.errors import RequestInFlightError
from include.fences import is_fence_error
from include.idempotency import Answer, Claim, claim_key, has_answer, release
from include.problems import InvalidFormError

HEADER = "Idempotency-Key"
# The draft has a quoted string, most clients send a bare one: both name the same key.
KEY = re.compile(r'("?)([!#-\[\]-~]{1,255})\1')


def answer_once(user_id: str, payload: Any, work: Callable[[Claim | None], Answer]) -> Answer:
    """The answer given before under the request's key, else the one `work` gives now.

    `payload` is what the request says, as JSON: a repetition must say the same. `work` gets the
    claim on the key and stores its answer: with `build_completion` in the transaction that makes
    it true, or with `complete` afterwards, when a crash in between may repeat the work.
    """
    claim = claim_request(user_id, payload)
    if isinstance(claim, Answer):
        return claim
    try:
        return work(claim)
    except BaseException as error:
        give_up(claim, error)
        raise


def claim_request(user_id: str, payload: Any) -> Claim | Answer | None:
    """A claim on the request's key, or the answer it has; None without a key."""
    key = read_key()
    return None if key is None else claim_key(user_id, key, build_fingerprint(payload))


def is_answered(user_id: str) -> bool:
    """Whether a request with this one's key has had its answer."""
    key = read_key()
    return key is not None and has_answer(user_id, key)


def give_up(claim: Claim | None, error: BaseException) -> None:
    """Free the key, unless the answer was committed after all or another took the claim over."""
    if claim is None:
        return
    release(claim)
    if isinstance(error, ClientError) and is_fence_error(error):
        raise RequestInFlightError("Another request carries this Idempotency-Key out.") from error


def read_key() -> str | None:
    """The request's key, if it has one."""
    header = request.headers.get(HEADER)
    if header is None:
        return None
    match = KEY.fullmatch(header.strip())
    if match is None:
        message = "must have 1 to 255 visible ASCII characters, such as a UUID"
        raise InvalidFormError([{"field": HEADER, "message": message}])
    return match[2]


def build_fingerprint(payload: Any) -> str:
    """A digest of what is asked."""
    asked = json.dumps([request.method, request.path, payload], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()
