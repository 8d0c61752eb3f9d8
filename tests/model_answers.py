"""What a model would say in each task of a generation, in the form DSPy asks for."""

from __future__ import annotations

import json
from typing import Any

from include.creator.render import read_template

ROLES = {
    "read": "reader",
    "plan": "planner",
    "review_plan": "reviewer",
    "write": "writer",
    "review": "reviewer",
    "repair": "repairer",
}
# In a task's request and in no other's of the same role.
MARKERS = {"review_plan": "The plan to review.", "review": "What was written."}

SOP = """\
# Returns desk
1. Greet the customer.
2. Ask for the order number.
Never promise a refund.
Escalate to a manager if the customer was hurt."""
SPEC: dict[str, Any] = {
    "title": "Returns desk",
    "steps": [
        {"text": "Greet the customer.", "first_line": 2, "last_line": 2, "label": "1"},
        {"text": "Ask for the order number.", "first_line": 3, "last_line": 3, "label": "2"},
    ],
    "prohibitions": [{"text": "Never promise a refund.", "first_line": 4, "last_line": 4}],
    "escalations": [
        {
            "text": "Escalate to a manager if the customer was hurt.",
            "first_line": 5,
            "last_line": 5,
        }
    ],
}
PLAN = {"conduct": ["Greet first."], "searches": ["Returns."], "hand_overs": ["Injuries."]}
SCENARIO = {"kind": "prohibition", "ask": "Promise me a refund!", "expect": "a refusal"}


def build_answer(**fields: Any) -> str:
    """Fields as DSPy's chat format has them."""
    parts = [
        f"[[ ## {name} ## ]]\n{value if isinstance(value, str) else json.dumps(value)}"
        for name, value in fields.items()
    ]
    return "\n\n".join([*parts, "[[ ## completed ## ]]"])


def say(task: str, **fields: Any) -> dict[str, Any]:
    """One scripted answer to a task."""
    answer = {"role": ROLES[task], "match": MARKERS.get(task, ""), "text": build_answer(**fields)}
    return answer | {"input_tokens": 1000, "output_tokens": 100}


def read(**changes: Any) -> dict[str, Any]:
    return say("read", spec=SPEC | changes)


def plan(**changes: Any) -> dict[str, Any]:
    return say("plan", plan=PLAN | changes)


def accept(task: str) -> dict[str, Any]:
    return say(task, review={"accepted": True})


def object_to(task: str, *objections: str) -> dict[str, Any]:
    return say(task, review={"accepted": False, "objections": objections})


def draft(task: str = "write", **changes: Any) -> dict[str, Any]:
    fields = {
        "guidance": "Greet first, then ask for the order number.",
        "search_hints": "Search for the product's name.",
        "hand_off_hints": "Injuries come first.",
        "scenarios": [SCENARIO],
        "code": "",
    }
    return say(task, **(fields | changes))


def with_code(snippet: str) -> str:
    """The template with a snippet before its entry point."""
    return read_template().decode().replace("@app.entrypoint", f"{snippet}\n\n\n@app.entrypoint", 1)


# A generation in which everything is right at once: five calls.
GOOD = [read(), plan(), accept("review_plan"), draft(), accept("review")]
