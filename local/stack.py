"""The embedded stack's command line: `python -m local.stack up|down|status|logs|airflow|token`."""

from __future__ import annotations

import argparse
import shlex
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from local.bootstrap import apply_template, create_pools, prepare_database, run_airflow
from local.health import CHECKS
from local.programs import list_programs, log_file
from local.secrets import load_secrets
from local.settings import StackSettings, get_stack_settings
from local.supervisor import (
    is_running,
    last_lines,
    list_states,
    start_programs,
    start_supervisor,
    stop_supervisor,
)
from local.tokens import make_token

READY_SECONDS = 180.0
PATIENCE_SECONDS = 20.0  # for a program that ends again right after its start
POLL_SECONDS = 0.3


class StackNotReadyError(Exception):
    """A part of the stack did not become healthy; the message names it and ends with its log."""


def up(stack: StackSettings) -> None:
    """Start everything and return when all parts are healthy.

    :raises StackNotReadyError: naming the part that is not.
    """
    if not is_running(stack):
        require_free_ports(stack)
    start_supervisor(stack)
    wait_for(stack, ["postgres", "aws"])
    with ThreadPoolExecutor() as executor:
        list(executor.map(lambda prepare: prepare(stack), [prepare_database, apply_template]))
    start_programs(stack)
    wait_for(stack, ["sandbox", "airflow-api-server", "airflow-dag-processor", "api"])
    create_pools(stack)


def require_free_ports(stack: StackSettings) -> None:
    """Refuse to start where somebody else listens already, saying which setting to change."""
    ports = {"AWS_PORT": stack.aws_port, "AIRFLOW_PORT": stack.airflow_port}
    for name, port in {**ports, "API_PORT": stack.api_port}.items():
        with closing(socket.socket()) as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise StackNotReadyError(
                    f"Port {port} is in use. Stop what listens there, or set another: "
                    f"{name}={port + 1} make up"
                )


def wait_for(stack: StackSettings, names: list[str]) -> None:
    """Poll the health checks of these parts until all pass."""
    started_at = time.monotonic()
    for name in names:
        while problem := CHECKS[name](stack):
            stop_waiting_if_hopeless(stack, name, problem, time.monotonic() - started_at)
            time.sleep(POLL_SECONDS)


def stop_waiting_if_hopeless(
    stack: StackSettings, name: str, problem: str, waited_seconds: float
) -> None:
    """Raise when a program keeps failing or the time is up, with its last log lines."""
    hopeless = ("FATAL", "BACKOFF") if waited_seconds > PATIENCE_SECONDS else ("FATAL",)
    failed = [n for n, s in list_states(stack).items() if s["statename"] in hopeless]
    if failed or waited_seconds > READY_SECONDS:
        culprit = failed[0] if failed else name
        log = log_file(stack, culprit)
        raise StackNotReadyError(f"{culprit} is not healthy: {problem}\n{log}:\n{last_lines(log)}")


def status(stack: StackSettings) -> bool:
    """Print each part's state; True when all are healthy."""
    if not is_running(stack):
        print("The stack is not running. Start it with: make up")
        return False
    problems = {name: check(stack) for name, check in CHECKS.items()}
    states = list_states(stack)
    for program in list_programs(stack):
        state = states[program.name]
        problem = problems.get(program.name)
        health = f"NOT HEALTHY: {problem}" if problem else "healthy"
        print(f"{program.name:24}{state['statename']:10}{state['description']:28}{health}")
    is_all_running = all(states[p.name]["statename"] == "RUNNING" for p in list_programs(stack))
    return is_all_running and not any(problems.values())


def print_addresses(stack: StackSettings) -> None:
    """Print where everything is."""
    password = load_secrets(stack.var).airflow_admin_password
    print(f"Intake API   {stack.api_url}      token: make token USER=alice")
    print(f"Airflow UI   {stack.airflow_url}      user admin, password {password}")
    print(f"AWS stand-in {stack.aws_url}      aws --endpoint-url {stack.aws_url} s3 ls")
    print(f"Logs         {stack.var}/log      make logs")


def follow_logs(stack: StackSettings) -> int:
    """Show the end of every program's log and follow them."""
    files = [str(log_file(stack, program.name)) for program in list_programs(stack)]
    try:
        return subprocess.run(["tail", "-n", "20", "-F", *files]).returncode
    except KeyboardInterrupt:
        return 0


def parse_arguments() -> argparse.Namespace:
    """The command and its arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "down", "status", "logs"):
        commands.add_parser(name)
    commands.add_parser("airflow").add_argument("arguments", help="as one shell-quoted string")
    commands.add_parser("token").add_argument("user")
    return parser.parse_args()


def main() -> int:
    """Run one command; returns the exit code."""
    stack, arguments = get_stack_settings(), parse_arguments()
    match arguments.command:
        case "up":
            up(stack)
            print_addresses(stack)
        case "down":
            stop_supervisor(stack)
        case "status":
            return 0 if status(stack) else 1
        case "logs":
            return follow_logs(stack)
        case "airflow":
            return run_airflow(stack, shlex.split(arguments.arguments))
        case "token":
            print(make_token(arguments.user, load_secrets(stack.var).jwt_secret))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackNotReadyError as error:
        sys.exit(str(error))
