-- Run in the warehouse. Airflow renders what stands in double braces.
DELETE FROM report WHERE day = '{{ ds }}';
INSERT INTO report SELECT day, count(*) FROM sales WHERE day = '{{ ds }}' GROUP BY day;
