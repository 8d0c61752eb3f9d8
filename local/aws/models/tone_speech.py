"""Speech for machines: text as tones, which the stand-in's audio model speaks and understands.

Real speech would need models of its own. This is a modem instead: every half byte of the UTF-8 text
is one of sixteen tones for 8 ms, sixty characters a second, at any of Nova Sonic's sample rates, as
16-bit mono PCM. A checksum at the end tells an utterance from any other sound. It stands for what
passes no microphone: an utterance begins with the first loud sample and ends with silence.
"""

from __future__ import annotations

import math
import zlib
from array import array
from collections.abc import Iterator
from functools import cache

SYMBOLS_PER_SECOND = 125
TONES = 16
LOWEST_HERTZ, STEP_HERTZ = 500, 125  # whole waves in a symbol, so that tones do not mix
AMPLITUDE = 12_000
LOUD = 1_000
SILENCE_SECONDS = 0.1
MAX_SECONDS = 60
CHECKSUM_BYTES = 2


def speak(text: str, sample_rate: int) -> bytes:
    """The samples of a text."""
    content = text.encode()
    tones = _tones(sample_rate)
    halves = (half for byte in content + _checksum(content) for half in (byte >> 4, byte & 15))
    return b"".join(tones[half] for half in halves)


def understand(samples: array[int], sample_rate: int) -> str | None:
    """The text of an utterance, or None for any other sound."""
    size = sample_rate // SYMBOLS_PER_SECOND
    count = (len(samples) + size // 2) // size
    halves = [_find_tone(samples[n * size : (n + 1) * size], sample_rate) for n in range(count)]
    spoken = bytes(high << 4 | low for high, low in zip(halves[::2], halves[1::2], strict=False))
    content, checksum = spoken[:-CHECKSUM_BYTES], spoken[-CHECKSUM_BYTES:]
    if not content or checksum != _checksum(content):
        return None
    return content.decode(errors="replace")


class Listener:
    """Cuts a stream of samples into utterances."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.heard: array[int] = array("h")
        self.silent_samples = 0

    @property
    def is_hearing(self) -> bool:
        """Whether somebody has begun to speak and not ended."""
        return bool(self.heard)

    def hear(self, audio: bytes) -> Iterator[array[int]]:
        """Take the next samples; yields each utterance that ends in them."""
        for sample in array("h", audio):
            is_loud = abs(sample) > LOUD
            if not (self.heard or is_loud):
                continue
            self.heard.append(sample)
            self.silent_samples = 0 if is_loud else self.silent_samples + 1
            is_over = self.silent_samples >= self.sample_rate * SILENCE_SECONDS
            if is_over or len(self.heard) >= self.sample_rate * MAX_SECONDS:
                yield self.heard[: len(self.heard) - self.silent_samples]
                self.heard, self.silent_samples = array("h"), 0


def _checksum(content: bytes) -> bytes:
    return (zlib.crc32(content) & 0xFFFF).to_bytes(CHECKSUM_BYTES, "big")


@cache
def _waves(sample_rate: int) -> tuple[tuple[list[float], list[float]], ...]:
    """Cosine and sine of each tone."""
    steps = range(sample_rate // SYMBOLS_PER_SECOND)
    turns = [2 * math.pi * (LOWEST_HERTZ + n * STEP_HERTZ) / sample_rate for n in range(TONES)]
    return tuple(
        ([math.cos(turn * step) for step in steps], [math.sin(turn * step) for step in steps])
        for turn in turns
    )


@cache
def _tones(sample_rate: int) -> list[bytes]:
    """The samples of each tone; they begin loud, which marks where an utterance begins."""
    waves = (cosine for cosine, _ in _waves(sample_rate))
    return [array("h", (round(AMPLITUDE * x) for x in wave)).tobytes() for wave in waves]


def _find_tone(samples: array[int], sample_rate: int) -> int:
    """The tone that these samples are nearest to."""

    def loudness(tone: int) -> float:
        cosine, sine = _waves(sample_rate)[tone]
        real = sum(map(float.__mul__, cosine, map(float, samples)))
        return real**2 + sum(map(float.__mul__, sine, map(float, samples))) ** 2

    return max(range(TONES), key=loudness)
