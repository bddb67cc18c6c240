SELECT strftime($interval_start, '%Y-%m-%d') AS day, shop, product, count(*) AS items, sum(cents)::BIGINT AS cents
FROM input GROUP BY shop, product ORDER BY shop, product
