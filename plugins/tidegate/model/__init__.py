"""The pipeline language: YAML to frozen specs, with the place of every mistake. Knows no Airflow."""

from tidegate.model.findings import Finding
from tidegate.model.folder import load_folder
from tidegate.model.load import Loaded, PipelineSpec, load_pipeline
from tidegate.model.project import Project

__all__ = ["Finding", "Loaded", "PipelineSpec", "Project", "load_folder", "load_pipeline"]
