-- Run in DuckDB over the rows of the interval, which are called input.
SELECT CAST($interval_start AS DATE) AS day, count(*) AS sales, sum(cents)::BIGINT AS cents
FROM input
