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
INSERT INTO entries VALUES(3, '{"seq":3,"prev":"e46699afed879c84e2b07217c4da9888b66bfdfdc0f3d8def66128d7e1e38883","at":1793923200000,"tick":0,"kind":"policy","section":{"detectors":{"roster":{"off":3219,"on":673,"withheld":673,"medium":40000,"high":45000},"strangers":{"allowance":300,"cap":3000,"withheld":300,"medium":12000,"high":12000,"flood":25000,"agents":840,"provider":60000},"probing":{"miss":1386,"find":754,"medium":16632,"high":41580},"signs":{"medium":2,"high":3}}}}');
INSERT INTO entries VALUES(4, '{"seq":4,"prev":"1f68fe127755fb091ef6680688508a76a532efaf5d9d1db20a0ea4576af25597","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"alpha-langues","budgets":{"agent_minute":4,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(5, '{"seq":5,"prev":"c78c6bab7de3da362a5f1a74a255ff47ff8a5058b826f1a471dc694d7bfdb18d","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-one","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(6, '{"seq":6,"prev":"8549f1cb0d89a482b537295ad8c18e9e6f39c0be8133a6759060847b05340bd8","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-two","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(7, '{"seq":7,"prev":"6c8a33fc55907fc7d5b536550ead6a40dad4a948edddd216105a16e61fe19eb2","at":1793923200000,"tick":0,"kind":"policy","section":{"head":{"digest":"823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812","sections":4,"judge":4}}}');
INSERT INTO entries VALUES(8, '{"seq":8,"prev":"6a861d6b5573c62e1402194ee5edc154c7570e6443d292146867f18edd55d512","at":1793923201000,"tick":1000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":10,"digest":"8d85f8467240628a94819b26bee26e3a9b2804334c63482deacec8d64ab4e1e7"}');
INSERT INTO entries VALUES(9, '{"seq":9,"prev":"f41a7f1f52893155cc12b4eecea530ffeaa87882aec5db6a33ce3222c26a0833","at":1793923202000,"tick":2000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"rows":3,"on":["Di0A4ref0S0T-jV-UyDK_Q","NFBi0bZzCjvYRr7U9wYyJQ","juIKfi3QMlJoHAXsPOlXFA"],"facts":{"could":3,"all":{"agent_day":3,"provider_day":3,"provider_30_days":3,"never":3}},"weight":3,"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(10, '{"seq":10,"prev":"0fa4038409df682c31ae817aeb573f78bdaf4a4bf67b55b5d6ad7098ee66ea9b","at":1793923203000,"tick":3000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","replay_of":9,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"facts":{"could":3},"weight":3,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1,"fits_at":1793923232000}}');
INSERT INTO entries VALUES(11, '{"seq":11,"prev":"001ab0c9d3eb7ded01f9bed9c1f6054d8a76e22bed63470fbd7aedf4c44592db","at":1793923203000,"tick":3000,"kind":"alert","incident":11,"rule":"agent_minute","severity":"info","provider":"alpha-langues","agent":"bc2p6ET3JC1WIbWOLjOYjw","level":"agent","observed":3,"expected":1,"since":1793923202000,"first":9,"last":10,"persons":3}');
INSERT INTO entries VALUES(12, '{"seq":12,"prev":"9e109049e1b93a8f1c6f54c669238b5d0d8ceb2772df06f203665f2538956199","at":1793923204000,"tick":4000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"e2501c97f4569a0e468941097e91c9b7d53019e517ed37697c03caa303a8e481","agent":"73uWwBpvOjO2Xv5T6zkN3g","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"search","view":"BASIC","asked":1,"misses":1,"facts":{"could":1},"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(13, '{"seq":13,"prev":"f171a482564e82ed247d61c1e828f0b8b406dc66f6c80aa57019081a71ea464b","at":1793923205000,"tick":5000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":5,"facts":{"could":5,"all":{"agent_day":5,"provider_day":5,"provider_30_days":5,"never":5}},"weight":5,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1}}');
INSERT INTO entries VALUES(14, '{"seq":14,"prev":"aed672b1e4a9239c16416dae719cb5323bec2ad4e94f2b4a0ddf1aaf6bd89641","at":1793923206000,"tick":6000,"kind":"read","policy":7,"provider":"other-one","certificate":"bc6f397aaff60fa9556484a4a110b9306f1a4fbaefe4306d765493659ec0e938","agent":"xUqGoJXme4sVgeBNye5ruw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"yo1Qb6dc0mT7ToGYinSCaw","reason":"transfer","method":"list","view":"BASIC","asked":14,"facts":{"could":14,"could_off":14,"all":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14},"off":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14}},"weight":14,"ruling":{"outcome":"withheld","rule":"contained"}}');
INSERT INTO entries VALUES(15, '{"seq":15,"prev":"0304fb13c39a777e2ee4d08e3e40f21e5152f31f0e5395c8a55f1f5fd0ad0a32","at":1793923206000,"tick":6000,"kind":"alert","incident":15,"rule":"roster","severity":"high","provider":"other-one","agent":"xUqGoJXme4sVgeBNye5ruw","level":"agent","observed":45066,"expected":45000,"since":1793923206000,"first":14,"last":14,"measures":["freeze","close_off_roster"]}');
INSERT INTO entries VALUES(16, '{"seq":16,"prev":"65e88d67de80bc65ec484a7deb57e50f0ae0126086f3163e4da3d782a43b83f2","at":1793923207000,"tick":7000,"kind":"act","deed":"suspend","role":"admin","id":"admin-1","certificate":"8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918","provider":"other-two","reason":"until we know","nonce":"AwMDAwMDAwMDAwMDAwMDAw","expires":1793926800000,"signatures":[{"admin":"admin-1","key":"Zr5+Myx6RTMyvZ0Kf32wVfXF7xoGraZtmLOftoEMRzo=","signature":"AJPz9r0FtWQPVAa8IR4UyAFXWZVwdZIoIV+XIYYHanj7u3BS5YK82rUrYZ+0Oex/WWyvD09FOQSF5URh+4c9CQ=="}]}');
INSERT INTO entries VALUES(17, '{"seq":17,"prev":"3e17283b4670c9067baf052a9d77400fc919dc32aeb4a6a477c263ef46095f71","at":1793923208000,"tick":8000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":110,"digest":"0167356f8f55b918f1c6853d4d6b66e3dfdc3315e303d85eed57e99c73b142ea","added":100,"removed":0}');
INSERT INTO entries VALUES(18, '{"seq":18,"prev":"69da45777ad51dd81df909335f31dbc7d7448ea09fff6cada34293c80bd0d794","at":1793923208000,"tick":8000,"kind":"warning","matter":"roster","provider":"alpha-langues","dataset":"cir","observed":100,"expected":20}');
INSERT INTO entries VALUES(19, '{"seq":19,"prev":"dce21ee545ca527e8125d87dbf8b507ab58287ee4bf8fd1e72d65a708b7c62a0","at":1793923209000,"tick":9000,"kind":"refusals","since":1793923200005,"certificates":[{"certificate":"83c874d33e8bff73caaa762c79cd1ed101d727c7f20fe4972c67e67978292f23","provider":"alpha-langues","counts":[{"reason":"PURPOSE_NOT_ALLOWED","count":2},{"reason":"RATE_LIMITED","count":31}]}],"others":[{"reason":"HANDSHAKE","count":4}]}');
INSERT INTO entries VALUES(20, '{"seq":20,"prev":"5cb5e7448adaa704281775509981574dfda1635cd220ff584957f81b9a646911","at":1793923210000,"tick":10000,"kind":"access","role":"auditor","id":"cnil","certificate":"c5a62ce3fa7f6d86af0009389ccd815277691ea64da0c5c98e302bb13dd59248","what":"receipt","entry":9}');
INSERT INTO checkpoints VALUES(8, 'registry.example/reads
8
YJ5+Z/Hfct9lCAMijad0k66kS+YsAyC1XVT4RxplDIE=

— registry.example/reads 12/HcuZNNFavntHciT8J9AwP9QuGJvpgBNtcxMYrwZTyZYfK5SIHORMR3W3nG8U+VsAl6AMuKXMTzl1n7WuEKFAXYQM=
');
INSERT INTO checkpoints VALUES(9, 'registry.example/reads
9
8X8wvtzyYzxmEa0/+6zvdf0yhm25zVpj36cqWG9MvY4=

— registry.example/reads 12/Hchn6UZlLcupX3GI0Uor4eHQT8ZxPPRyvJOUQxmYfldVeWeqeSX7n0bpcqX+dpD5F+1TMYxJcBnx9G4aKbtxM6Qo=
');
INSERT INTO checkpoints VALUES(10, 'registry.example/reads
10
LNc8fkVq2ejijPQ/5KyZ2dLpvD+ag6jZnQScJNxJLyI=

— registry.example/reads 12/Hcr5mRQN+DinDl5vQJhB0Pc7WwFBp8V0R702gawfa++jwhZAFdAVrePPFpbZwZ7LFFaWABoDLANHX2bWisgWhIAk=
');
INSERT INTO checkpoints VALUES(12, 'registry.example/reads
12
25DOj63OL/ss2hY/aBdROaiJ/o+vfCo6lkE+GQPo0kM=

— registry.example/reads 12/Hcpty0BL3fbvx3HGIObWXSFQ9z6YY9k8LC0lJCTDgN24HQ28yuwc1CvcpLJ56RWEE4e6Bv0emLBP/0V3ix/LaLAo=
');
INSERT INTO checkpoints VALUES(13, 'registry.example/reads
13
8vyIspKIlWtuYIG3iZsS1iJHIdf7x0vrObJbAuGBnjw=

— registry.example/reads 12/HcjUMhZxs4sc/F3aWkU/IL1JsBWnkm7cPUU+OuzT+5PhF9QDpLvhsZwk0jR+viKmH4WhC23OvXSHzsZl3A1Bbcw0=
');
INSERT INTO checkpoints VALUES(14, 'registry.example/reads
14
CcUQnX80CiH/rfjudXMvbCIVIzYioCAyarcj7URY0cE=

— registry.example/reads 12/Hcios0VjQ2sHtZdWzBSDbc1TFl8esmfl8I2Q5SpZlQlnX90Y/0zRd7vTNMxJ0oW3fAspDcQ8Tv6iZxPh2uvRteQ0=
');
INSERT INTO checkpoints VALUES(16, 'registry.example/reads
16
NZ9fPcXaDROxc+xrSiyfIzmjCGtO/kWxZMM6nVvJq1I=

— registry.example/reads 12/HctfMfOBmK/UBLXcdbmMEPeZ8ytjCCwihugyBZjjWvKUqNRJVR7p4nqG11li6D7jS+U6GYxCK9/vR8RfMzIsmZwc=
');
INSERT INTO checkpoints VALUES(17, 'registry.example/reads
17
PMGHLus7LbfHaphcrre2pnQpWShutk+Vch4TprIB660=

— registry.example/reads 12/HcqxHMyqCFJRwpFmW0ZIhTSm29djTf2Ni9RL1dtJxMnLIwY+V51LYAjZZHokCqZEDJ04mvNBbnPNn5U4ehxfLyg0=
');
INSERT INTO checkpoints VALUES(19, 'registry.example/reads
19
PoJdEGzdZmFx8qqvorgl2KXq+GLRB+c505AhDvsOwcg=

— registry.example/reads 12/HcqaeeOrUf7pSZjpTEhzX+/JRcld0YGLSD6RWyobNp5uI2EgdXiYJ/aoKPNXrusqX4jFJEFjvKSGcdRcDQ71YnQ0=
');
INSERT INTO checkpoints VALUES(20, 'registry.example/reads
20
fUCRnXO4a9ij2Ki7qo1LES0XEByvmAWl58BsV90kBCw=

— registry.example/reads 12/HcuGwXRV3tVOvtCtIPUGns3J+E57z0ujrvek29FxLXe3gmBUbjeS+BFYWFJWBrbD0cFHz2CrSTBqkeXPQPMrq3wQ=
');
INSERT INTO checkpoints VALUES(21, 'registry.example/reads
21
W6e3xqqARCSee9WLedsZCxvjltZnHp+07l8apQH+SSU=

— registry.example/reads 12/Hcj65bx9fhwhLCbtjCdvPiALwPgvi/bg0l/jllbD4Oamjdat8037Py03EUS4J/Om+7s/RrjExeujJGXCS+J5moA8=
');
DROP TRIGGER entries_stay;
