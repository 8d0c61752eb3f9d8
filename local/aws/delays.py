"""How long the stand-in's resources stay CREATING, UPDATING, STARTING ..."""

from __future__ import annotations

from moto.moto_api import state_manager

# As on AWS, what is created takes longer than what only moves.
SHARES = {
    "bedrock-agent::knowledge_base": 1.0,
    "bedrock-agent::data_source": 0.0,
    "bedrock-agent::ingestion_job": 0.5,
    "bedrock-agentcore::runtime": 1.0,
    "bedrock-agentcore::endpoint": 0.5,
}


def set_delays(delays: str) -> None:
    """Set every model's transitions: "off", "2" (seconds for a whole creation) or "3 polls".

    `/moto-api/state-manager/set-transition` changes single ones while the server runs.

    :raises ValueError: for anything else.
    """
    for model, share in SHARES.items():
        state_manager.set_transition(model, parse_transition(delays, share))


def parse_transition(delays: str, share: float) -> dict[str, object]:
    """moto's form of one transition."""
    amount, _, unit = delays.strip().partition(" ")
    if amount == "off" or share == 0:
        return {"progression": "immediate"}
    try:
        if unit == "polls":
            return {"progression": "manual", "times": int(amount)}
        return {"progression": "time", "seconds": float(amount) * share}
    except ValueError as error:
        raise ValueError(
            f"STAND_IN_DELAYS is {delays!r}: use off, seconds (2) or polls (3 polls)"
        ) from error
