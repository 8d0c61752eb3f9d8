"""What the roles hand to each other, typed."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

from include.creator.request import ScenarioHint

FENCE = re.compile(r"\A```[a-z]*\n(.*?)\n?```\s*\Z", re.DOTALL)


class Frozen(BaseModel):
    """Immutable; what a model adds to the form is dropped."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Plan(Frozen):
    """How the agent is going to work, in short sentences."""

    conduct: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    hand_overs: tuple[str, ...] = ()


class Review(Frozen):
    """A reviewer's word: accepted only without any objection."""

    accepted: bool
    objections: tuple[str, ...] = ()

    @property
    def findings(self) -> list[str]:
        """The objections; a refusal that gives none is one itself."""
        given = [text for text in self.objections if text.strip()]
        if not given and not self.accepted:
            return ["The reviewer refused without a reason."]
        return given


class Draft(Frozen):
    """All that a model writes of an agent; the rest is made by the same code as without one."""

    guidance: str = ""  # how to work, for the system prompt
    search_hints: str = ""  # for the description of the search tool
    hand_off_hints: str = ""  # for that of the hand-off tool
    scenarios: tuple[ScenarioHint, ...] = ()
    code: str = ""  # of agent_file.py; empty: the template as it is

    def own_code(self) -> str | None:
        """The code without the marks of Markdown, or None for the template."""
        code = self.code.strip()
        fenced = FENCE.match(code)
        code = fenced[1].strip() if fenced else code
        return f"{code}\n" if code else None
