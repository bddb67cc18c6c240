"""Moving rows: from a database to staging, through transforms, into a warehouse, with a receipt for every step.

::

    load         rows and ledger into the warehouse, in one transaction
    ├── modes        what becomes of the rows that are there: replace, append, merge, swap
    ├── partitions   which rows a load replaces, and when that would hurt someone else's
    │   └── key_columns  of a table, and what is true of the rows that hold a value
    ├── loaders      how rows go into each kind of database
    ├── tables       from Arrow types to the columns of a table, and back to doubt
    └── ledger       what was loaded by whom, beside the data
    transform    staged rows → staged rows, by SQL or by a Python function
    extract      a query → staged rows
    ├── binding      ``:names`` in a query, and the bounds of an interval in each database's words
    ├── sources      how rows come out of each kind of database, as Arrow
    ├── exact        from a driver's values to Arrow, exactly or not at all
    └── contract     what rows must be like to be accepted
        ├── rules    of single rows, as masks over batches
        └── keys     of keys that come once
    parts        several staged files, read as one
    staging      Parquet files that count only when their manifest is there
    └── sinks        such files while they are written
    engines      a SQLAlchemy connection for reading or for writing
    └── refusals     what a database's error means, and what to do about it
    kinds        the nine types that staged rows may have
    manifest     the receipt
    instants     moments as text

The layer knows no Airflow. Only :mod:`~tidegate.data.manifest` and :mod:`~tidegate.data.instants` are light enough to be imported
while DAG files are parsed.
"""
