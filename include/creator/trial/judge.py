"""The trial as a generator sees it: files in, findings out; each version of the code once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property

from include.creator.request import GenerationRequest
from include.creator.spec import AgentSpec
from include.creator.trial.report import TrialReport, describe, is_passed
from include.creator.trial.run import try_code
from include.creator.trial.samples import Sample, read_samples
from include.models import Agent


class TrialJudge:
    """Tries an agent's code, and remembers what came of it."""

    def __init__(self, agent: Agent, request: GenerationRequest) -> None:
        self.agent = agent
        self.request = request
        self.reports: dict[str, TrialReport] = {}

    def __call__(self, files: Mapping[str, bytes], spec: AgentSpec) -> list[str]:
        """What the code does wrong, scenario by scenario; nothing if that is little enough."""
        report = self.report(files, spec)
        return [] if is_passed(report) else [describe(scenario) for scenario in report.failed]

    def report(self, files: Mapping[str, bytes], spec: AgentSpec) -> TrialReport:
        """The trial of these files, which is held once."""
        digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
        if digest not in self.reports:
            self.reports[digest] = try_code(files, self.request, spec, self.samples)
        return self.reports[digest]

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """Passages of the tenant's documents."""
        return read_samples(self.agent)
