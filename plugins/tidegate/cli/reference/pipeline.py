"""The page of the pipeline file: every key of every model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.cli.reference.keys import keys
from tidegate.cli.reference.words import GENERATED, cell, first_paragraph, markdown
from tidegate.model.kinds import Accept, BarrierSettings, ExtractSettings, LoadSettings, TransformSettings
from tidegate.model.spec import Alert, Effort, Notify, Pipeline, Retry, Schedule, Step

if TYPE_CHECKING:
    from pydantic import BaseModel


_PIPELINE_HEAD = f"""{GENERATED}

# The pipeline file

One YAML file under `include/pipelines/` is one pipeline, and one DAG. This page lists every key. `tidegate validate FILE` checks a file, and
[pipeline.schema.json](pipeline.schema.json) lets an editor complete keys and mark mistakes: put this line first in the file.

```yaml
# yaml-language-server: $schema=../../docs/reference/pipeline.schema.json
```

- A **name** has letters, digits, `_` and `-`, starts with a letter or `_`, and has at most 100 characters. A **branch name** may also start
  with a digit.
- A **duration** is a number with its unit, or several: `30s`, `45m`, `1h30m`, `2d`. `min` may stand for `m`.
- A **time zone** is an IANA name, such as `Europe/Berlin`. A **date** under `schedule` means its midnight in the schedule's zone, and a time without a
  zone is read on that zone's clock.
- Scalars follow YAML 1.2: `no`, `on`, `yes`, `12:30` and `0123` are text. `404` is a number; a branch of that name is written `"404"`.
- `{{region}}` stands for the branch's name in a step with `for_each: {{region: […]}}`: in the `connection` of an extract, and anywhere under
  the `with` of an Airflow operator. Inside `{{…}}` and `[…]`, text that holds braces is quoted: `"sales_{{region}}"`.
- `{{{{ … }}}}` is a template of Airflow's, rendered when the task runs, in the fields that the operator renders (see
  [operators.md](operators.md)).
- Files that the pipeline names lie under `include/`. An unknown key is an error. YAML anchors and aliases work; merge keys (`<<`) do not.
"""

_PIPELINE_TAIL = """## Column types

| word | staged as | remark |
|---|---|---|
| `int` | 64-bit integer | |
| `float` | 64-bit float | |
| `decimal` | decimal of 38 digits, 9 of them behind the point | `decimal(12,2)` gives another size |
| `text` | string | |
| `bool` | boolean | |
| `date` | date | |
| `timestamp` | a clock's reading, without a zone, to the microsecond | |
| `timestamptz` | a moment, kept in UTC, to the microsecond | a value without a zone is read in the step's `timezone` |
| `bytes` | binary | |

A value that its type cannot hold exactly is refused. A column that is not declared takes the type of its first values.

## What is checked between the parts

- The pipeline and its file share one name. No step is named `outcome`, which is the task in which every pipeline ends.
- Every step under `needs` exists, and the steps do not wait for each other in a circle.
- A barrier needs exactly one extract, and that extract has a `for_each`. A transform or a load takes its rows from exactly one step that is
  an extract, a barrier or a transform; an extract with branches is joined by a barrier first.
- Only an extract or an Airflow operator is repeated over named branches. Only a transform is repeated over what arrived at a barrier, which it
  then needs.
- The branches under `required` exist, and a count under `at_least` is not more than there are branches.
- Every file that is named exists under `include/`. Every import path begins with a prefix that is allowed.

## Not in this version

A barrier has no `decide_by` and no `coverage`: it decides when every branch has ended. There are no breakers, no groups within steps, no
named resources, no published assets, no undo steps, and no catch-up that starts by itself.
"""

_SECTIONS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("The pipeline", "", Pipeline),
    ("`schedule`", "schedule", Schedule),
    ("`defaults`", "defaults", Effort),
    ("`retry`, in `defaults` and in a step", "retry", Retry),
    ("A step", "steps.<step>", Step),
    ("`with` of an `extract`", "steps.<step>.with", ExtractSettings),
    ("`accept` of an `extract`", "steps.<step>.with.accept", Accept),
    ("`with` of a `barrier`", "steps.<step>.with", BarrierSettings),
    ("`with` of a `transform`", "steps.<step>.with", TransformSettings),
    ("`with` of a `load`", "steps.<step>.with", LoadSettings),
    ("An alert", "alerts[]", Alert),
    ("`notify` of an alert", "alerts[].notify", Notify),
)
"""Heading, path, model, in the order of reading."""


def documented_models() -> tuple[type[BaseModel], ...]:
    """Every model that the page shows."""
    return tuple(model for _, _, model in _SECTIONS)


def pipeline_page() -> str:
    """``pipeline.md``."""
    parts = [_PIPELINE_HEAD]
    for heading, path, model in _SECTIONS:
        lines = [f"## {heading}", "", markdown(first_paragraph(model)), "", "| key | type | default | meaning |", "|---|---|---|---|"]
        for key in keys(model):
            default = "required" if key.required else (f"`{key.default}`" if key.default else "")
            dotted = f"{path}.{key.name}" if path else key.name
            lines.append(f"| `{dotted}` | {key.words} | {default} | {cell(key.meaning)} |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join([*parts, _PIPELINE_TAIL])
