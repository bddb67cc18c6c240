SELECT region, count(*) AS n FROM input GROUP BY ALL
