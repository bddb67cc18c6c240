"""What Tidegate tells Airflow's provider manager of itself."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Name, notifications and configuration options, by Airflow's provider schema."""
    return {
        "package-name": "airflow-tidegate",
        "name": "Tidegate",
        "description": "Declarative pipelines whose nights survive: quorum barriers, honest partial success, idempotent loads.",
        "notifications": ["tidegate.notifications.LogNotifier"],
        "config": {
            "tidegate": {
                "description": "Settings of Tidegate.",
                "options": {
                    "staging": {
                        "description": "Root of staged files: a local path, or any URL that Airflow's object storage knows, such as\n"
                        "``s3://aws_default@bucket/staging``. A folder in AIRFLOW_HOME by default.\n",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "s3://aws_default@bucket/staging",
                        "default": "",
                    },
                    "staging_days": {
                        "description": "Days that staged files are kept behind the end of their interval by the DAG ``tidegate_tidy``; 0 keeps them for ever.\n",
                        "version_added": "0.1.0",
                        "type": "integer",
                        "example": "90",
                        "default": "30",
                    },
                    "catch_up_runs": {
                        "description": "How many catch-up runs the DAG ``tidegate_catch_up`` lets be on their way at once, over all pipelines.\n",
                        "version_added": "0.1.0",
                        "type": "integer",
                        "example": "4",
                        "default": "2",
                    },
                },
            }
        },
    }
