"""Cuts a document's text into overlapping chunks of a fixed number of tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Bedrock's tokenizer is not public. A word of up to 24 letters, one Chinese, Japanese or Korean
# character, or one punctuation mark is counted as a token: about 4.7 characters in English prose,
# the ratio that AWS gives for Titan Text Embeddings.
_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W{_CJK}]{{1,24}}|[^\w\s]")


def split_chunks(text: str, max_tokens: int, overlap_percentage: int) -> Iterator[str]:
    """Yield slices of `text`, each starting `overlap_percentage` before the end of the last."""
    spans = [match.span() for match in _TOKEN.finditer(text)]
    step = max(1, max_tokens * (100 - overlap_percentage) // 100)
    for first in range(0, len(spans), step):
        window = spans[first : first + max_tokens]
        yield text[window[0][0] : window[-1][1]]
        if first + max_tokens >= len(spans):
            return
