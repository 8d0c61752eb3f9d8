"""`make dag-docs`: docs/dags.md from the DAGs' own prose, params and tasks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag

from local.settings import ROOT

HEAD = """# DAGs

Written by `make dag-docs` from `dags/`; do not edit. Airflow shows the same prose of each DAG.
"""


def render_dags() -> str:
    """The whole page."""
    dags = DagBag(dag_folder=str(ROOT / "dags")).dags
    return "\n".join([HEAD, *(line for _, dag in sorted(dags.items()) for line in render(dag))])


def render(dag: Any) -> Iterator[str]:
    """One DAG."""
    title, _, prose = (dag.doc_md or "").strip().partition("\n")
    yield f"## {title.removeprefix('# ')}: `{dag.dag_id}`"
    yield prose
    schedule = f"every {dag.schedule}" if dag.schedule else "on demand"
    yield f"\nRuns {schedule}; at most {dag.max_active_runs} at a time, {dag.dagrun_timeout} each."
    if len(dag.params):
        yield "\n| param | type | default | meaning |\n|---|---|---|---|"
        yield from (render_param(dag, name) for name in dag.params)
    yield "\n| task | operator | after | when | pool | tries |\n|---|---|---|---|---|---|"
    yield from map(render_task, dag.topological_sort())
    yield ""


def render_param(dag: Any, name: str) -> str:
    """A row of the params."""
    param = dag.params.get_param(name)
    default = f"`{param.value}`" if param.has_value else "required"
    meaning = f"{param.schema.get('title', name)}. {param.description or ''}"
    return f"| `{name}` | {param.schema.get('type', 'any')} | {default} | {meaning} |"


def render_task(task: Any) -> str:
    """A row of the tasks."""
    after = ", ".join(f"`{name}`" for name in sorted(task.upstream_task_ids)) or "the start"
    cells = [task.task_type, after, task.trigger_rule.value, task.pool, task.retries + 1]
    return f"| `{task.task_id}` | {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render_dags())
