"""What is spoken in tones is understood, whatever the pieces it comes in, and nothing else is."""

from __future__ import annotations

import random
from array import array

import pytest

from local.aws.models.tone_speech import Listener, speak, understand

QUESTION = "How long may I return a bicycle, größer als 20″?"


def hear(audio: bytes, rate: int, piece_bytes: int = 640) -> list[str | None]:
    listener = Listener(rate)
    pieces = (audio[n : n + piece_bytes] for n in range(0, len(audio), piece_bytes))
    return [understand(found, rate) for piece in pieces for found in listener.hear(piece)]


def silence(seconds: float, rate: int) -> bytes:
    return bytes(int(seconds * rate) * 2)


@pytest.mark.parametrize("rate", [8000, 16000, 24000])
@pytest.mark.parametrize("piece_bytes", [2, 640, 100_000])
def test_a_question_comes_through(rate, piece_bytes):
    audio = silence(0.05, rate) + speak(QUESTION, rate) + silence(0.2, rate)
    assert hear(audio, rate, piece_bytes) == [QUESTION]


def test_sixty_characters_a_second():
    assert len(speak("x" * 60, 16000)) / 2 / 16000 == pytest.approx(0.992)


def test_one_after_the_other():
    pause = silence(0.15, 16000)
    audio = b"".join(speak(text, 16000) + pause for text in ("one", "two", "three"))
    assert hear(audio, 16000) == ["one", "two", "three"]


def test_an_utterance_ends_with_silence_only():
    listener = Listener(16000)
    assert list(listener.hear(speak("hello", 16000))) == []
    assert listener.is_hearing
    assert len(list(listener.hear(silence(0.2, 16000)))) == 1
    assert not listener.is_hearing


@pytest.mark.parametrize("seconds", [0.001, 0.05, 0.3])
def test_other_sounds_are_not_understood(seconds):
    source = random.Random(3)
    noise = array("h", (source.randint(-20_000, 20_000) for _ in range(int(16000 * seconds))))
    assert hear(noise.tobytes() + silence(0.2, 16000), 16000) == [None]


def test_half_an_utterance_is_not_understood():
    audio = speak(QUESTION, 16000)
    cut = audio[: len(audio) // 3 // 2 * 2]
    assert hear(cut + silence(0.2, 16000), 16000) == [None]


def test_quiet_hum_is_silence():
    hum = array("h", [300, -300] * 8000).tobytes()
    assert hear(hum, 16000) == []
