"""The reader finds in ten SOPs of ten trades exactly what a careful person finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.creator.sop import read_sop
from include.creator.spec import AgentSpec

SOPS = Path(__file__).parents[3] / "sops"
EXPECTED = sorted(SOPS.glob("*.json"))


def read_both(expected_file):
    """What is found and what is expected, as plain data."""
    [sop] = [p for p in SOPS.glob(f"{expected_file.stem}.*") if p != expected_file]
    expected = AgentSpec.model_validate_json(expected_file.read_text(encoding="utf-8"))
    return read_sop(sop.read_text(encoding="utf-8")).model_dump(), expected.model_dump()


def test_there_are_ten():
    assert len(EXPECTED) == 10


@pytest.mark.parametrize("expected_file", EXPECTED, ids=lambda file: file.stem)
def test_prohibitions_and_escalations_are_found_and_nothing_else(expected_file):
    found, expected = read_both(expected_file)
    for name in ("prohibitions", "escalations"):
        assert found[name] == expected[name]
        assert len(expected[name]) >= 5


@pytest.mark.parametrize("expected_file", EXPECTED, ids=lambda file: file.stem)
def test_the_spec_is_the_expected_one(expected_file):
    found, expected = read_both(expected_file)
    assert found == expected


@pytest.mark.parametrize("expected_file", EXPECTED, ids=lambda file: file.stem)
def test_every_item_stands_in_the_lines_it_names(expected_file):
    [sop] = [p for p in SOPS.glob(f"{expected_file.stem}.*") if p != expected_file]
    lines = sop.read_text(encoding="utf-8").split("\n")
    spec = read_sop("\n".join(lines))
    lists = (spec.prohibitions, spec.escalations, spec.facts_to_collect, spec.tools, spec.tone)
    for item in (item for items in lists for item in items):
        source = " ".join(lines[item.first_line - 1 : item.last_line]).split()
        assert item.text.split()[-1].strip(",.") in " ".join(source)
