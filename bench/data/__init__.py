"""What moving rows costs, beside what else one would take: ``python -m bench.data [--rows 1000000] [--samples 5] [--only sqlite] [--json FILE]``.

It starts PostgreSQL and MariaDB itself, makes twelve columns of mixed types on them and on SQLite, and lets contenders take turns: each sample in a
fresh process that imports first all that the contender needs, which is timed apart. The copies are held against what was made. The peers live in an
environment of their own, made at the first run; a contender that cannot be installed, or that fails, is left out and told.

Measured on two cores, a million rows, seconds (× the floor):

================================ ============ ============ ============
way                              PostgreSQL   MariaDB      SQLite
================================ ============ ============ ============
floor                            1.26         1.87         2.33
Tidegate                         1.50 (1.18)  2.09 (1.12)  2.07 (0.89)
connectorx stream                2.18 (1.73)  1.46 (0.78)  1.32 (0.57)
ADBC stream                      3.28 (2.60)               2.13 (0.92)
dlt                              4.67 (3.70)  3.92 (2.10)  9.90 (4.25)
pandas.read_sql                  9.56 (7.56)  22.5 (12.1)  6.80 (2.92)
Airflow get_df                   9.53 (7.54)
================================ ============ ============ ============

A load of 200,000 rows into PostgreSQL takes 0.60 s, 1.29 × the floor, where ADBC takes 1.33 ×, Airflow's ``insert_rows`` 15 × and pandas 30 ×. Tidegate
needs 1.4, 2.0 and 3.0 seconds of a processor for the extracts, in two threads; where others take the second core, SQLite is 1.2 to 1.4 times ADBC.
``docs/explanation/how-fast-rows-move.md`` has the tables, and what connectorx loses.
"""
