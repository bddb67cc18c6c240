CREATE TABLE public.sales (
    day text,
    region text,
    amount bigint
);
CREATE TABLE public.tidegate_gap (
    pipeline character varying(100) NOT NULL,
    interval_start character varying(40) NOT NULL,
    interval_end character varying(40) NOT NULL,
    branch character varying(100) NOT NULL,
    dimension character varying(100) NOT NULL,
    state character varying(20) NOT NULL,
    reason text NOT NULL,
    owner character varying(250) NOT NULL,
    opened_at character varying(40) NOT NULL,
    expires_at character varying(40) NOT NULL,
    attempts integer NOT NULL,
    last_attempt_at character varying(40),
    run_id character varying(250) NOT NULL,
    status character varying(20) NOT NULL,
    closed_at character varying(40),
    closed_by character varying(250) NOT NULL,
    note text NOT NULL
);
CREATE TABLE public.tidegate_interval (
    pipeline character varying(100) NOT NULL,
    interval_start character varying(40) NOT NULL,
    interval_end character varying(40) NOT NULL,
    outcome character varying(20) NOT NULL,
    sentence text NOT NULL,
    expected integer NOT NULL,
    arrived integer NOT NULL,
    missing text NOT NULL,
    record text NOT NULL,
    run_id character varying(250) NOT NULL,
    correlation_id character varying(250) NOT NULL,
    decided_at character varying(40) NOT NULL
);
CREATE TABLE public.tidegate_load (
    pipeline character varying(100) NOT NULL,
    target character varying(100) NOT NULL,
    interval_start character varying(40) NOT NULL,
    interval_end character varying(40) NOT NULL,
    branch character varying(100) NOT NULL,
    attempt character varying(100) NOT NULL,
    fence character varying(100) NOT NULL,
    run_id character varying(250) NOT NULL,
    correlation_id character varying(250) NOT NULL,
    rows bigint NOT NULL,
    partitions text NOT NULL,
    loaded_at character varying(40) NOT NULL,
    stale_from character varying(40)
);
CREATE TABLE public.tidegate_lock (
    target character varying(100) NOT NULL
);
INSERT INTO public.sales VALUES ('2026-01-01', 'emea', 1);
INSERT INTO public.sales VALUES ('2026-01-01', 'apac', 2);
INSERT INTO public.sales VALUES ('2026-01-01', 'apac', 3);
INSERT INTO public.sales VALUES ('2026-01-02', 'emea', 4);
INSERT INTO public.tidegate_gap VALUES ('nightly', '2026-01-02T00:00:00+00:00', '2026-01-03T00:00:00+00:00', 'apac', 'region', 'failed', 'no route to host: größe', 'analytics', '2026-11-26T06:26:40.123513+00:00', '2026-12-26T06:26:40.123513+00:00', 0, NULL, 'run-1', 'open', NULL, '', '');
INSERT INTO public.tidegate_gap VALUES ('nightly', '2026-01-03T00:00:00+00:00', '2026-01-04T00:00:00+00:00', 'emea', 'region', 'failed', 'down', 'analytics', '2026-11-26T06:26:40.151798+00:00', '2026-12-26T06:26:40.151798+00:00', 0, NULL, 'run-2', 'open', NULL, '', '');
INSERT INTO public.tidegate_gap VALUES ('nightly', '2026-01-03T00:00:00+00:00', '2026-01-04T00:00:00+00:00', 'apac', 'region', 'late', 'still reading', 'analytics', '2026-11-26T06:26:40.151798+00:00', '2026-12-26T06:26:40.151798+00:00', 0, NULL, 'run-2', 'waived', '2026-01-05T00:00:00.000000+00:00', 'ada', 'closed for good');
INSERT INTO public.tidegate_interval VALUES ('nightly', '2026-01-01T00:00:00+00:00', '2026-01-02T00:00:00+00:00', 'complete', 'nightly for 2026-01-01 is complete: 2 of 2 regions, 3 rows.', 2, 2, '[]', '{"pipeline": "nightly", "interval": {"start": "2026-01-01T00:00:00+00:00", "end": "2026-01-02T00:00:00+00:00"}, "dimension": "region", "branches": [{"name": "emea", "state": "arrived", "rows": 1, "seconds": 0.0, "reason": "", "started": "", "ended": "", "usual": null, "read_from": "", "stale_from": ""}, {"name": "apac", "state": "arrived", "rows": 2, "seconds": 0.0, "reason": "", "started": "", "ended": "", "usual": null, "read_from": "", "stale_from": ""}], "needed": 1, "met": true, "required_missing": [], "coverage": null, "lacking": [], "rule": "", "deadline": "", "decided_at": "", "decided_by": "", "run_id": "run-0", "correlation_id": "c-0", "expected": ["emea", "apac"], "arrived": ["emea", "apac"], "failed": [], "late": [], "not_started": [], "open": [], "excluded": [], "held": [], "stale": [], "outcome": "complete", "rows": 3, "sentence": "nightly for 2026-01-01 is complete: 2 of 2 regions, 3 rows.", "before": ""}', 'run-0', 'c-0', '2026-11-26T06:26:40.034876+00:00');
INSERT INTO public.tidegate_interval VALUES ('nightly', '2026-01-02T00:00:00+00:00', '2026-01-03T00:00:00+00:00', 'partial', 'nightly for 2026-01-02 is partial: 1 of 2 regions, 1 row. Missing: apac (no route to host: größe).', 2, 1, '["apac"]', '{"pipeline": "nightly", "interval": {"start": "2026-01-02T00:00:00+00:00", "end": "2026-01-03T00:00:00+00:00"}, "dimension": "region", "branches": [{"name": "emea", "state": "arrived", "rows": 1, "seconds": 0.0, "reason": "", "started": "", "ended": "", "usual": null, "read_from": "", "stale_from": ""}, {"name": "apac", "state": "failed", "rows": 0, "seconds": 0.0, "reason": "no route to host: größe", "started": "", "ended": "", "usual": null, "read_from": "", "stale_from": ""}], "needed": 1, "met": true, "required_missing": [], "coverage": null, "lacking": [], "rule": "", "deadline": "", "decided_at": "", "decided_by": "", "run_id": "run-1", "correlation_id": "c-1", "expected": ["emea", "apac"], "arrived": ["emea"], "failed": ["apac"], "late": [], "not_started": [], "open": [], "excluded": [], "held": [], "stale": [], "outcome": "partial", "rows": 1, "sentence": "nightly for 2026-01-02 is partial: 1 of 2 regions, 1 row. Missing: apac (no route to host: größe).", "before": ""}', 'run-1', 'c-1', '2026-11-26T06:26:40.120255+00:00');
INSERT INTO public.tidegate_interval VALUES ('nightly', '2026-01-03T00:00:00+00:00', '2026-01-04T00:00:00+00:00', 'short', 'nightly for 2026-01-03 is short: 0 of 2 regions arrived, 1 needed. Nothing was loaded. Missing: emea (down); apac (still reading).', 2, 0, '["emea", "apac"]', '{"pipeline": "nightly", "interval": {"start": "2026-01-03T00:00:00+00:00", "end": "2026-01-04T00:00:00+00:00"}, "dimension": "region", "branches": [{"name": "emea", "state": "failed", "rows": 0, "seconds": 0.0, "reason": "down", "started": "", "ended": "", "usual": null, "read_from": "", "stale_from": ""}, {"name": "apac", "state": "late", "rows": 0, "seconds": 0.0, "reason": "still reading", "started": "", "ended": "", "usual": null, "read_from": "", "stale_from": ""}], "needed": 1, "met": false, "required_missing": [], "coverage": null, "lacking": [], "rule": "", "deadline": "", "decided_at": "", "decided_by": "", "run_id": "run-2", "correlation_id": "c-2", "expected": ["emea", "apac"], "arrived": [], "failed": ["emea"], "late": ["apac"], "not_started": [], "open": [], "excluded": [], "held": [], "stale": [], "outcome": "short", "rows": 0, "sentence": "nightly for 2026-01-03 is short: 0 of 2 regions arrived, 1 needed. Nothing was loaded. Missing: emea (down); apac (still reading).", "before": ""}', 'run-2', 'c-2', '2026-11-26T06:26:40.148316+00:00');
INSERT INTO public.tidegate_load VALUES ('nightly', 'sales', '2026-01-01T00:00:00+00:00', '2026-01-02T00:00:00+00:00', 'emea', 'acba255121-1-e40856c6', '2026-01-02T00:00:01.000000+00:00/2026-11-26T06:26:39.894402+00:00', 'run-0', 'c-0', 1, '["[\"2026-01-01\", \"emea\"]"]', '2026-11-26T06:26:40.028669+00:00', NULL);
INSERT INTO public.tidegate_load VALUES ('nightly', 'sales', '2026-01-01T00:00:00+00:00', '2026-01-02T00:00:00+00:00', 'apac', 'acba255121-2-6bf27ef9', '2026-01-02T00:00:02.000000+00:00/2026-11-26T06:26:39.897774+00:00', 'run-0', 'c-0', 2, '["[\"2026-01-01\", \"apac\"]"]', '2026-11-26T06:26:40.030582+00:00', NULL);
INSERT INTO public.tidegate_load VALUES ('nightly', 'sales', '2026-01-02T00:00:00+00:00', '2026-01-03T00:00:00+00:00', 'emea', 'acba255121-3-356e5b85', '2026-01-02T00:00:03.000000+00:00/2026-11-26T06:26:40.044645+00:00', 'run-1', 'c-1', 1, '["[\"2026-01-02\", \"emea\"]"]', '2026-11-26T06:26:40.115427+00:00', NULL);
INSERT INTO public.tidegate_lock VALUES ('sales');
ALTER TABLE ONLY public.tidegate_gap
    ADD CONSTRAINT tidegate_gap_pkey PRIMARY KEY (pipeline, interval_start, interval_end, branch);
ALTER TABLE ONLY public.tidegate_interval
    ADD CONSTRAINT tidegate_interval_pkey PRIMARY KEY (pipeline, interval_start, interval_end);
ALTER TABLE ONLY public.tidegate_load
    ADD CONSTRAINT tidegate_load_pkey PRIMARY KEY (pipeline, target, interval_start, interval_end, branch);
ALTER TABLE ONLY public.tidegate_lock
    ADD CONSTRAINT tidegate_lock_pkey PRIMARY KEY (target);
CREATE INDEX ix_sales_replace ON public.sales USING btree (day, region);
