"""The pipeline language: YAML to frozen specs, with the place of every mistake. Knows no Airflow."""

from tidegate.model.findings import Finding
from tidegate.model.folder import each_of_folder, load_folder
from tidegate.model.load import Loaded, PipelineSpec, Reader, load_pipeline
from tidegate.model.project import Project

__all__ = ["Finding", "Loaded", "PipelineSpec", "Project", "Reader", "each_of_folder", "load_folder", "load_pipeline"]
