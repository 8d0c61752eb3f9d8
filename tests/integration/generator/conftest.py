"""What all tests of the generator by models share: an agent, and models to script."""

from __future__ import annotations

from uuid import uuid4

import pytest

from include.models import AgentRef
from tests.steering import Steering


@pytest.fixture
def ref():
    return AgentRef("alice", str(uuid4()), 1)


@pytest.fixture
def models(stand_in):
    steering = Steering(stand_in.url)
    yield steering
    steering.unscript()
    steering.clear()
