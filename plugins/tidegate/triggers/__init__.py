"""What waits without a worker slot: triggers, run by Airflow's triggerer."""
