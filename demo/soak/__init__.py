"""Nights under fire: parts of a real Airflow are killed at random moments, and every night must end right all the same."""
