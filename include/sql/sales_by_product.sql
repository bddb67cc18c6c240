SELECT
    CAST($interval_start AS DATE) AS day,
    region,
    product_id,
    any_value(department)         AS department,
    sum(quantity)::BIGINT         AS quantity,
    sum(sales_cents)::BIGINT      AS sales_cents,
    sum(discount_cents)::BIGINT   AS discount_cents,
    count(DISTINCT basket_id)     AS baskets
FROM input
GROUP BY region, product_id
ORDER BY region, product_id
