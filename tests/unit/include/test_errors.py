"""The tree of errors: each with a code of its own, all able to cross process borders."""

from __future__ import annotations

import pickle

import pytest

from include import errors
from include.errors import FatalError, NotReadyError, OratioError, RetryableError


def descend(kind: type[OratioError]) -> list[type[OratioError]]:
    return [kind] + [below for sub in kind.__subclasses__() for below in descend(sub)]


OURS = [kind for kind in descend(OratioError) if kind.__module__ == errors.__name__]
PLAIN = [kind for kind in OURS if kind is not NotReadyError]


@pytest.mark.parametrize("kind", PLAIN)
def test_errors_survive_pickling(kind):
    copy = pickle.loads(pickle.dumps(kind("What happened.")))
    assert (type(copy), copy.message, str(copy)) == (kind, "What happened.", "What happened.")


def test_what_to_wait_for_survives_pickling():
    copy = pickle.loads(pickle.dumps(NotReadyError("Not yet.", "runtime", {"id": "r1"})))
    assert (copy.message, copy.probe, copy.ids) == ("Not yet.", "runtime", {"id": "r1"})


def test_a_field_survives_pickling():
    error = errors.InvalidInputError("Too short.", "sop")
    assert pickle.loads(pickle.dumps(error)).field == "sop"


@pytest.mark.parametrize("kind", [k for k in OURS if k not in (OratioError, FatalError)])
def test_every_class_is_either_retryable_or_fatal(kind):
    assert issubclass(kind, RetryableError) != issubclass(kind, FatalError)


def test_codes_are_unique():
    codes = [kind.code for kind in OURS if kind is not FatalError]
    assert len(codes) == len(set(codes))
