"""docs/dags.md is what the DAGs say of themselves, and their examples work."""

from __future__ import annotations

import json
import re
from copy import deepcopy

import pytest
from airflow.dag_processing.dagbag import DagBag

from local.dag_docs import render_dags
from tests.fakes import ROOT

TRIGGER = re.compile(r"airflow dags trigger (\w+)(?: --conf '(.*?)')?$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def dags():
    return DagBag(dag_folder=str(ROOT / "dags")).dags


def test_the_page_is_up_to_date():
    assert (ROOT / "docs" / "dags.md").read_text() == render_dags(), "run `make dag-docs`"


def test_each_dag_shows_how_to_trigger_it(dags):
    for dag_id, dag in dags.items():
        assert [name for name, _ in TRIGGER.findall(dag.doc_md)] == [dag_id]


def test_the_examples_have_the_params_their_dag_asks_for(dags):
    for dag_id, dag in dags.items():
        ((_, conf),) = TRIGGER.findall(dag.doc_md)
        params = deepcopy(dag.params)
        params.update(json.loads(conf or "{}"))
        assert params.validate().keys() == dag.params.keys(), dag_id
