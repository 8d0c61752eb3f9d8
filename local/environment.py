"""The environment variables of every process in the stack: all that makes it local."""

from __future__ import annotations

import os

from include.settings import get_settings
from local.secrets import load_secrets, write_airflow_passwords
from local.settings import ROOT, StackSettings

# Set by some machines; without bytecode every Airflow process starts three to four times slower.
UNWANTED = ("PYTHONDONTWRITEBYTECODE",)


def build_environment(stack: StackSettings) -> dict[str, str]:
    """This process's environment with the stack's own on top."""
    inherited = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    own = {**python_variables(stack), **aws_variables(stack), **product_variables(stack)}
    return {**inherited, **own, **airflow_variables(stack), **trace_variables()}


def python_variables(stack: StackSettings) -> dict[str, str]:
    """Where our packages and data are found."""
    return {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
        "PYTHONUNBUFFERED": "1",
        "STACK_VAR": str(stack.var),
    }


def aws_variables(stack: StackSettings) -> dict[str, str]:
    """Endpoint and credentials: nothing else tells the stand-in from AWS."""
    return {
        "AWS_ENDPOINT_URL": stack.aws_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "OPENSEARCH_ENDPOINT": stack.aws_url,
        "STAND_IN_DATA_DIR": str(stack.var / "aws"),
        "STAND_IN_DELAYS": stack.stand_in_delays,
    }


def product_variables(stack: StackSettings) -> dict[str, str]:
    """Settings of include/ and api/ (see include/settings.py)."""
    secrets = load_secrets(stack.var)
    return {
        "AIRFLOW_URL": stack.airflow_front_url,
        "AIRFLOW_USERNAME": "intake",
        "AIRFLOW_PASSWORD": secrets.airflow_intake_password,
        "JWT_SECRET": secrets.jwt_secret,
        "PROMETHEUS_MULTIPROC_DIR": str(stack.var / "run" / "metrics"),
        "PUBLIC_API_URL": stack.api_url,
        "PUBLIC_GATEWAY_URL": stack.gateway_url,
        "PUBLIC_WEBSOCKET_URL": stack.gateway_url.replace("http", "ws", 1),
        "WEBHOOK_DEVELOPMENT": "True",  # receivers are on this machine, too
        "SANDBOX_SOCKET": str(stack.sandbox_socket),
        "WAIT_POLL_SECONDS": "0.5",
        "INGESTION_START_SPACING_SECONDS": "0",  # the stand-in takes as many as come
    }


def airflow_variables(stack: StackSettings) -> dict[str, str]:
    """Airflow's configuration, `AIRFLOW__SECTION__KEY`."""
    settings = {**core_settings(stack), **database_settings(stack), **timing_settings()}
    variables = {f"AIRFLOW__{key.upper()}": value for key, value in settings.items()}
    return {"AIRFLOW_HOME": str(stack.var / "airflow"), **variables}


def core_settings(stack: StackSettings) -> dict[str, str]:
    """Folders, accounts, addresses and keys."""
    secrets = load_secrets(stack.var)
    return {
        "core__dags_folder": str(stack.dags),
        "core__plugins_folder": str(ROOT / "plugins"),
        "core__executor": "LocalExecutor",
        "core__parallelism": str(stack.parallelism),
        "core__load_examples": "False",
        "core__dags_are_paused_at_creation": "False",
        "core__simple_auth_manager_users": "admin:admin,intake:user",
        "core__simple_auth_manager_passwords_file": str(
            write_airflow_passwords(stack.var, secrets)
        ),
        "core__execution_api_server_url": f"{stack.airflow_front_url}/execution/",
        "core__fernet_key": secrets.airflow_fernet_key,
        "api__host": "127.0.0.1",
        "api__port": str(stack.airflow_port),
        "api__base_url": stack.airflow_url,
        "api__secret_key": secrets.airflow_api_secret,
        "api__workers": "1",
        "api_auth__jwt_secret": secrets.airflow_jwt_secret,
        "logging__base_log_folder": str(stack.var / "airflow" / "logs"),
        "dag_processor__dag_version_inflation_check_level": "error",
    }


def trace_variables() -> dict[str, str]:
    """Airflow's traces, where there is a collector for the intake's."""
    if not get_settings().otel_exporter_otlp_endpoint:
        return {}
    return {
        "AIRFLOW__TRACES__OTEL_ON": "True",
        "OTEL_SERVICE_NAME": "oratio-airflow",  # the intake names itself
        "OTEL_TRACES_EXPORTER": "otlp_proto_http",
    }


def database_settings(stack: StackSettings) -> dict[str, str]:
    """PostgreSQL over its UNIX socket, which only the owner of the stack can open."""
    address = f"postgres@/airflow?host={stack.sockets}"
    return {
        "database__sql_alchemy_conn": f"postgresql+psycopg2://{address}",
        "database__sql_alchemy_conn_async": f"postgresql+asyncpg://{address}",
    }


def timing_settings() -> dict[str, str]:
    """Latency and recovery, from measurements (docs/performance.md says which)."""
    return {
        # 1 s by default: the gap between two tasks goes from 0.85 s to 0.09 s.
        "scheduler__scheduler_idle_sleep_time": "0.1",
        # Runs that wait are looked at, too: with 20 at a time they keep more than half a core busy.
        "scheduler__max_dagruns_per_loop_to_schedule": "10",
        "scheduler__scheduler_heartbeat_sec": "2",
        # A killed scheduler's tasks are found after 15 s instead of 300 s.
        "scheduler__orphaned_tasks_check_interval": "15",
        "scheduler__scheduler_health_check_threshold": "15",
        # Longer than a worker's own retries of a slow API server, shorter than the default 300 s.
        "scheduler__task_instance_heartbeat_timeout": "60",
        "scheduler__task_instance_heartbeat_timeout_detection_interval": "5",
        # A worker often sees its task's pipes close just before it sees the task end. It then
        # sleeps for this long (5 s by default), holds its slot, and reports a wait as ended when
        # the task runs again already, which Airflow takes for a failure.
        "workers__min_heartbeat_interval": "1",
        "triggerer__job_heartbeat_sec": "2",
        "triggerer__triggerer_health_check_threshold": "10",
        "dag_processor__refresh_interval": "10",
        "dag_processor__min_file_process_interval": "30",
    }
