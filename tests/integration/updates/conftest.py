"""What all tests of updates share: a tenant, and a serving agent of two documents."""

from __future__ import annotations

import pytest

from tests.creation import create
from tests.updating import HOURS, RETURNS


@pytest.fixture
def alice(sign_in, airflow):
    return sign_in()


@pytest.fixture
def agent(alice):
    return create(alice, HOURS, RETURNS)
