SELECT id, product, CASE WHEN cents < 0 THEN CAST(error('a price below zero') AS INTEGER) ELSE cents END AS cents, sold_at FROM input
