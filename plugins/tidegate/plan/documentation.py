"""The text on a DAG's page: what it does, who answers for it, what to do when it is partial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.model.kinds import BarrierSettings

if TYPE_CHECKING:
    from tidegate.model import PipelineSpec

PARTIAL_HELP = (
    "**When it is partial** the run is green and its note names what is missing. Trigger it again with only the missing branches chosen "
    "and the same interval; what is there stays as it is."
)


def dag_documentation(spec: PipelineSpec) -> str:
    """Markdown for a pipeline."""
    pipeline = spec.pipeline
    lines = [f"### {pipeline.display_name or spec.name}", ""]
    lines += [
        pipeline.description.strip() or "No description: add `description:` to the pipeline's file.",
        "",
        f"**Owner:** {pipeline.owner}",
    ]
    for name, settings in spec.settings.items():
        if isinstance(settings, BarrierSettings):
            required = f", {', '.join(settings.required)} among them" if settings.required else ""
            lines += ["", f"**Enough** at `{name}`: at least {settings.at_least}{required}.", "", PARTIAL_HELP]
    if spec.documentation:
        lines += ["", spec.documentation.strip()]
    return "\n".join(lines)
