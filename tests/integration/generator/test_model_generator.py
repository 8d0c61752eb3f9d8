"""Generation by models through real DSPy and LangGraph, over HTTP to the stand-in's Converse."""

from __future__ import annotations

import json

import pytest

from include.aws import client
from include.creator.render import read_template
from include.errors import CodeRejectedError, ModelAnswerError
from include.naming import agent_prefix
from include.settings import get_settings
from tests import model_answers as answers
from tests.model_answers import GOOD, SOP
from tests.model_generation import INVENTED, count_calls, find_request, generate
from tests.scripted_chat import serve_chat
from tests.unit.include.creator.test_check import HOSTILE


def test_good_code_is_accepted(models, ref):
    models.script(*GOOD)
    code = generate(ref)
    config = json.loads(code.files["agent.json"])
    assert code.files["agent_file.py"] == read_template()
    assert "Greet first, then ask for the order number." in config["systemPrompt"] == code.prompt
    assert SOP in config["systemPrompt"]
    assert "\nSearch for the product's name.\n</advice " in config["retrieveDescription"]
    assert "Escalate to a manager if the customer was hurt." in config["handOffDescription"]
    assert "\nInjuries come first.\n</advice " in config["handOffDescription"]
    assert [hint.ask for hint in code.scenario_hints] == ["Promise me a refund!"]
    assert [item.text for item in code.spec.prohibitions] == ["Never promise a refund."]
    assert (code.generator, len(models.model_calls())) == ("model", 5)


# One of each class of fault that the gate for code knows, by its rule.
FAULTS = {rule: snippet for snippet, rule in HOSTILE.values() if snippet != "# x"}


@pytest.mark.parametrize("rule", FAULTS)
def test_each_class_of_fault_is_repaired(models, ref, rule):
    models.script(
        *GOOD[:3],
        answers.draft(code=answers.with_code(FAULTS[rule])),
        answers.accept("review"),
        answers.draft("repair", code=f"```python\n{read_template().decode()}```"),
        answers.accept("review"),
    )
    code = generate(ref)
    assert code.files["agent_file.py"] == read_template()
    assert f"[{rule}]" in find_request(models, "repair")
    assert count_calls(models) == {
        "reader": 1, "planner": 1, "writer": 1, "reviewer": 3, "repairer": 1
    }  # fmt: skip


def test_changed_code_within_the_gate_is_used(models, ref):
    models.script(
        *GOOD[:3], answers.draft(code=answers.with_code("LIMIT = 3")), answers.accept("review")
    )
    assert b"LIMIT = 3" in generate(ref).files["agent_file.py"]


OTHER_FAULTS = {
    "too long": (answers.draft(guidance="x " * 9000), "guidance has"),
    "size": (answers.draft(code=answers.with_code("#" * 70_000)), "[size]"),
    "tenant text in the code": (
        answers.draft(code=answers.with_code(f'X = "{SOP.splitlines()[4]}"')),
        "holds line 5 of the procedure",
    ),
}


@pytest.mark.parametrize(("bad", "finding"), OTHER_FAULTS.values(), ids=OTHER_FAULTS)
def test_faults_beyond_the_code_rules_are_repaired(models, ref, bad, finding):
    models.script(
        *GOOD[:3], bad, answers.accept("review"), answers.draft("repair"), answers.accept("review")
    )
    generate(ref)
    assert finding in find_request(models, "repair")


def test_what_the_trial_finds_is_repaired(models, ref):
    models.script(*GOOD, answers.draft("repair", guidance="Mended."), answers.accept("review"))
    verdicts = iter([["It promised a refund (line 4)."], []])
    judged = []

    def judge(files, spec):
        judged.append((sorted(files), spec.title))
        return next(verdicts)

    assert "Mended." in generate(ref, judge).prompt
    assert "It promised a refund (line 4)." in find_request(models, "repair")
    assert judged == [(["agent.json", "agent_file.py"], "Returns desk")] * 2


def test_what_the_reviewer_refuses_is_never_judged(models, ref):
    models.script(
        *GOOD[:4],
        answers.object_to("review", "It forgets the order number."),
        answers.draft("repair"),
        answers.accept("review"),
    )
    judged = []
    generate(ref, lambda files, spec: judged.append(1) or [])
    assert "It forgets the order number." in find_request(models, "repair")
    assert judged == [1]


def test_after_the_last_round_the_findings_say_why(models, ref):
    bad = answers.with_code("import socket")
    rounds = [answers.draft("repair", code=bad), answers.accept("review")] * 3
    models.script(*GOOD[:3], answers.draft(code=bad), answers.accept("review"), *rounds)
    with pytest.raises(CodeRejectedError, match=r"may not import socket \[import\]"):
        generate(ref)
    assert count_calls(models)["repairer"] == 3
    assert list_checkpoints(ref) == []  # a retry starts anew


def list_checkpoints(ref):
    prefix = agent_prefix(ref.user_id, ref.agent_id)
    found = client("s3").list_objects_v2(Bucket=get_settings().code_bucket, Prefix=prefix)
    return [item["Key"] for item in found.get("Contents", [])]


def test_an_invented_line_is_read_again(models, ref):
    models.script(answers.read(rules=INVENTED), *GOOD)
    assert generate(ref).spec.rules == ()
    request = find_request(models, "read")
    assert "'Offer a discount.' of line 4: the procedure does not say so" in request


def test_a_reader_that_goes_on_inventing_is_given_up(models, ref):
    models.script(*[answers.read(rules=INVENTED)] * 3, *GOOD[1:])
    with pytest.raises(CodeRejectedError, match="Offer a discount"):
        generate(ref)
    assert count_calls(models) == {"reader": 3}


def test_a_prohibition_that_the_model_drops_is_kept(models, ref):
    models.script(answers.read(prohibitions=[], escalations=[]), *GOOD[1:])
    code = generate(ref)
    assert [item.text for item in code.spec.prohibitions] == ["Never promise a refund."]
    assert "Never:\n- Never promise a refund. (line 4)" in code.prompt


def test_three_plans_at_most(models, ref):
    objection = answers.object_to("review_plan", "Say when to search.")
    models.script(GOOD[0], *[answers.plan(), objection] * 3, *GOOD[3:])
    generate(ref)
    assert count_calls(models)["planner"] == 3
    assert "Say when to search." in find_request(models, "write")


def test_an_answer_out_of_form_is_asked_for_as_json(models, ref):
    scribble = answers.say("plan", thoughts="Hm.")
    as_json = {"role": "planner", "text": json.dumps({"plan": answers.PLAN})}
    models.script(GOOD[0], scribble, as_json, *GOOD[2:])
    code = generate(ref)
    [planner] = [usage for usage in code.usage if usage.role == "planner"]
    assert planner.calls == 2


def test_twice_out_of_form_is_an_error(models, ref):
    models.script(GOOD[0], *[answers.say("plan", thoughts="Hm.")] * 2)
    with pytest.raises(ModelAnswerError, match="planner"):
        generate(ref)


def test_an_answer_cut_off_is_an_error(models, ref):
    models.script(answers.read() | {"stop_reason": "max_tokens"})
    with pytest.raises(ModelAnswerError, match="max_tokens"):
        generate(ref)


def test_tokens_and_cost_are_accounted(models, ref, configure):
    configure(
        MODEL_PRICES='{"cheap": [1.0, 10.0], "dear": [3.0, 15.0]}',
        MODEL_ID="cheap",
        REVIEWER_MODEL_ID="dear",
    )
    models.script(*GOOD)
    usage = {entry.role: entry for entry in generate(ref).usage}
    assert (usage["reviewer"].model_id, usage["reviewer"].calls) == ("dear", 2)
    assert (usage["reviewer"].input_tokens, usage["reviewer"].output_tokens) == (2000, 200)
    assert usage["reviewer"].cost_usd == pytest.approx((2000 * 3 + 200 * 15) / 1_000_000)
    assert usage["reader"].cost_usd == pytest.approx((1000 * 1 + 100 * 10) / 1_000_000)


def test_the_same_graph_runs_with_a_local_model(models, ref, monkeypatch):
    with serve_chat(GOOD) as (url, asked):
        monkeypatch.setenv("LOCAL_MODEL_BASE_URL", f"{url}/v1")
        monkeypatch.setenv("LOCAL_MODEL_NAME", "small")
        code = generate(ref)
    assert "Greet first, then ask for the order number." in code.prompt
    assert [request["model"] for request in asked] == ["small"] * 5
    assert {message["role"] for message in asked[0]["messages"]} >= {"system", "user"}
    assert (code.usage[0].role, code.usage[0].input_tokens) == ("reader", 1000)
