"""Airflow operators, each of which also stands on its own in a DAG written in Python."""

from tidegate.operators.barrier import BarrierOperator
from tidegate.operators.extract import ExtractOperator
from tidegate.operators.load import LoadOperator
from tidegate.operators.outcome import AlertRoute, OutcomeOperator
from tidegate.operators.retrying import JitteredRetryPolicy
from tidegate.operators.transform import TransformOperator

__all__ = [
    "AlertRoute",
    "BarrierOperator",
    "ExtractOperator",
    "JitteredRetryPolicy",
    "LoadOperator",
    "OutcomeOperator",
    "TransformOperator",
]
