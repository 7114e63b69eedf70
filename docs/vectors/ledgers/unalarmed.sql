PRAGMA application_id = 1735550310;
PRAGMA user_version = 1;
CREATE TABLE entries(
  seq INTEGER PRIMARY KEY,
  body TEXT NOT NULL CHECK(typeof(body) = 'text'));
CREATE TABLE checkpoints(
  size INTEGER PRIMARY KEY,
  note TEXT NOT NULL CHECK(typeof(note) = 'text'));
CREATE TABLE tiles(
  level INTEGER NOT NULL CHECK(typeof(level) = 'integer'),
  n INTEGER NOT NULL CHECK(typeof(n) = 'integer'),
  hashes BLOB NOT NULL CHECK(typeof(hashes) = 'blob'),
  PRIMARY KEY(level, n)) WITHOUT ROWID;
CREATE VIEW reads AS
  SELECT seq,
         strftime('%Y-%m-%dT%H:%M:%SZ', json_extract(body, '$.at') / 1000, 'unixepoch') AS time,
         json_extract(body, '$.provider') AS provider, json_extract(body, '$.agent') AS agent,
         json_extract(body, '$.dataset') AS dataset, json_extract(body, '$.purpose') AS purpose,
         json_extract(body, '$.method') AS method, json_extract(body, '$.view') AS view,
         json_extract(body, '$.asked') AS asked, ifnull(json_extract(body, '$.rows'), 0) AS rows,
         json_extract(body, '$.ruling.outcome') AS outcome,
         json_extract(body, '$.ruling.rule') AS rule
  FROM entries WHERE json_extract(body, '$.kind') = 'read';
CREATE VIEW alerts AS
  SELECT seq,
         strftime('%Y-%m-%dT%H:%M:%SZ', json_extract(body, '$.at') / 1000, 'unixepoch') AS time,
         json_extract(body, '$.incident') AS incident, json_extract(body, '$.severity') AS severity,
         json_extract(body, '$.rule') AS rule, json_extract(body, '$.level') AS level,
         json_extract(body, '$.provider') AS provider, json_extract(body, '$.agent') AS agent,
         ifnull(json_extract(body, '$.persons'), 0) AS persons,
         ifnull(json_extract(body, '$.off'), 0) AS off_roster,
         json_extract(body, '$.measures') AS measures
  FROM entries WHERE json_extract(body, '$.kind') = 'alert';
CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_stay BEFORE DELETE ON entries
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER checkpoints_never_change BEFORE UPDATE ON checkpoints
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER checkpoints_stay BEFORE DELETE ON checkpoints
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER tiles_never_change BEFORE UPDATE ON tiles
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER tiles_stay BEFORE DELETE ON tiles
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
INSERT INTO entries VALUES(0, '{"seq":0,"prev":"0000000000000000000000000000000000000000000000000000000000000000","at":1793923200000,"tick":0,"kind":"genesis","format":1,"origin":"registry.example/reads","key":"6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw="}');
INSERT INTO entries VALUES(1, '{"seq":1,"prev":"4b355c53f0e02623d739eb43e305a2e1cc8758f1c10aef8adda92560589171c2","at":1793923200000,"tick":0,"kind":"act","deed":"enrol_key","role":"admin","id":"admin-1","admin":"admin-1","key":"Zr5+Myx6RTMyvZ0Kf32wVfXF7xoGraZtmLOftoEMRzo=","reason":"a key that this ledger begins with","nonce":"AQEBAQEBAQEBAQEBAQEBAQ","expires":1793926800000,"signatures":[{"admin":"admin-1","key":"Zr5+Myx6RTMyvZ0Kf32wVfXF7xoGraZtmLOftoEMRzo=","signature":"Xys5uWd7emw4ICznJfP6qiQhPU0JIZVxGO7V32Un4sQoYESgezYWFqSBpwFTOQXIRueHcv3XGmnXactwoP7rDw=="}]}');
INSERT INTO entries VALUES(2, '{"seq":2,"prev":"5e9136d297a2d7607d8ff0bdf20b57bedd1b1c42dc98b9682b3101be8f334d69","at":1793923200000,"tick":0,"kind":"act","deed":"enrol_key","role":"admin","id":"admin-2","admin":"admin-2","key":"C1E62bSSQBXKCQLtB5BE06xdvsIwbwaUjBDajrbjny0=","reason":"a key that this ledger begins with","nonce":"AgICAgICAgICAgICAgICAg","expires":1793926800000,"signatures":[{"admin":"admin-2","key":"C1E62bSSQBXKCQLtB5BE06xdvsIwbwaUjBDajrbjny0=","signature":"8c0CKHQaMpA6tD4oLDDjIsFjqmY2gfFdFof880XqDn3/3JNC5/4IhZ5WNYL+sxqoeumj6Im28NQGw0RFzOHhBA=="}]}');
INSERT INTO entries VALUES(3, '{"seq":3,"prev":"e46699afed879c84e2b07217c4da9888b66bfdfdc0f3d8def66128d7e1e38883","at":1793923200000,"tick":0,"kind":"policy","section":{"detectors":{"roster":{"off":3219,"on":673,"withheld":673,"medium":40000,"high":45000},"strangers":{"allowance":300,"cap":3000,"withheld":300,"medium":12000,"high":12000,"flood":20000,"agents":840,"provider":40000},"probing":{"miss":1386,"find":754,"medium":12474,"high":16632},"signs":{"medium":2,"high":3}}}}');
INSERT INTO entries VALUES(4, '{"seq":4,"prev":"19aaf004f7c5b1bf4b3799f2ed4f26d44e3c11502ee10deb8f889c61344c5231","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"alpha-langues","budgets":{"agent_minute":4,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(5, '{"seq":5,"prev":"42acbaf5e7e25c1bd7f9c4b89160ffa95896a8c3df91308df16eebf4e585215f","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-one","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(6, '{"seq":6,"prev":"e36096de6eb6252daac84cc55fd190ed7b7591112fb1d436735354672069e6c3","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-two","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(7, '{"seq":7,"prev":"d338aef897fd56a5481811cd38f1137c51d8c523075e765e7cdabdb1a459799c","at":1793923200000,"tick":0,"kind":"policy","section":{"head":{"digest":"823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812","sections":4,"judge":5}}}');
INSERT INTO entries VALUES(8, '{"seq":8,"prev":"d5c17b5ec7ef8e134c02e3b354591b80a8e040744f7b95e69efd6c8e074101d7","at":1793923201000,"tick":1000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":5,"facts":{"could":5,"could_never":5,"all":{"agent_day":5,"provider_day":5,"provider_30_days":5,"never":5}},"weight":5,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":4}}');
INSERT INTO checkpoints VALUES(8, 'registry.example/reads
8
4p5i1nmfuhHDZLtCo5jmiaEA0PRg/12wWTVG14LbY8s=

— registry.example/reads 12/HctzqYEqUZwPZ2z90EnNd04qb9Cky0L95cGe+VWmc5qjvBGEoq47rhk0NfVCrpvVM2joYcrXl4HBQoNPgL/YHCQM=
');
INSERT INTO checkpoints VALUES(9, 'registry.example/reads
9
q/cSGPNuKGrIa0TeazeUtFKLuoLyp5hgfxEByjUbZpE=

— registry.example/reads 12/Hcjd3OglQ4XNndReZKUcAwfrpLQ/ZopBgKGnyu6eyAX833DN/yXZpFhXTuz9JsxPm84BcX5NfjGjduy6VeX0aBQI=
');
