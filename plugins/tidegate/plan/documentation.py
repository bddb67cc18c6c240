"""The text on a DAG's page: what it does, who answers for it, what to do when it is partial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.model import PipelineSpec
    from tidegate.model.kind import Settings
    from tidegate.model.kinds import Enough

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
        lines += _enough(name, settings)
    if spec.documentation:
        lines += ["", spec.documentation.strip()]
    return "\n".join(lines)


def _enough(name: str, settings: Settings) -> list[str]:
    """What a barrier asks for, and what to do when it was met in part; nothing of other kinds."""
    from tidegate.model.kinds import BarrierSettings

    if not isinstance(settings, BarrierSettings):
        return []
    ways = f"one of: {'; or '.join(map(_in_words, settings.any))}" if settings.any else ""
    return ["", f"**Enough** at `{name}`: {', and '.join(filter(None, (_in_words(settings), ways)))}.", "", PARTIAL_HELP]


def _in_words(rule: Enough) -> str:
    from tidegate.model.kinds import BarrierSettings

    at_least = rule.at_least
    if at_least is None and isinstance(rule, BarrierSettings) and rule.coverage is None and not rule.any:
        at_least = "100%"
    parts = [
        f"at least {at_least}" if at_least is not None else "",
        f"{', '.join(rule.required)} among them" if rule.required else "",
        f"{rule.coverage} of the usual rows" if rule.coverage is not None else "",
    ]
    return ", ".join(filter(None, parts))
