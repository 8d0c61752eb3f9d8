"""An agent's files from a draft: the same template and texts as by rules, with a model's hints."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping

from include.creator.check import CODE_FILE, CONFIG_FILE
from include.creator.model.drafts import Draft
from include.creator.model.evidence import read_words
from include.creator.prompt import (
    MAX_TOOL_CHARACTERS,
    build_hand_off_description,
    build_prompt,
    build_retrieve_description,
    delimit,
)
from include.creator.render import read_templates, render_config
from include.creator.request import GenerationRequest
from include.creator.spec import AgentSpec

MAX_CHARACTERS = {"guidance": 8_000, "search_hints": 1_000, "hand_off_hints": 1_000}
MIN_QUOTED_WORDS = 5  # fewer may stand in any code by chance
GUIDANCE = (
    "# How to work\nAdvice on the procedure. Where it differs from the rules or from the "
    "procedure, they count."
)


def build_files(request: GenerationRequest, spec: AgentSpec, draft: Draft) -> dict[str, bytes]:
    """Code and configuration; rules, procedure and hand-off conditions are there in any case."""
    texts = {
        "systemPrompt": build_guided_prompt(request, spec, draft),
        "retrieveDescription": add_hint(build_retrieve_description(request), draft.search_hints),
        "handOffDescription": add_hint(
            build_hand_off_description(request, spec), draft.hand_off_hints
        ),
    }
    files = {**read_templates(request.agent_type), CONFIG_FILE: render_config(request, texts)}
    if code := draft.own_code():
        # Half a surrogate cannot be encoded; what stands for it is refused as not ASCII.
        files[CODE_FILE] = code.encode("utf-8", "replace")
    return files


def build_guided_prompt(request: GenerationRequest, spec: AgentSpec, draft: Draft) -> str:
    """The prompt as made by rules, and after it the model's advice, as data."""
    prompt = build_prompt(request, spec)
    if not draft.guidance.strip():
        return prompt
    return f"{prompt}\n{GUIDANCE}\n{delimit('advice', draft.guidance)}\n"


def add_hint(description: str, hint: str) -> str:
    """A tool's description with the model's hint after it, as data, if there is room for it."""
    hint = hint.strip()
    if not hint or len(description) + len(hint) > MAX_TOOL_CHARACTERS:
        return description
    return f"{description}\n{delimit('advice', hint)}"


def read_prompt(files: Mapping[str, bytes]) -> str:
    """The system prompt in an agent's files."""
    return str(json.loads(files[CONFIG_FILE])["systemPrompt"])


def check_draft(draft: Draft, sop: str) -> list[str]:
    """What the gate for code cannot see: texts too long, and the tenant's text in the code."""
    findings = [
        f"{name} has {len(text)} characters; {limit} are allowed."
        for name, limit in MAX_CHARACTERS.items()
        if len(text := getattr(draft, name)) > limit
    ]
    code = read_words(" ".join(find_texts(draft.own_code() or "")))
    return findings + [
        f"{CODE_FILE} holds line {number} of the procedure; keep it out of the code."
        for number, line in enumerate(sop.splitlines(), start=1)
        if len((words := read_words(line)).split()) >= MIN_QUOTED_WORDS and words in code
    ]


def find_texts(code: str) -> Iterator[str]:
    """The code itself, and what the texts in it mean; code that is no Python has only itself."""
    yield code
    try:
        nodes = ast.walk(ast.parse(code))
        yield from (str(node.value) for node in nodes if isinstance(node, ast.Constant))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
