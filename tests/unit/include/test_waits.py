"""Every probe that a step may ask to wait for exists and takes the ids it is given."""

from __future__ import annotations

import math

import pytest

from include import waits


@pytest.mark.parametrize("answer", [True, False])
def test_the_probe_decides(monkeypatch, answer):
    seen = []
    probes = {"runtime": lambda **ids: seen.append(ids) or answer}
    monkeypatch.setattr(waits, "PROBES", probes)
    assert waits.is_settled("runtime", {"id": "r1"}) is answer
    assert seen == [{"id": "r1"}]


def test_an_unknown_probe_is_an_error():
    with pytest.raises(KeyError):
        waits.is_settled("weather", {})


def test_what_settles_in_time_need_not_be_deferred(monkeypatch):
    answers = iter([False, False, True])
    monkeypatch.setattr(waits, "PROBES", {"runtime": lambda: next(answers)})
    monkeypatch.setattr(waits, "INLINE_POLL_SECONDS", 0)
    assert waits.settles_by(math.inf, "runtime", {})
    assert next(answers, None) is None


def test_nobody_waits_inline_for_a_person():
    assert not waits.settles_by(math.inf, "approve_code", {})


def test_after_the_deadline_nothing_is_asked(monkeypatch):
    monkeypatch.setattr(waits, "PROBES", {})
    assert not waits.settles_by(0, "runtime", {})
