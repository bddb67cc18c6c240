"""What others wrote for their builders, as Tidegate's pipeline files. Reads text, writes text, and imports nothing that the text names."""

from tidegate.importing.dag_factory import Imported, import_dag_factory

__all__ = ["Imported", "import_dag_factory"]
