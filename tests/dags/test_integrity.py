"""What holds for every DAG file of ours."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import RetryAction

from include.errors import FatalError
from tests.fakes import ROOT

FILES = sorted(path for path in (ROOT / "dags").glob("*.py") if path.stem != "__init__")
SECTIONS = ["Purpose", "Inputs", "Result", "Idempotency", "On failure", "Runbook"]
MAX_CODE_LINES = 60
HEAVY = {"boto3", "botocore", "httpx", "requests", "flask", "moto", "strands"}


@pytest.fixture(scope="module")
def bag():
    return DagBag(dag_folder=str(ROOT / "dags"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def dag(request, bag):
    return bag.dags[request.param.stem]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def source(request):
    return ast.parse(request.param.read_text())


def test_all_files_load(bag, capsys):
    assert bag.import_errors == {}
    with capsys.disabled():
        times = ", ".join(f"{Path(s.file).stem} {s.duration}" for s in bag.dagbag_stats)
        print(f" [parse time: {times}] ", end="")


def test_each_file_holds_one_dag_of_its_own_name(bag):
    assert sorted(bag.dags) == [path.stem for path in FILES]
    assert all(Path(d.fileloc).stem == dag_id for dag_id, d in bag.dags.items())


def test_the_prose_has_all_sections(dag):
    assert re.findall(r"^\*\*(.+?)\.\*\*", dag.doc_md, re.MULTILINE) == SECTIONS
    assert all(len(text) > 20 for text in re.split(r"\*\*.+?\.\*\*", dag.doc_md)[1:])


def test_tags_and_owner(dag):
    assert dag.tags
    assert all(task.owner == "oratio" for task in dag.tasks)


def test_no_task_runs_for_ever(dag):
    assert dag.dagrun_timeout > timedelta()
    for task in dag.tasks:
        assert task.execution_timeout is not None
        assert timedelta() < task.execution_timeout <= dag.dagrun_timeout


def test_a_run_per_minute_or_on_demand_never_catches_up(dag):
    assert not dag.catchup


def test_templates_give_text_only(dag):
    assert dag.render_template_as_native_obj is False


def test_retries_stop_at_errors_that_cannot_pass(dag):
    retried = [task for task in dag.tasks if task.retries]
    for task in retried:
        decision = task.retry_policy.evaluate(FatalError("x"), try_number=1, max_tries=3)
        assert decision.action == RetryAction.FAIL


def test_files_are_short(source):
    lines = set()
    for node in source.body[1:]:
        lines |= set(range(node.lineno, node.end_lineno + 1))
    text = ast.unparse(source)
    assert len(lines) <= MAX_CODE_LINES, text


def test_nothing_heavy_is_imported_at_the_top(source):
    names = {
        name.split(".")[0]
        for node in source.body
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names
    assert not names & HEAVY


def test_files_hold_no_logic(source):
    forbidden = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try)
    assert not [node for node in ast.walk(source) if isinstance(node, forbidden)]
