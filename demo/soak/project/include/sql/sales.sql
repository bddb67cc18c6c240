SELECT strftime('%Y-%m-%d %H:%M:%S', :interval_start) AS night, :branch AS region, id, cents, sold_at, (SELECT hex(randomblob(8))) AS reading
FROM sales WHERE sold_at >= :interval_start AND sold_at < :interval_end
