"""What moving rows costs, beside what else one would take: ``python -m bench.data [--rows 1000000] [--samples 5] [--only sqlite] [--json FILE]``.

It starts PostgreSQL and MariaDB itself, makes twelve columns of mixed types on them and on SQLite, and lets contenders take turns: each sample in a
fresh process that imports first all that the contender needs, which is timed apart. The copies are held against what was made. The peers live in an
environment of their own, made at the first run; a contender that cannot be installed, or that fails, is left out and told.

Measured on two cores, a million rows, seconds (× the floor):

================================ ============ ============ ====================
way                              PostgreSQL   MariaDB      SQLite
================================ ============ ============ ====================
floor                            1.11         1.85         2.42
Tidegate                         1.41 (1.27)  1.83 (0.99)  2.10 (0.87)
connectorx stream                1.94 (1.75)  (0.97)       (0.94)
ADBC stream                      3.16 (2.85)               2.17 (0.90)
dlt, by connectorx               4.46 (4.03)  (1.49)
pandas.read_sql                  9.38 (8.47)  (7.85)       (2.92)
Airflow get_df                   9.08 (8.20)
================================ ============ ============ ====================

Tidegate needs 1.3, 1.8 and 3.1 seconds of a processor for them, in two threads; where others take the second core, SQLite is 1.2 to 1.4 times ADBC, which
needs 2.2. Where only a ratio stands, the machine was too busy for seconds. ``docs/explanation/how-fast-rows-move.md`` has the tables.
"""
