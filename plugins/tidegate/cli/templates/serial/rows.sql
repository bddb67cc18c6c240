-- Run in the source database: the rows of one interval. The start belongs to it, the end does not.
SELECT id, cents, sold_at
FROM sales
WHERE sold_at >= :interval_start AND sold_at < :interval_end
