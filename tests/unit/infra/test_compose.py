"""The container files and the reference pages, held against the code they speak of."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from include.settings import Settings
from local.aws.quotas import QUOTAS
from local.bootstrap import POOLS
from local.environment import timing_settings
from local.programs import gunicorn_arguments
from local.settings import StackSettings

ROOT = Path(__file__).parents[3]
COMPOSE_TEXT = (ROOT / "docker-compose.yaml").read_text()
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"airflow-init", "aws-init"}
AIRFLOW = {"airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"}
SECRET = re.compile(r"PASSWORD|SECRET$|FERNET_KEY")
# Read by the AWS SDKs and by docker compose themselves.
FOREIGN = {
    "AWS_ACCESS_KEY_ID",
    "AWS_ENDPOINT_URL",
    "AWS_SECRET_ACCESS_KEY",
    "COMPOSE_PROFILES",
}


def find_interpolated() -> dict[str, str]:
    """The variables docker compose fills in, with what follows their names (`:?...`)."""
    found: dict[str, str] = {}
    for name, rest in re.findall(r"(?<!\$)\$\{(\w+)([^}]*)\}", COMPOSE_TEXT):
        found[name] = found.get(name) or rest
    return found


def find_passed_on() -> set[str]:
    """The variables containers get as they stand in .env."""
    environments = [service.get("environment", {}) for service in SERVICES.values()]
    return {name for e in environments for name, value in e.items() if value is None}


def read_env_example() -> dict[str, str]:
    """Names and values of .env.example, commented ones included."""
    text = (ROOT / ".env.example").read_text()
    return dict(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=(.*)$", text, re.M))


def list_setting_defaults(settings: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    """Environment variable and default, as text, of every field."""
    for name, field in settings.model_fields.items():
        default = field.default
        text = default.get_secret_value() if isinstance(default, SecretStr) else str(default)
        text = text.removeprefix(f"{ROOT}/")  # the documentation names folders so
        yield str(field.validation_alias or name.upper()), text


def find_stand_in_variables() -> set[str]:
    """What the stand-in reads from its environment; a quota's name is put together there."""
    sources = {path: path.read_text() for path in (ROOT / "local" / "aws").rglob("*.py")}
    pattern = re.compile(r'environ\.get\(\s*"((?:STAND_IN|LOCAL_MODEL)_\w+)"')
    names = {name for text in sources.values() for name in pattern.findall(text)}
    return names | {f"STAND_IN_QUOTA_{name}" for name in QUOTAS}


def read_documented() -> dict[str, str]:
    """Names and defaults of the tables in docs/configuration.md; `` (nothing) is an empty one."""
    text = (ROOT / "docs" / "configuration.md").read_text()
    rows = re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| ([^|]*?) \|", text, re.M)
    return {name: default.strip("`") if default != "empty" else "" for name, default in rows}


def find_known() -> set[str]:
    settings = {
        name for kind in (Settings, StackSettings) for name, _ in list_setting_defaults(kind)
    }
    return settings | find_stand_in_variables()


def test_the_compose_file_follows_the_schema():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run(
        [*command, str(ROOT / "docker-compose.yaml")], capture_output=True, text=True
    )

    assert checked.returncode == 0, checked.stdout


def test_every_lasting_service_is_watched_and_restarted():
    for name in SERVICES.keys() - ONE_SHOT:
        assert SERVICES[name]["restart"] == "unless-stopped", name
        assert SERVICES[name]["healthcheck"]["test"], name


def test_all_of_airflow_is_there():
    assert SERVICES.keys() - ONE_SHOT == AIRFLOW | {"postgres", "intake", "aws", "sandbox"}


def test_no_secret_has_a_default():
    secrets = {name: rest for name, rest in find_interpolated().items() if SECRET.search(name)}
    example = read_env_example()

    assert secrets
    for name, rest in secrets.items():
        assert rest.startswith(":?"), name
        assert example[name] == "", name


def test_the_stand_in_is_optional_and_gets_no_secret():
    for name in ("aws", "aws-init"):
        assert SERVICES[name]["profiles"] == ["local"]
        assert not [
            variable for variable in SERVICES[name]["environment"] if SECRET.search(variable)
        ]
    for name in SERVICES.keys() - {"postgres", "aws", "aws-init", "airflow-init", "sandbox"}:
        assert SERVICES[name]["depends_on"]["aws-init"]["required"] is False, name


def test_the_sandbox_has_no_network_no_rights_and_no_secret():
    sandbox = SERVICES["sandbox"]

    assert (sandbox["network_mode"], sandbox["read_only"]) == ("none", True)
    assert (sandbox["cap_drop"], sandbox["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert sandbox["environment"].keys() == {"SANDBOX_SOCKET"}
    for name in AIRFLOW:
        shared = SERVICES[name]
        assert "sandbox:/sandbox" in shared["volumes"]
        assert shared["environment"]["SANDBOX_SOCKET"] == sandbox["environment"]["SANDBOX_SOCKET"]


def test_only_the_intake_can_make_tokens():
    assert [name for name, s in SERVICES.items() if "JWT_SECRET" in s["environment"]] == ["intake"]


def test_ports_are_published_to_this_host_only():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_airflow_runs_with_the_measured_timing():
    for service in AIRFLOW:
        environment = SERVICES[service]["environment"]
        for key, value in timing_settings().items():
            assert environment[f"AIRFLOW__{key.upper()}"] == value, (service, key)


def test_the_pools_are_those_of_the_embedded_stack():
    lines = SERVICES["airflow-init"]["command"][-1].splitlines()
    made = [shlex.split(line)[3:] for line in lines if line.startswith("airflow pools set")]

    assert made == [
        ["--include-deferred", name, str(slots), description]
        for name, (slots, description) in POOLS.items()
    ]


def test_the_intake_is_served_as_in_the_embedded_stack():
    ours = SERVICES["intake"]["command"]
    embedded = gunicorn_arguments(StackSettings())

    assert [part for part in ours[1:] if ":80" not in part] == [
        part for part in embedded if ":80" not in part
    ]


def test_the_stand_in_knows_the_options_it_is_given():
    source = (ROOT / "local" / "aws" / "server.py").read_text()
    options = [part for part in SERVICES["aws"]["command"] if part.startswith("--")]

    assert options
    assert [option for option in options if f'"{option}"' not in source] == []


def test_what_the_image_copies_is_there_and_not_ignored():
    dockerfile = (ROOT / "Dockerfile").read_text()
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {
        path
        for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.M)
        for path in line.split()[:-1]
    }

    assert {path for path in copied if not (ROOT / path).exists()} == set()
    assert {line[1:] for line in ignore if line.startswith("!")} == copied


def test_no_image_runs_as_root():
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.M)
    final = {stage.split()[2]: stage for stage in stages if stage.startswith("base AS ")}

    assert final.keys() == {
        service["build"]["target"] for service in SERVICES.values() if "build" in service
    }
    assert all("\nUSER oratio" in stage for stage in final.values())


def test_every_variable_of_the_example_is_used():
    unused = read_env_example().keys() - find_interpolated().keys() - find_passed_on() - FOREIGN

    assert unused == set()


def test_every_variable_passed_on_is_read_by_something():
    assert find_passed_on() - find_known() - FOREIGN == set()


def test_every_setting_is_documented_and_nothing_else():
    documented = read_documented().keys()
    known = find_known() | find_interpolated().keys() | FOREIGN

    assert find_known() - documented == set()
    assert documented - known == set()


def test_variables_of_the_container_files_are_documented():
    assert (
        find_interpolated().keys() | read_env_example().keys()
    ) - read_documented().keys() == set()


@pytest.mark.parametrize("settings", [Settings, StackSettings])
def test_the_documented_defaults_are_the_codes(settings):
    documented = read_documented()
    defaults = dict(list_setting_defaults(settings))

    assert {name: documented[name] for name in defaults if name in documented} == {
        name: text for name, text in defaults.items() if name in documented
    }


def test_every_requirement_is_explained():
    files = [ROOT / "requirements.txt", ROOT / "requirements-dev.txt"]
    required = {
        name.lower()
        for file in files
        for name in re.findall(r"^([A-Za-z][\w.-]*)", file.read_text(), re.M)
    }
    rows = re.findall(
        r"^\| ([\w.-]+)[^|]* \| \d", (ROOT / "docs/dependencies.md").read_text(), re.M
    )

    assert {name.lower() for name in rows} == required
