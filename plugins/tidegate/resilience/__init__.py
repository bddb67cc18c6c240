"""Pure decisions about nights: what a run is about, what is enough, whether to retry. No Airflow, no I/O, no clock of their own."""
