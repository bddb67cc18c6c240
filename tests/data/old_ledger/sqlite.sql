BEGIN TRANSACTION;
CREATE TABLE sales (
	day TEXT, 
	region TEXT, 
	amount BIGINT
);
INSERT INTO "sales" VALUES('2026-01-01','emea',1);
INSERT INTO "sales" VALUES('2026-01-01','apac',2);
INSERT INTO "sales" VALUES('2026-01-01','apac',3);
INSERT INTO "sales" VALUES('2026-01-02','emea',4);
CREATE TABLE tidegate_gap (
	pipeline VARCHAR(100) NOT NULL, 
	interval_start VARCHAR(40) NOT NULL, 
	interval_end VARCHAR(40) NOT NULL, 
	branch VARCHAR(100) NOT NULL, 
	dimension VARCHAR(100) NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	reason TEXT NOT NULL, 
	owner VARCHAR(250) NOT NULL, 
	opened_at VARCHAR(40) NOT NULL, 
	expires_at VARCHAR(40) NOT NULL, 
	attempts INTEGER NOT NULL, 
	last_attempt_at VARCHAR(40), 
	run_id VARCHAR(250) NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	closed_at VARCHAR(40), 
	closed_by VARCHAR(250) NOT NULL, 
	note TEXT NOT NULL, 
	PRIMARY KEY (pipeline, interval_start, interval_end, branch)
);
INSERT INTO "tidegate_gap" VALUES('nightly','2026-01-02T00:00:00+00:00','2026-01-03T00:00:00+00:00','apac','region','failed','no route to host: größe','analytics','2026-11-26T06:26:38.901916+00:00','2026-12-26T06:26:38.901916+00:00',0,NULL,'run-1','open',NULL,'','');
INSERT INTO "tidegate_gap" VALUES('nightly','2026-01-03T00:00:00+00:00','2026-01-04T00:00:00+00:00','emea','region','failed','down','analytics','2026-11-26T06:26:38.910428+00:00','2026-12-26T06:26:38.910428+00:00',0,NULL,'run-2','open',NULL,'','');
INSERT INTO "tidegate_gap" VALUES('nightly','2026-01-03T00:00:00+00:00','2026-01-04T00:00:00+00:00','apac','region','late','still reading','analytics','2026-11-26T06:26:38.910428+00:00','2026-12-26T06:26:38.910428+00:00',0,NULL,'run-2','waived','2026-01-05T00:00:00.000000+00:00','ada','closed for good');
CREATE TABLE tidegate_interval (
	pipeline VARCHAR(100) NOT NULL, 
	interval_start VARCHAR(40) NOT NULL, 
	interval_end VARCHAR(40) NOT NULL, 
	outcome VARCHAR(20) NOT NULL, 
	sentence TEXT NOT NULL, 
	expected INTEGER NOT NULL, 
	arrived INTEGER NOT NULL, 
	missing TEXT NOT NULL, 
	record TEXT NOT NULL, 
	run_id VARCHAR(250) NOT NULL, 
	correlation_id VARCHAR(250) NOT NULL, 
	decided_at VARCHAR(40) NOT NULL, 
	PRIMARY KEY (pipeline, interval_start, interval_end)
);
INSERT INTO "tidegate_interval" VALUES('nightly','2026-01-01T00:00:00+00:00','2026-01-02T00:00:00+00:00','complete','nightly for 2026-01-01 is complete: 2 of 2 regions, 3 rows.',2,2,'[]','{"pipeline": "nightly", "interval": {"start": "2026-01-01T00:00:00+00:00", "end": "2026-01-02T00:00:00+00:00"}, "dimension": "region", "branches": [{"name": "emea", "state": "arrived", "rows": 1, "seconds": 0.0, "reason": "", "started": "", "ended": "", "usual": null, "read_from": "", "stale_from": ""}, {"name": "apac", "state": "arrived", "rows": 2, "seconds": 0.0, "reason": "", "started": "", "ended": "", "usual": null, "read_from": "", "stale_from": ""}], "needed": 1, "met": true, "required_missing": [], "coverage": null, "lacking": [], "rule": "", "deadline": "", "decided_at": "", "decided_by": "", "run_id": "run-0", "correlation_id": "c-0", "expected": ["emea", "apac"], "arrived": ["emea", "apac"], "failed": [], "late": [], "not_started": [], "open": [], "excluded": [], "held": [], "stale": [], "outcome": "complete", "rows": 3, "sentence": "nightly for 2026-01-01 is complete: 2 of 2 regions, 3 rows.", "before": ""}','run-0','c-0','2026-11-26T06:26:38.856147+00:00');
INSERT INTO "tidegate_interval" VALUES('nightly','2026-01-02T00:00:00+00:00','2026-01-03T00:00:00+00:00','partial','nightly for 2026-01-02 is partial: 1 of 2 regions, 1 row. Missing: apac (no route to host: größe).',2,1,'["apac"]','{"pipeline": "nightly", "interval": {"start": "2026-01-02T00:00:00+00:00", "end": "2026-01-03T00:00:00+00:00"}, "dimension": "region", "branches": [{"name": "emea", "state": "arrived", "rows": 1, "seconds": 0.0, "reason": "", "started": "", "ended": "", "usual": null, "read_from": "", "stale_from": ""}, {"name": "apac", "state": "failed", "rows": 0, "seconds": 0.0, "reason": "no route to host: größe", "started": "", "ended": "", "usual": null, "read_from": "", "stale_from": ""}], "needed": 1, "met": true, "required_missing": [], "coverage": null, "lacking": [], "rule": "", "deadline": "", "decided_at": "", "decided_by": "", "run_id": "run-1", "correlation_id": "c-1", "expected": ["emea", "apac"], "arrived": ["emea"], "failed": ["apac"], "late": [], "not_started": [], "open": [], "excluded": [], "held": [], "stale": [], "outcome": "partial", "rows": 1, "sentence": "nightly for 2026-01-02 is partial: 1 of 2 regions, 1 row. Missing: apac (no route to host: größe).", "before": ""}','run-1','c-1','2026-11-26T06:26:38.899661+00:00');
INSERT INTO "tidegate_interval" VALUES('nightly','2026-01-03T00:00:00+00:00','2026-01-04T00:00:00+00:00','short','nightly for 2026-01-03 is short: 0 of 2 regions arrived, 1 needed. Nothing was loaded. Missing: emea (down); apac (still reading).',2,0,'["emea", "apac"]','{"pipeline": "nightly", "interval": {"start": "2026-01-03T00:00:00+00:00", "end": "2026-01-04T00:00:00+00:00"}, "dimension": "region", "branches": [{"name": "emea", "state": "failed", "rows": 0, "seconds": 0.0, "reason": "down", "started": "", "ended": "", "usual": null, "read_from": "", "stale_from": ""}, {"name": "apac", "state": "late", "rows": 0, "seconds": 0.0, "reason": "still reading", "started": "", "ended": "", "usual": null, "read_from": "", "stale_from": ""}], "needed": 1, "met": false, "required_missing": [], "coverage": null, "lacking": [], "rule": "", "deadline": "", "decided_at": "", "decided_by": "", "run_id": "run-2", "correlation_id": "c-2", "expected": ["emea", "apac"], "arrived": [], "failed": ["emea"], "late": ["apac"], "not_started": [], "open": [], "excluded": [], "held": [], "stale": [], "outcome": "short", "rows": 0, "sentence": "nightly for 2026-01-03 is short: 0 of 2 regions arrived, 1 needed. Nothing was loaded. Missing: emea (down); apac (still reading).", "before": ""}','run-2','c-2','2026-11-26T06:26:38.908215+00:00');
CREATE TABLE tidegate_load (
	pipeline VARCHAR(100) NOT NULL, 
	target VARCHAR(100) NOT NULL, 
	interval_start VARCHAR(40) NOT NULL, 
	interval_end VARCHAR(40) NOT NULL, 
	branch VARCHAR(100) NOT NULL, 
	attempt VARCHAR(100) NOT NULL, 
	fence VARCHAR(100) NOT NULL, 
	run_id VARCHAR(250) NOT NULL, 
	correlation_id VARCHAR(250) NOT NULL, 
	"rows" BIGINT NOT NULL, 
	"partitions" TEXT NOT NULL, 
	loaded_at VARCHAR(40) NOT NULL, 
	stale_from VARCHAR(40), 
	PRIMARY KEY (pipeline, target, interval_start, interval_end, branch)
);
INSERT INTO "tidegate_load" VALUES('nightly','sales','2026-01-01T00:00:00+00:00','2026-01-02T00:00:00+00:00','emea','acba255121-1-8133fba5','2026-01-02T00:00:01.000000+00:00/2026-11-26T06:26:38.731485+00:00','run-0','c-0',1,'["[\"2026-01-01\", \"emea\"]"]','2026-11-26T06:26:38.851656+00:00',NULL);
INSERT INTO "tidegate_load" VALUES('nightly','sales','2026-01-01T00:00:00+00:00','2026-01-02T00:00:00+00:00','apac','acba255121-2-db40c579','2026-01-02T00:00:02.000000+00:00/2026-11-26T06:26:38.745671+00:00','run-0','c-0',2,'["[\"2026-01-01\", \"apac\"]"]','2026-11-26T06:26:38.852990+00:00',NULL);
INSERT INTO "tidegate_load" VALUES('nightly','sales','2026-01-02T00:00:00+00:00','2026-01-03T00:00:00+00:00','emea','acba255121-3-baac0d7f','2026-01-02T00:00:03.000000+00:00/2026-11-26T06:26:38.877519+00:00','run-1','c-1',1,'["[\"2026-01-02\", \"emea\"]"]','2026-11-26T06:26:38.896608+00:00',NULL);
CREATE TABLE tidegate_lock (
	target VARCHAR(100) NOT NULL, 
	PRIMARY KEY (target)
);
CREATE INDEX ix_sales_replace ON sales (day, region);
COMMIT;
