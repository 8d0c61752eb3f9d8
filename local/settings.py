"""Where the embedded stack lives and listens: ports and delays from the environment."""

from __future__ import annotations

import hashlib
import tempfile
from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
# A UNIX socket's path is limited to 107 bytes; the longest name of ours needs 25 of them.
MAX_SOCKET_FOLDER = 80


class StackSettings(BaseSettings):
    """Ports (all on 127.0.0.1), the data folder and the stand-in's delays."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    aws_port: int = Field(4566, validation_alias="AWS_PORT")
    airflow_port: int = Field(8080, validation_alias="AIRFLOW_PORT")
    # A proxy of somebody's before Airflow, through which the intake and all tasks go; 0: none.
    airflow_front_port: int = Field(0, validation_alias="AIRFLOW_FRONT_PORT")
    api_port: int = Field(8000, validation_alias="API_PORT")
    var: Path = Field(ROOT / "var", validation_alias="STACK_VAR")
    # "off", or seconds for which the stand-in's resources stay CREATING, UPDATING ...
    stand_in_delays: str = Field("1", validation_alias="STAND_IN_DELAYS")
    dags: Path = Field(ROOT / "dags", validation_alias="STACK_DAGS")
    parallelism: int = Field(8, validation_alias="AIRFLOW_PARALLELISM")

    @property
    def aws_url(self) -> str:
        """The AWS stand-in."""
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def airflow_url(self) -> str:
        """Airflow's UI and REST API."""
        return f"http://127.0.0.1:{self.airflow_port}"

    @property
    def airflow_front_url(self) -> str:
        """Where the intake and the tasks find Airflow's API server."""
        return f"http://127.0.0.1:{self.airflow_front_port or self.airflow_port}"

    @property
    def api_url(self) -> str:
        """The intake API."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def sockets(self) -> Path:
        """Folder for UNIX sockets: below `var`, or in the temporary folder if that is too long."""
        folder = self.var / "run"
        if len(str(folder)) <= MAX_SOCKET_FOLDER:
            return folder
        digest = hashlib.sha256(str(self.var).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"oratio-{digest}"

    @property
    def supervisor_socket(self) -> Path:
        """Where the supervisor takes commands."""
        return self.sockets / "supervisor.sock"

    @property
    def sandbox_socket(self) -> Path:
        """Where generated code is sent to be tried."""
        return self.sockets / "sandbox.sock"


@lru_cache(maxsize=1)
def get_stack_settings() -> StackSettings:
    """The settings of this process."""
    return StackSettings()  # type: ignore[call-arg]
