SELECT CAST($interval_start AS DATE) AS day, shop, sum(cents) AS cents FROM input GROUP BY shop
