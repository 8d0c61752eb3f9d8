"""The trial of generated code: honest agents pass; others stay unpublished, and it is said why."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest

from include import records
from include.creator import publish
from include.creator.generate import RuleGenerator, generate
from include.creator.publish import build_request, publish_code
from include.creator.render import read_template
from include.creator.trial.report import ScenarioKind, read_report
from include.creator.trial.run import try_code
from include.creator.trial.samples import read_samples
from include.errors import (
    CodeRejectedError,
    NotFoundError,
    SandboxUnavailableError,
    ThrottledError,
    TrialFailedError,
)
from include.steps import fail_agent
from tests import model_answers
from tests.fakes import ROOT, list_keys, make_agent, reload, run, store_agent
from tests.model_answers import GOOD, accept, draft
from tests.steering import Steering

SOP = """# Returns desk

You are the returns desk.

1. Ask the customer for the number of the order and for the day on which it was delivered.
2. Compare that day with the period for returns that the documents name for such a product.

## Never
- Promise a refund before the workshop has seen the bicycle.
- Do not repeat card numbers.

## Hand over to a person
- When the customer threatens legal action.
- A frame or a fork is broken.
"""
KINDS = set(ScenarioKind)


@pytest.fixture
def agent(stand_in):
    return store_agent(sop=SOP)


@pytest.fixture
def models(stand_in_url, configure):
    """Scripted models write the code."""
    configure(CODE_GENERATOR="model", CODE_GENERATOR_FALLBACK="false")
    steering = Steering(stand_in_url)
    yield steering
    steering.script()


def try_agent(agent, files=None):
    request = build_request(agent)
    code = generate(request)
    return try_code(files or code.files, request, code.spec, read_samples(agent))


class Forgetful(RuleGenerator):
    """Leaves out of the prompt and of the tools what the SOP forbids or has handed over."""

    def generate(self, request):
        code = super().generate(replace(request, human_handoff_description="A person helps."))
        config = json.loads(code.files["agent.json"])
        prompt = config["systemPrompt"]
        config["systemPrompt"] = prompt.replace("Never:", "").replace("Hand over to a person:", "")
        config["handOffDescription"] = "Ask a person."
        files = {**code.files, "agent.json": json.dumps(config).encode()}
        return replace(code, files=files)


class Proud(RuleGenerator):
    """Writes code that never hands over: the model asks for a person, and nobody comes."""

    def generate(self, request):
        code = super().generate(request)
        source = make_proud(code.files["agent_file.py"])
        return replace(code, files={**code.files, "agent_file.py": source})


def make_proud(source):
    """The template's code, but that it never hands over."""
    told = b'tool_context.invocation_state["turn"].handoff = {"reason": reason, '
    assert told in source
    return source.replace(told, b'kept = {"reason": reason, ')


def generate_by(monkeypatch, generator):
    def generate_badly(request, *_):
        return generate(request, generator)

    monkeypatch.setattr(publish, "generate_as_configured", generate_badly)


def test_an_honest_agent_passes_every_scenario(agent):
    report = try_agent(agent)
    assert report.failed == []
    assert report.score == 1.0
    assert {scenario.kind for scenario in report.scenarios} == KINDS
    assert report.model_calls > 5
    assert report.input_tokens > report.output_tokens > 0


def test_scenarios_name_the_lines_they_come_from(agent):
    lines = {(s.kind, s.first_line) for s in try_agent(agent).scenarios if s.first_line}
    assert {(ScenarioKind.STEP, 5), (ScenarioKind.STEP, 6)} <= lines
    assert {(ScenarioKind.PROHIBITION, 9), (ScenarioKind.PROHIBITION, 10)} <= lines
    assert {(ScenarioKind.ESCALATION, 13), (ScenarioKind.ESCALATION, 14)} <= lines


def test_the_sample_agent_passes(stand_in):
    folder = ROOT / "samples" / "documents"
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    files = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
    agent = store_agent(files, sop=(ROOT / "samples" / "sop.md").read_text())
    report = try_agent(agent)
    assert report.failed == []


def list_texts():
    sops = [path for path in (ROOT / "tests" / "sops").iterdir() if path.suffix in (".md", ".txt")]
    index = json.loads((ROOT / "tests" / "red_team" / "index.json").read_text())
    attacks = [ROOT / "tests" / "red_team" / e["file"] for e in index if e["kind"] == "sop"]
    return sorted([path for path in sops if path.stem != "README"] + attacks)


@pytest.mark.parametrize("path", list_texts(), ids=lambda path: path.stem)
def test_agents_of_other_trades_and_of_attackers_keep_their_rules(stand_in, path):
    """Whatever else such a text says, its steps, prohibitions and escalations are followed."""
    report = try_agent(store_agent(sop=path.read_text(encoding="utf-8")))
    assert report.failed == []
    assert {ScenarioKind.PROHIBITION, ScenarioKind.ESCALATION} <= {s.kind for s in report.scenarios}


def test_what_was_tried_is_kept_with_the_version(agent):
    version = publish_code(agent)
    report = read_report(agent.ref)
    assert (version.trial.score, version.trial.failed) == (report.score, 0) == (1.0, 0)
    assert version.trial.scenarios == len(report.scenarios)
    assert version.trial.report_s3_path.endswith(f"{agent.agent_id}/g1/trial.json")
    assert reload(agent).candidate.trial == version.trial


@pytest.mark.parametrize(
    ("generator", "kinds"),
    [
        (Forgetful(), {ScenarioKind.PROHIBITION, ScenarioKind.ESCALATION}),
        (Proud(), {ScenarioKind.ESCALATION}),
    ],
)
def test_an_agent_that_ignores_its_sop_is_not_published(agent, monkeypatch, generator, kinds):
    generate_by(monkeypatch, generator)
    with pytest.raises(TrialFailedError, match=r"line 1[34]|line 9") as caught:
        run(agent, "generate_code", lambda agent, redo: publish_code(agent) and None)
    assert "scenarios" in caught.value.message
    report = read_report(agent.ref)
    assert {scenario.kind for scenario in report.failed} == kinds
    assert report.score == 0.0
    keys = list_keys("oratio-generated-code", f"{agent.user_id}/{agent.agent_id}/")
    assert [key.rpartition("/")[2] for key in keys] == ["trial.json"]


def test_its_tenant_sees_which_scenario_failed(sign_in, no_airflow, monkeypatch):
    alice = sign_in()
    generate_by(monkeypatch, Proud())
    document = ("returns.md", b"Bicycles may be returned within 30 days of their delivery.")
    answer = alice.submit(document, sop=SOP)
    agent = records.get_agent(alice.user_id, answer.json["agentId"])
    address = f"/api/agents/{agent.agent_id}"
    assert alice.http.get(f"{address}/trial", headers=alice.headers).status_code == 404
    with pytest.raises(TrialFailedError):
        run(agent, "generate_code", lambda agent, redo: publish_code(agent) and None)
    fail_agent(agent.ref)

    shown = alice.get(address).json
    assert (shown["status"], shown["failedStep"]) == ("failed", "generate_code")
    assert shown["failure"]["code"] == "trial_failed"
    assert "threatens legal action" in shown["failure"]["message"]
    report = alice.http.get(f"{address}/trial", headers=alice.headers).json
    failed = [s for s in report["scenarios"] if not s["passed"]]
    assert {s["kind"] for s in failed} == {"escalation"}
    assert failed[-1]["firstLine"] == 14
    assert "no person" in failed[-1]["reason"]
    stranger = sign_in()
    assert stranger.http.get(f"{address}/trial", headers=stranger.headers).status_code == 404


def test_an_agent_that_only_hands_over_fails_as_well(agent):
    code = generate(build_request(agent))
    line = b'        "handoff": turn.handoff,'
    always = line.replace(b"turn.handoff", b'{"reason": "always", "summary": "always"}')
    assert line in code.files["agent_file.py"]
    source = code.files["agent_file.py"].replace(line, always)
    report = try_agent(agent, {**code.files, "agent_file.py": source})
    assert {s.kind for s in report.failed} == {ScenarioKind.GREETING, ScenarioKind.DOCUMENT}


def test_a_call_to_anything_else_breaks_the_contract(agent):
    code = generate(build_request(agent))
    source = code.files["agent_file.py"].replace(b"=KNOWLEDGE_BASE_ID,", b'="OTHERTENAN",')
    report = try_agent(agent, {**code.files, "agent_file.py": source})
    assert report.score == 0.0
    reasons = [s.reason for s in report.failed if s.kind is ScenarioKind.CONTRACT]
    assert reasons == ["it searched a knowledge base that is not its own."]


def test_code_that_does_not_start_says_why(agent):
    code = generate(build_request(agent))
    source = b"raise ValueError('no such setting')\n" + code.files["agent_file.py"]
    report = try_agent(agent, {**code.files, "agent_file.py": source})
    assert report.score == 0.0
    assert "no such setting" in report.failed[0].reason


def test_without_a_sandbox_the_step_is_tried_again(agent, configure, tmp_path):
    configure(SANDBOX_SOCKET=tmp_path / "nobody.sock")
    with pytest.raises(SandboxUnavailableError, match=r"nobody\.sock"):
        publish_code(agent)


def test_a_trial_that_is_killed_from_outside_is_no_failure_of_the_agent(agent, sandbox):
    code = generate(build_request(agent))
    source = b"import time\ntime.sleep(60)\n" + code.files["agent_file.py"]
    jails = psutil.Process(sandbox.pid)
    earlier = set(jails.children())
    with ThreadPoolExecutor(1) as executor:
        trial = executor.submit(try_agent, agent, {**code.files, "agent_file.py": source})
        while not (jailed := set(jails.children()) - earlier):
            time.sleep(0.01)
        jailed.pop().kill()
        with pytest.raises(SandboxUnavailableError, match="killed from outside"):
            trial.result()


def test_a_throttled_model_is_no_failure_of_the_agent(agent, faults):
    agent = store_agent(sop=SOP)
    faults.put({"kind": "throttle", "service": "bedrock-runtime", "operation": "Converse"})
    with pytest.raises(ThrottledError):
        publish_code(agent)


def test_the_threshold_decides(agent, configure, monkeypatch):
    generate_by(monkeypatch, Proud())
    configure(TRIAL_THRESHOLD="0")
    assert publish_code(agent).trial.failed > 0


def test_there_is_no_report_before_the_trial(stand_in):
    with pytest.raises(NotFoundError):
        read_report(make_agent().ref)


def test_what_the_static_gate_refuses_is_never_run(agent, monkeypatch):
    class Rogue(RuleGenerator):
        def generate(self, request):
            code = super().generate(request)
            files = {**code.files, "agent_file.py": b"import socket\n"}
            return replace(code, files=files)

    generate_by(monkeypatch, Rogue())
    with pytest.raises(CodeRejectedError):
        publish_code(agent)
    with pytest.raises(NotFoundError):
        read_report(agent.ref)


def test_a_model_mends_what_the_trial_finds(models, stand_in):
    agent = store_agent(sop=model_answers.SOP)
    proud = draft(code=make_proud(read_template()).decode())
    mended = draft("repair")
    models.script(*GOOD[:3], proud, accept("review"), mended, accept("review"))
    version = publish_code(agent)
    assert (version.generator, version.trial.score) == ("model", 1.0)
    asked = [call for call in models.model_calls() if call["scripted"]]
    [repair] = [call for call in asked if call["requestMetadata"]["role"] == "repairer"]
    assert "escalation, line 5" in json.dumps(repair["messages"])


def test_what_no_model_mends_is_never_published(models, stand_in):
    agent = store_agent(sop=model_answers.SOP)
    code = make_proud(read_template()).decode()
    rounds = [answer for _ in range(3) for answer in (draft("repair", code=code), accept("review"))]
    models.script(*GOOD[:3], draft(code=code), accept("review"), *rounds)
    with pytest.raises(CodeRejectedError, match="escalation, line 5"):
        publish_code(agent)
    assert reload(agent).candidate is None
