"""A generation by models as tests run it, and what was asked of the models meanwhile."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from include.creator.model.generator import ModelGenerator
from tests.killed_generation import build_request

# The words of a task's request by which the stand-in finds the call to hold.
MARKERS = {
    "read": "each line begins with its number",
    "plan": "found in your last plan",
    "review_plan": "The plan to review.",
    "write": "still had against the plan",
    "review": "What was written.",
    "repair": "What reviewers, checks and trials found",
}
INVENTED = [{"text": "Offer a discount.", "first_line": 4, "last_line": 4}]


def generate(ref, judge=None, **changes):
    return ModelGenerator(ref, judge).generate(replace(build_request(ref.agent_id), **changes))


def count_calls(models):
    return Counter(call["requestMetadata"]["role"] for call in models.model_calls())


def find_request(models, task):
    """All that was said to the model in the last call of a task."""
    calls = models.model_calls()
    last = [call for call in calls if MARKERS[task] in call["system"][0]["text"]][-1]
    return last["messages"][-1]["content"][0]["text"]
