"""The stand-in's own addresses: faults on demand, the ledger, scripted models."""

from __future__ import annotations

import time
from typing import Any

import requests


class Steering:
    """Switches faults on and off, and reads what they and the ledger have counted."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/stand-in"

    def put(self, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Switch on these rules and nothing else."""
        answer = requests.put(f"{self.url}/faults", json={"rules": rules, **more}, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self) -> dict[str, Any]:
        """What is switched on and how often it was used."""
        return requests.get(f"{self.url}/faults", timeout=10).json()

    def clear(self) -> None:
        """Switch all off."""
        requests.delete(f"{self.url}/faults", timeout=10).raise_for_status()

    def ledger(self, agent: str | None = None) -> dict[str, Any]:
        """Every resource ever made, or those of one agent."""
        return requests.get(f"{self.url}/ledger", params={"agent": agent}, timeout=10).json()

    def script(self, *answers: dict[str, Any]) -> None:
        """Let the model say this."""
        put = requests.put(f"{self.url}/models", json={"answers": answers}, timeout=10)
        assert put.status_code == 200, put.text

    def unscript(self) -> None:
        """Let it answer for itself again."""
        requests.delete(f"{self.url}/models", timeout=10).raise_for_status()

    def model_calls(self) -> list[dict[str, Any]]:
        """The Converse calls since the script was put."""
        return requests.get(f"{self.url}/models", timeout=10).json()["calls"]

    def wait_until_held(self, count: int) -> None:
        """Wait until so many calls are held by the first rule."""
        deadline = time.monotonic() + 120
        while self.state()["rules"][0]["held"] != count:
            assert time.monotonic() < deadline, "the call is not held"
            time.sleep(0.02)
