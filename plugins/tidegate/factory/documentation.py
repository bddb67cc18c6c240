"""The text on a DAG's page: what it does, who answers for it, what to do when it is partial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.model.kinds import BarrierSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.model import Finding, PipelineSpec

PARTIAL_HELP = (
    "**When it is partial** the run is green and its note names what is missing. Trigger it again with only the missing branches chosen "
    "and the same interval; what is there stays as it is."
)


def dag_documentation(spec: PipelineSpec) -> str:
    """Markdown for a pipeline."""
    pipeline = spec.pipeline
    lines = [f"### {spec.name}", "", pipeline.description.strip() or "No description: add `description:` to the pipeline's file."]
    lines += ["", f"**Owner:** {pipeline.owner}", ""]
    lines += ["| step | uses | needs | repeated over |", "|---|---|---|---|"]
    for name, step in pipeline.steps.items():
        over = (
            f"{len(step.branches)} × {step.dimension}"
            if step.branches
            else (f"what arrived at `{step.mapped_over}`" if step.mapped_over else "")
        )
        lines.append(f"| `{name}` | `{step.uses}` | {', '.join(f'`{need}`' for need in step.needs)} | {over} |")
    for name, settings in spec.settings.items():
        if isinstance(settings, BarrierSettings):
            required = f", {', '.join(settings.required)} among them" if settings.required else ""
            lines += ["", f"**Enough** at `{name}`: at least {settings.at_least}{required}."]
            lines += ["", PARTIAL_HELP]
    return "\n".join(lines)


def findings_documentation(name: str, findings: Sequence[Finding]) -> str:
    """Markdown for a file that is no pipeline yet."""
    told = "\n\n".join(finding.render() for finding in findings)
    return f"### {name} cannot run\n\nIts file has {len(findings)} finding(s). Mend them, and this page becomes the pipeline's.\n\n```text\n{told}\n```"
