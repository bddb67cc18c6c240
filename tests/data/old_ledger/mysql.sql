CREATE TABLE `sales` (
  `day` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `region` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `amount` bigint(20) DEFAULT NULL,
  KEY `ix_sales_replace` (`day`,`region`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `sales` VALUES ('2026-01-01','emea',1);
INSERT INTO `sales` VALUES ('2026-01-01','apac',2);
INSERT INTO `sales` VALUES ('2026-01-01','apac',3);
INSERT INTO `sales` VALUES ('2026-01-02','emea',4);
CREATE TABLE `tidegate_gap` (
  `pipeline` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `interval_start` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `interval_end` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `branch` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `dimension` varchar(100) NOT NULL,
  `state` varchar(20) NOT NULL,
  `reason` longtext NOT NULL,
  `owner` varchar(250) NOT NULL,
  `opened_at` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `expires_at` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `attempts` int(11) NOT NULL,
  `last_attempt_at` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `run_id` varchar(250) NOT NULL,
  `status` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `closed_at` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `closed_by` varchar(250) NOT NULL,
  `note` longtext NOT NULL,
  PRIMARY KEY (`pipeline`,`interval_start`,`interval_end`,`branch`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `tidegate_gap` VALUES ('nightly','2026-01-02T00:00:00+00:00','2026-01-03T00:00:00+00:00','apac','region','failed','no route to host: größe','analytics','2026-11-26T06:26:42.133913+00:00','2026-12-26T06:26:42.133913+00:00',0,NULL,'run-1','open',NULL,'','');
INSERT INTO `tidegate_gap` VALUES ('nightly','2026-01-03T00:00:00+00:00','2026-01-04T00:00:00+00:00','apac','region','late','still reading','analytics','2026-11-26T06:26:42.181754+00:00','2026-12-26T06:26:42.181754+00:00',0,NULL,'run-2','waived','2026-01-05T00:00:00.000000+00:00','ada','closed for good');
INSERT INTO `tidegate_gap` VALUES ('nightly','2026-01-03T00:00:00+00:00','2026-01-04T00:00:00+00:00','emea','region','failed','down','analytics','2026-11-26T06:26:42.181754+00:00','2026-12-26T06:26:42.181754+00:00',0,NULL,'run-2','open',NULL,'','');
CREATE TABLE `tidegate_interval` (
  `pipeline` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `interval_start` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `interval_end` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `outcome` varchar(20) NOT NULL,
  `sentence` longtext NOT NULL,
  `expected` int(11) NOT NULL,
  `arrived` int(11) NOT NULL,
  `missing` longtext NOT NULL,
  `record` longtext NOT NULL,
  `run_id` varchar(250) NOT NULL,
  `correlation_id` varchar(250) NOT NULL,
  `decided_at` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`pipeline`,`interval_start`,`interval_end`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `tidegate_interval` VALUES ('nightly','2026-01-01T00:00:00+00:00','2026-01-02T00:00:00+00:00','complete','nightly for 2026-01-01 is complete: 2 of 2 regions, 3 rows.',2,2,'[]','{\"pipeline\": \"nightly\", \"interval\": {\"start\": \"2026-01-01T00:00:00+00:00\", \"end\": \"2026-01-02T00:00:00+00:00\"}, \"dimension\": \"region\", \"branches\": [{\"name\": \"emea\", \"state\": \"arrived\", \"rows\": 1, \"seconds\": 0.0, \"reason\": \"\", \"started\": \"\", \"ended\": \"\", \"usual\": null, \"read_from\": \"\", \"stale_from\": \"\"}, {\"name\": \"apac\", \"state\": \"arrived\", \"rows\": 2, \"seconds\": 0.0, \"reason\": \"\", \"started\": \"\", \"ended\": \"\", \"usual\": null, \"read_from\": \"\", \"stale_from\": \"\"}], \"needed\": 1, \"met\": true, \"required_missing\": [], \"coverage\": null, \"lacking\": [], \"rule\": \"\", \"deadline\": \"\", \"decided_at\": \"\", \"decided_by\": \"\", \"run_id\": \"run-0\", \"correlation_id\": \"c-0\", \"expected\": [\"emea\", \"apac\"], \"arrived\": [\"emea\", \"apac\"], \"failed\": [], \"late\": [], \"not_started\": [], \"open\": [], \"excluded\": [], \"held\": [], \"stale\": [], \"outcome\": \"complete\", \"rows\": 3, \"sentence\": \"nightly for 2026-01-01 is complete: 2 of 2 regions, 3 rows.\", \"before\": \"\"}','run-0','c-0','2026-11-26T06:26:41.966332+00:00');
INSERT INTO `tidegate_interval` VALUES ('nightly','2026-01-02T00:00:00+00:00','2026-01-03T00:00:00+00:00','partial','nightly for 2026-01-02 is partial: 1 of 2 regions, 1 row. Missing: apac (no route to host: größe).',2,1,'[\"apac\"]','{\"pipeline\": \"nightly\", \"interval\": {\"start\": \"2026-01-02T00:00:00+00:00\", \"end\": \"2026-01-03T00:00:00+00:00\"}, \"dimension\": \"region\", \"branches\": [{\"name\": \"emea\", \"state\": \"arrived\", \"rows\": 1, \"seconds\": 0.0, \"reason\": \"\", \"started\": \"\", \"ended\": \"\", \"usual\": null, \"read_from\": \"\", \"stale_from\": \"\"}, {\"name\": \"apac\", \"state\": \"failed\", \"rows\": 0, \"seconds\": 0.0, \"reason\": \"no route to host: größe\", \"started\": \"\", \"ended\": \"\", \"usual\": null, \"read_from\": \"\", \"stale_from\": \"\"}], \"needed\": 1, \"met\": true, \"required_missing\": [], \"coverage\": null, \"lacking\": [], \"rule\": \"\", \"deadline\": \"\", \"decided_at\": \"\", \"decided_by\": \"\", \"run_id\": \"run-1\", \"correlation_id\": \"c-1\", \"expected\": [\"emea\", \"apac\"], \"arrived\": [\"emea\"], \"failed\": [\"apac\"], \"late\": [], \"not_started\": [], \"open\": [], \"excluded\": [], \"held\": [], \"stale\": [], \"outcome\": \"partial\", \"rows\": 1, \"sentence\": \"nightly for 2026-01-02 is partial: 1 of 2 regions, 1 row. Missing: apac (no route to host: größe).\", \"before\": \"\"}','run-1','c-1','2026-11-26T06:26:42.130319+00:00');
INSERT INTO `tidegate_interval` VALUES ('nightly','2026-01-03T00:00:00+00:00','2026-01-04T00:00:00+00:00','short','nightly for 2026-01-03 is short: 0 of 2 regions arrived, 1 needed. Nothing was loaded. Missing: emea (down); apac (still reading).',2,0,'[\"emea\", \"apac\"]','{\"pipeline\": \"nightly\", \"interval\": {\"start\": \"2026-01-03T00:00:00+00:00\", \"end\": \"2026-01-04T00:00:00+00:00\"}, \"dimension\": \"region\", \"branches\": [{\"name\": \"emea\", \"state\": \"failed\", \"rows\": 0, \"seconds\": 0.0, \"reason\": \"down\", \"started\": \"\", \"ended\": \"\", \"usual\": null, \"read_from\": \"\", \"stale_from\": \"\"}, {\"name\": \"apac\", \"state\": \"late\", \"rows\": 0, \"seconds\": 0.0, \"reason\": \"still reading\", \"started\": \"\", \"ended\": \"\", \"usual\": null, \"read_from\": \"\", \"stale_from\": \"\"}], \"needed\": 1, \"met\": false, \"required_missing\": [], \"coverage\": null, \"lacking\": [], \"rule\": \"\", \"deadline\": \"\", \"decided_at\": \"\", \"decided_by\": \"\", \"run_id\": \"run-2\", \"correlation_id\": \"c-2\", \"expected\": [\"emea\", \"apac\"], \"arrived\": [], \"failed\": [\"emea\"], \"late\": [\"apac\"], \"not_started\": [], \"open\": [], \"excluded\": [], \"held\": [], \"stale\": [], \"outcome\": \"short\", \"rows\": 0, \"sentence\": \"nightly for 2026-01-03 is short: 0 of 2 regions arrived, 1 needed. Nothing was loaded. Missing: emea (down); apac (still reading).\", \"before\": \"\"}','run-2','c-2','2026-11-26T06:26:42.176218+00:00');
CREATE TABLE `tidegate_load` (
  `pipeline` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `target` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `interval_start` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `interval_end` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `branch` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `attempt` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `fence` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `run_id` varchar(250) NOT NULL,
  `correlation_id` varchar(250) NOT NULL,
  `rows` bigint(20) NOT NULL,
  `partitions` longtext NOT NULL,
  `loaded_at` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `stale_from` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  PRIMARY KEY (`pipeline`,`target`,`interval_start`,`interval_end`,`branch`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `tidegate_load` VALUES ('nightly','sales','2026-01-01T00:00:00+00:00','2026-01-02T00:00:00+00:00','apac','acba255121-2-374c3773','2026-01-02T00:00:02.000000+00:00/2026-11-26T06:26:41.679869+00:00','run-0','c-0',2,'[\"[\\\"2026-01-01\\\", \\\"apac\\\"]\"]','2026-11-26T06:26:41.951261+00:00',NULL);
INSERT INTO `tidegate_load` VALUES ('nightly','sales','2026-01-01T00:00:00+00:00','2026-01-02T00:00:00+00:00','emea','acba255121-1-c8127fea','2026-01-02T00:00:01.000000+00:00/2026-11-26T06:26:41.669757+00:00','run-0','c-0',1,'[\"[\\\"2026-01-01\\\", \\\"emea\\\"]\"]','2026-11-26T06:26:41.947972+00:00',NULL);
INSERT INTO `tidegate_load` VALUES ('nightly','sales','2026-01-02T00:00:00+00:00','2026-01-03T00:00:00+00:00','emea','acba255121-3-194326cd','2026-01-02T00:00:03.000000+00:00/2026-11-26T06:26:41.981568+00:00','run-1','c-1',1,'[\"[\\\"2026-01-02\\\", \\\"emea\\\"]\"]','2026-11-26T06:26:42.125544+00:00',NULL);
CREATE TABLE `tidegate_lock` (
  `target` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`target`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `tidegate_lock` VALUES ('sales');
