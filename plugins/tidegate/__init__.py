"""Tidegate: Airflow pipelines in YAML whose branches fail alone, whose joins decide what is enough, and whose nights tell the truth.

Names load on first use, so that a DAG file pays only for what it takes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.factory import build_dags as build_dags
    from tidegate.operators import AlertRoute as AlertRoute
    from tidegate.operators import BarrierOperator as BarrierOperator
    from tidegate.operators import CatchUpOperator as CatchUpOperator
    from tidegate.operators import ChoiceOperator as ChoiceOperator
    from tidegate.operators import ExtractOperator as ExtractOperator
    from tidegate.operators import JitteredRetryPolicy as JitteredRetryPolicy
    from tidegate.operators import LoadOperator as LoadOperator
    from tidegate.operators import OutcomeOperator as OutcomeOperator
    from tidegate.operators import PipelineOperator as PipelineOperator
    from tidegate.operators import SharesOperator as SharesOperator
    from tidegate.operators import SqlOperator as SqlOperator
    from tidegate.operators import TidyOperator as TidyOperator
    from tidegate.operators import TransformOperator as TransformOperator
    from tidegate.operators import When as When

__version__ = "0.1.0"
__all__ = [
    "AlertRoute",
    "BarrierOperator",
    "CatchUpOperator",
    "ChoiceOperator",
    "ExtractOperator",
    "JitteredRetryPolicy",
    "LoadOperator",
    "OutcomeOperator",
    "PipelineOperator",
    "SharesOperator",
    "SqlOperator",
    "TidyOperator",
    "TransformOperator",
    "When",
    "build_dags",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'tidegate' has no attribute '{name}'")
    home = "tidegate.factory" if name == "build_dags" else "tidegate.operators"
    return getattr(import_module(home), name)
