SELECT basket_id, product_id, department, quantity, sales_cents, discount_cents, sold_at
FROM sales
WHERE sold_at >= :interval_start AND sold_at < :interval_end
ORDER BY sold_at, basket_id, product_id
