"""Airflow's plugin loader runs our one plugin, and none of the package beside it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.fakes import ROOT

# In a process of its own: the loader overwrites sys.modules with every file that it finds.
LOAD = """
import json, sys
from airflow import plugins_manager
plugins, _ = plugins_manager._get_plugins()
from include.aws import client
print(json.dumps({
    "plugins": [plugin.name for plugin in plugins if "oratio" in str(plugin.source)],
    "errors": plugins_manager.get_import_errors(),
    "stray": sorted({"step", "records", "runtime", "knowledge", "triggers"} & sys.modules.keys()),
    "clients": client.cache_info().currsize,
    "is_warm": {
        "airflow.providers.amazon.aws.sensors.s3",
        "botocore.session",
        "include.waits",
        "oratio.operators.runtime",
    } <= sys.modules.keys(),
}))
"""


@pytest.fixture(scope="module")
def loaded():
    command = [sys.executable, "-c", LOAD]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def test_the_plugin_loads_without_error(loaded):
    assert loaded["plugins"] == ["oratio"]
    assert loaded["errors"] == {}


def test_the_package_is_hidden_from_the_loader(loaded):
    assert loaded["stray"] == []


def test_loading_it_warms_the_process(loaded):
    assert loaded["is_warm"]
    assert loaded["clients"] == 8
