"""The processes of the stack and how the supervisor runs them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from local.settings import StackSettings

BIN = Path(sys.executable).parent
ENDS_WITH_PARENT = [sys.executable, "-m", "local.lifetime"]
# Workers and parsers are many: without this they starve those who answer callers or end waits.
BEHIND_OTHERS = ["nice", "-n", "10"]


@dataclass(frozen=True)
class Program:
    """One process under the supervisor; `is_foundation` ones start before the others."""

    name: str
    command: list[str]
    is_foundation: bool = False


def list_programs(stack: StackSettings) -> list[Program]:
    """All programs, in starting order."""
    airflow = [*ENDS_WITH_PARENT, str(BIN / "airflow")]
    python = [*ENDS_WITH_PARENT, sys.executable, "-m"]
    return [
        Program("postgres", [sys.executable, "-m", "local.postgres"], is_foundation=True),
        Program("aws", [*python, "local.aws.server", "--port", str(stack.aws_port)], True),
        Program("sandbox", [*python, "include.creator.sandbox.server"]),
        Program("airflow-api-server", [*airflow, "api-server"]),
        Program("airflow-scheduler", [*BEHIND_OTHERS, *airflow, "scheduler"]),
        Program("airflow-dag-processor", [*BEHIND_OTHERS, *airflow, "dag-processor"]),
        Program("airflow-triggerer", [*airflow, "triggerer"]),
        Program("api", [*python, "gunicorn", *gunicorn_arguments(stack)]),
        Program("gateway", [*python, *gateway_arguments(stack)]),
    ]


def gunicorn_arguments(stack: StackSettings) -> list[str]:
    """The address; all else is in api/serving.py."""
    address = f"127.0.0.1:{stack.api_port}"
    return ["--config", "python:api.serving", "--bind", address, "api.app:create_app()"]


def gateway_arguments(stack: StackSettings) -> list[str]:
    """The address; all else is in gateway/serving.py."""
    return ["gateway.serving", "--host", "127.0.0.1", "--port", str(stack.gateway_port)]


def build_configuration(stack: StackSettings) -> str:
    """supervisord's configuration file."""
    sections = [daemon_section(stack), *(program_section(stack, p) for p in list_programs(stack))]
    return "\n".join([*sections, guardian_section(stack)])


def daemon_section(stack: StackSettings) -> str:
    """The supervisor itself and its control socket."""
    return f"""[supervisord]
logfile={stack.var}/log/supervisor.log
pidfile={stack.var}/run/supervisor.pid
directory={stack.var}
umask=077
[unix_http_server]
file={stack.supervisor_socket}
chmod=0700
[supervisorctl]
serverurl=unix://{stack.supervisor_socket}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""


def program_section(stack: StackSettings, program: Program) -> str:
    """One program: restarted whenever it ends, its whole process group stopped with it."""
    stop_signal = "INT" if program.name == "postgres" else "TERM"
    return f"""[program:{program.name}]
command={" ".join(program.command)}
autostart={str(program.is_foundation).lower()}
autorestart=true
startsecs=2
startretries=30
stopsignal={stop_signal}
stopwaitsecs=15
stopasgroup={str(program.name != "postgres").lower()}
killasgroup=true
redirect_stderr=true
stdout_logfile={log_file(stack, program.name)}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=2
"""


def guardian_section(stack: StackSettings) -> str:
    """The process that starts the supervisor again should it be killed."""
    return f"""[program:guardian]
command={sys.executable} -m local.guardian
autorestart=true
stdout_logfile=NONE
stderr_logfile=NONE
"""


def log_file(stack: StackSettings, program_name: str) -> Path:
    """Where a program's output goes."""
    return stack.var / "log" / f"{program_name}.log"
