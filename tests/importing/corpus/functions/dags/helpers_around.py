"""Stands beside the DAGs, as helpers of dag-factory's projects do."""
