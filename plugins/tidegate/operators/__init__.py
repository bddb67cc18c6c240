"""Airflow operators, each of which also stands on its own in a DAG written in Python. Names load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.operators.barrier import BarrierOperator as BarrierOperator
    from tidegate.operators.budget import Until as Until
    from tidegate.operators.catch_up import CatchUpOperator as CatchUpOperator
    from tidegate.operators.choice import ChoiceOperator as ChoiceOperator
    from tidegate.operators.extract import ExtractOperator as ExtractOperator
    from tidegate.operators.load import LoadOperator as LoadOperator
    from tidegate.operators.outcome import AlertRoute as AlertRoute
    from tidegate.operators.outcome import OutcomeOperator as OutcomeOperator
    from tidegate.operators.pipeline import PipelineOperator as PipelineOperator
    from tidegate.operators.retrying import JitteredRetryPolicy as JitteredRetryPolicy
    from tidegate.operators.shares import SharesOperator as SharesOperator
    from tidegate.operators.sql import SqlOperator as SqlOperator
    from tidegate.operators.tidy import TidyOperator as TidyOperator
    from tidegate.operators.transform import TransformOperator as TransformOperator
    from tidegate.operators.when import When as When

_HOMES = {
    "AlertRoute": "outcome",
    "BarrierOperator": "barrier",
    "CatchUpOperator": "catch_up",
    "ChoiceOperator": "choice",
    "ExtractOperator": "extract",
    "JitteredRetryPolicy": "retrying",
    "LoadOperator": "load",
    "OutcomeOperator": "outcome",
    "PipelineOperator": "pipeline",
    "SharesOperator": "shares",
    "SqlOperator": "sql",
    "TidyOperator": "tidy",
    "TransformOperator": "transform",
    "Until": "budget",
    "When": "when",
}
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
    "Until",
    "When",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tidegate.operators' has no attribute '{name}'")
    return getattr(import_module(f"tidegate.operators.{_HOMES[name]}"), name)
