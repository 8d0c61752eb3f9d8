"""An agent's events: a list in its own record, written with what they report.

The latest MAX_EVENTS are kept. An event's number follows from `eventCount` and its distance to
the end of the list, so that numbers never repeat and concurrent writers need no lock.
"""

from __future__ import annotations

from typing import Any

from include.items import write
from include.models import Agent, AgentRef, AgentStatus, Event, EventType, Step, StepError

MAX_EVENTS = 200  # about 40 KB of a 400 KB item
EVENTS_DROPPED = 50  # at a time


def status_event(ref: AgentRef, status: AgentStatus, error: StepError | None = None) -> Event:
    """The agent's status changed."""
    return Event(type=EventType.STATUS, generation=ref.generation, status=status, error=error)


def step_event(ref: AgentRef, name: str, step: Step) -> Event:
    """A step moved on."""
    return Event(
        type=EventType.STEP,
        generation=ref.generation,
        status=step.status,
        step=name,
        attempt=step.attempt,
        error=step.error,
    )


def with_first_event(agent: Agent) -> Agent:
    """A new agent whose first event is its status."""
    event = status_event(agent.ref, agent.status).model_copy(update={"at": agent.created_at})
    return agent.model_copy(update={"events": [event], "event_count": 1})


def append_events(update: dict[str, Any], *events: Event) -> None:
    """Let a DynamoDB update, which sets something already, add events too."""
    update["UpdateExpression"] = update["UpdateExpression"].replace(
        "SET ",
        "SET #events = list_append(if_not_exists(#events, :noEvents), :events), "
        "#eventCount = if_not_exists(#eventCount, :zeroEvents) + :newEvents, ",
        1,
    )
    update["ExpressionAttributeNames"] |= {"#events": "events", "#eventCount": "eventCount"}
    update["ExpressionAttributeValues"] |= {
        ":noEvents": {"L": []},
        ":events": write(events),
        ":zeroEvents": {"N": "0"},
        ":newEvents": {"N": str(len(events))},
    }


def build_trim() -> dict[str, Any]:
    """The DynamoDB update that drops the oldest events, once there are MAX_EVENTS."""
    oldest = ", ".join(f"#events[{index}]" for index in range(EVENTS_DROPPED))
    return {
        "UpdateExpression": f"REMOVE {oldest}",
        "ConditionExpression": "size(#events) >= :max",
        "ExpressionAttributeNames": {"#events": "events"},
        "ExpressionAttributeValues": {":max": {"N": str(MAX_EVENTS)}},
    }


def number_events(agent: Agent, after: int = 0) -> list[tuple[int, Event]]:
    """The events whose number is above `after`, each with its number.

    A write whose answer was lost comes again, and adds its events again: they are told once.
    """
    first = agent.event_count - len(agent.events) + 1
    return [
        (number, event)
        for number, event in enumerate(agent.events, first)
        if number > after and event not in agent.events[: number - first]
    ]
