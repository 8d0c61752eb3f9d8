"""From a request to accepted code: the rule-based generator, and the gate for all generators."""

from __future__ import annotations

from include.creator.check import CODE_FILE, CONFIG_FILE, ensure_accepted
from include.creator.prompt import (
    build_hand_off_description,
    build_prompt,
    build_retrieve_description,
)
from include.creator.render import read_template, render_config
from include.creator.request import CodeGenerator, GeneratedCode, GenerationRequest
from include.creator.sop import read_sop


class RuleGenerator:
    """Reads the SOP by rules; no model, no network, the same bytes for the same request."""

    name = "rules"
    version = "2"

    def generate(self, request: GenerationRequest) -> GeneratedCode:
        """Fill agent.json beside the constant code."""
        spec = read_sop(request.sop)
        prompt = build_prompt(request, spec)
        texts = {
            "systemPrompt": prompt,
            "retrieveDescription": build_retrieve_description(request),
            "handOffDescription": build_hand_off_description(request, spec),
        }
        files = {CODE_FILE: read_template(), CONFIG_FILE: render_config(request, texts)}
        return GeneratedCode(files, prompt, spec, self.name, self.version)


def generate(request: GenerationRequest, generator: CodeGenerator | None = None) -> GeneratedCode:
    """Generate and check, by rules unless told otherwise; raises CodeRejectedError."""
    code = (generator or RuleGenerator()).generate(request)
    ensure_accepted(code.files)
    return code
