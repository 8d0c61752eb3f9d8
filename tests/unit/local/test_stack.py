"""Starting the stack: what stops it early, and how it says so."""

from __future__ import annotations

import configparser
import socket
import stat
from contextlib import closing
from pathlib import Path

import jwt
import pytest

from local import stack as stack_module
from local.programs import build_configuration, list_programs
from local.secrets import load_secrets, write_airflow_passwords
from local.settings import MAX_SOCKET_FOLDER, StackSettings
from local.stack import StackNotReadyError, require_free_ports, stop_waiting_if_hopeless
from local.supervisor import last_lines
from local.tokens import make_token


def make_settings(var: Path, **ports: int) -> StackSettings:
    """Settings of a stack that is never started."""
    return StackSettings(STACK_VAR=var, **ports)


def test_a_taken_port_is_named_with_the_setting_to_change(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = {"AWS_PORT": 1, "AIRFLOW_PORT": 1, "GATEWAY_PORT": 1, "API_PORT": port}
        with pytest.raises(StackNotReadyError, match=f"Port {port} .* API_PORT={port + 1}"):
            require_free_ports(make_settings(tmp_path, **ports))


def test_free_ports_are_no_problem(tmp_path: Path) -> None:
    ports = {"AWS_PORT": 1, "AIRFLOW_PORT": 1, "API_PORT": 1, "GATEWAY_PORT": 1}
    require_free_ports(make_settings(tmp_path, **ports))


@pytest.mark.parametrize(
    ("state", "waited_seconds", "is_hopeless"),
    [
        ("RUNNING", 1, False),
        ("RUNNING", 1000, True),
        ("BACKOFF", 1, False),
        ("BACKOFF", 60, True),
        ("FATAL", 1, True),
    ],
)
def test_waiting_ends_when_it_is_hopeless_and_shows_the_log(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    waited_seconds: float,
    is_hopeless: bool,
) -> None:
    settings = make_settings(tmp_path)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "aws.log").write_text("first\nthe cause\n")
    monkeypatch.setattr(stack_module, "list_states", lambda _: {"aws": {"statename": state}})

    def stop() -> None:
        stop_waiting_if_hopeless(settings, "aws", "no answer", waited_seconds)

    if is_hopeless:
        with pytest.raises(
            StackNotReadyError, match=r"(?s)aws is not healthy: no answer.*the cause"
        ):
            stop()
    else:
        stop()


def test_the_supervisor_s_configuration_has_every_program_and_the_guardian(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    parser = configparser.RawConfigParser()
    parser.read_string(build_configuration(settings))
    names = [program.name for program in list_programs(settings)]
    assert {f"program:{name}" for name in [*names, "guardian"]} <= set(parser.sections())
    foundation = [n for n in names if parser[f"program:{n}"]["autostart"] == "true"]
    assert foundation == ["postgres", "aws"]
    assert all(parser[f"program:{name}"]["autorestart"] == "true" for name in names)


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    made = load_secrets(tmp_path)
    assert load_secrets(tmp_path) == made
    assert len(set(made.model_dump().values())) == len(made.model_dump())
    passwords = write_airflow_passwords(tmp_path, made)
    for path in (tmp_path / "secrets.json", passwords):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_long_data_folder_still_gets_a_short_socket_path(tmp_path: Path) -> None:
    long = make_settings(tmp_path / ("x" * 100))
    assert len(str(long.sockets)) <= MAX_SOCKET_FOLDER
    assert long.sockets != make_settings(tmp_path / ("y" * 100)).sockets


def test_a_development_token_names_its_user() -> None:
    secret = "s" * 64
    token = make_token("alice", secret)
    claims = jwt.decode(token, secret, algorithms=["HS256"], audience="oratio-api")
    assert claims["sub"] == "alice"


def test_the_last_lines_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert last_lines(log) == "(no log yet)"
    log.write_text("\n".join(map(str, range(100))))
    assert last_lines(log, 2) == "98\n99"
