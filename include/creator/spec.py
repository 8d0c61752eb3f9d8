"""What an SOP asks of an agent, typed; every item knows the SOP lines it comes from."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class SpecModel(BaseModel):
    """Immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Statement(SpecModel):
    """A sentence of the SOP in its own words; lines count from 1, both ends included."""

    text: str
    first_line: int
    last_line: int


class Section(Statement):
    """A heading; `level` is 1 for the outermost."""

    level: int


class Condition(Statement):
    """What to do in one case; `otherwise` if the SOP says what to do in all others."""

    when: str
    then: str
    otherwise: str | None = None


class Step(Statement):
    """One step of the procedure; `label` as the SOP numbers it, `-` for a plain bullet."""

    label: str
    section: str | None = None
    conditions: tuple[Condition, ...] = ()
    steps: tuple[Step, ...] = ()


class Tool(Statement):
    """An action the SOP demands that an agent cannot do itself; `system` if the SOP names one."""

    system: str | None = None


class AgentSpec(SpecModel):
    """An SOP, read. One sentence may stand in several lists: a step can hold a prohibition."""

    title: str
    language: str = "en"  # of the words it was read by
    role: Statement | None = None
    tone: tuple[Statement, ...] = ()
    sections: tuple[Section, ...] = ()
    steps: tuple[Step, ...] = ()
    conditions: tuple[Condition, ...] = ()
    rules: tuple[Statement, ...] = ()
    prohibitions: tuple[Statement, ...] = ()
    escalations: tuple[Statement, ...] = ()
    facts_to_collect: tuple[Statement, ...] = ()
    tools: tuple[Tool, ...] = ()
