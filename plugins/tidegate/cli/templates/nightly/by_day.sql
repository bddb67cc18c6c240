-- Run in DuckDB over the rows of one region, which are called input and have a column region besides their own.
SELECT CAST($interval_start AS DATE) AS day, region, count(*) AS sales, sum(cents)::BIGINT AS cents
FROM input
GROUP BY region
