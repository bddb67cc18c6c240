SELECT CAST($interval_start AS DATE) AS day, shop, sum(cents) AS cents, CAST($stale_from AS DATE) AS stale_from FROM input GROUP BY shop
