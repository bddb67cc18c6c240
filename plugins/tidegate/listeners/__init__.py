"""Airflow listeners."""
