"""Three nights of a real retailer, run through a real Airflow: ``python -m demo``."""
