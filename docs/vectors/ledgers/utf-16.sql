PRAGMA encoding = 'UTF-16le';
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
INSERT INTO entries VALUES(3, '{"seq":3,"prev":"e46699afed879c84e2b07217c4da9888b66bfdfdc0f3d8def66128d7e1e38883","at":1793923200000,"tick":0,"kind":"policy","section":{"detectors":{"roster":{"off":3219,"on":673,"withheld":673,"medium":40000,"high":45000},"strangers":{"allowance":300,"cap":2000,"withheld":300,"medium":11000,"high":11000,"flood":20000,"agents":840,"provider":40000},"probing":{"miss":1386,"find":1508,"medium":12474,"high":16632},"pace":{"list":3000,"cap":20000,"hour":13000,"days":15000},"creep":{"list":3000,"cap":20000,"allowance":1750,"medium":6200},"first_touch":{"never":747,"met":2398,"days":60,"high":45000},"signs":{"medium":2,"high":3}}}}');
INSERT INTO entries VALUES(4, '{"seq":4,"prev":"6cd9316d55f5b5a5fa627f849cc93754e148a723323ba05784db21f568ca8bcf","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"alpha-langues","budgets":{"agent_minute":4,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(5, '{"seq":5,"prev":"48fc64800a78ad61ca9ad637b08d4e999ea13bf22673919712449968a46db349","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-one","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(6, '{"seq":6,"prev":"91580edfeded5eb8f110215b4de2a258610a8c45e90fbefecfdf23fa6449263d","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-two","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(7, '{"seq":7,"prev":"ece5a319031ee923b4d718eab05e4824a6ac587cae85949d25d56a6347967b56","at":1793923200000,"tick":0,"kind":"policy","section":{"head":{"digest":"823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812","sections":4,"judge":6}}}');
INSERT INTO entries VALUES(8, '{"seq":8,"prev":"d0ea830de1c49c64186b331ddc60e53a64148b6df6801343785c6bb118546380","at":1793923201000,"tick":1000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":10,"digest":"8d85f8467240628a94819b26bee26e3a9b2804334c63482deacec8d64ab4e1e7"}');
INSERT INTO entries VALUES(9, '{"seq":9,"prev":"cfeaa19066ece3d8310999642506d489a1ba1b9824f7a2c9d1ab0a0091635a9b","at":1793923202000,"tick":2000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"rows":3,"on":["Di0A4ref0S0T-jV-UyDK_Q","NFBi0bZzCjvYRr7U9wYyJQ","juIKfi3QMlJoHAXsPOlXFA"],"facts":{"could":3,"could_never":3,"all":{"agent_day":3,"provider_day":3,"provider_30_days":3,"never":3}},"weight":3,"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(10, '{"seq":10,"prev":"7786c82f10699f15578a121686a85d6dc7e7d8efc02b6ee0fdcb66d88a2e13f1","at":1793923203000,"tick":3000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","replay_of":9,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"facts":{"could":3,"could_never":3},"weight":3,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1,"fits_at":1793923232000}}');
INSERT INTO entries VALUES(11, '{"seq":11,"prev":"70379ac3dac37fed4892cd866ca8ce09abee747f78326c5086bdfa7d5ac74a43","at":1793923203000,"tick":3000,"kind":"alert","incident":11,"rule":"agent_minute","severity":"info","provider":"alpha-langues","agent":"bc2p6ET3JC1WIbWOLjOYjw","level":"agent","observed":3,"expected":1,"since":1793923202000,"first":9,"last":10,"persons":3}');
INSERT INTO entries VALUES(12, '{"seq":12,"prev":"a7508753f5b408503d99e0320282a3ca2b3329815b50572ff160e11445870a3b","at":1793923204000,"tick":4000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"e2501c97f4569a0e468941097e91c9b7d53019e517ed37697c03caa303a8e481","agent":"73uWwBpvOjO2Xv5T6zkN3g","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"search","view":"BASIC","asked":1,"misses":1,"facts":{"could":1,"could_never":1},"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(13, '{"seq":13,"prev":"a9f4b3268d052882495dd7be9fdd18098cf9eb871dcad3e83a12f3a8905c984a","at":1793923205000,"tick":5000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":5,"facts":{"could":5,"could_never":5,"all":{"agent_day":5,"provider_day":5,"provider_30_days":5,"never":5}},"weight":5,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1}}');
INSERT INTO entries VALUES(14, '{"seq":14,"prev":"f00c1d112c8c5b2765219e7acbc7d8d86c9fb1568e67704d482f8e1ed8300a74","at":1793923206000,"tick":6000,"kind":"read","policy":7,"provider":"other-one","certificate":"bc6f397aaff60fa9556484a4a110b9306f1a4fbaefe4306d765493659ec0e938","agent":"xUqGoJXme4sVgeBNye5ruw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"yo1Qb6dc0mT7ToGYinSCaw","reason":"transfer","method":"list","view":"BASIC","asked":14,"facts":{"could":14,"could_off":14,"could_never":14,"all":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14},"off":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14}},"weight":14,"ruling":{"outcome":"withheld","rule":"contained"}}');
INSERT INTO entries VALUES(15, '{"seq":15,"prev":"f7a3d459c17383ca567deeaca00c3a72cf710428206810ba2cb37eeb8e471084","at":1793923206000,"tick":6000,"kind":"alert","incident":15,"rule":"roster","severity":"high","provider":"other-one","agent":"xUqGoJXme4sVgeBNye5ruw","level":"agent","observed":45066,"expected":45000,"since":1793923206000,"first":14,"last":14,"measures":["freeze","close_off_roster"]}');
INSERT INTO entries VALUES(16, '{"seq":16,"prev":"a32c8a8a29575da10892e545e3fc784da9a13e0b75e67896f1ce9b05e68e591e","at":1793923207000,"tick":7000,"kind":"act","deed":"suspend","role":"admin","id":"admin-1","certificate":"8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918","provider":"other-two","reason":"until we know","nonce":"AwMDAwMDAwMDAwMDAwMDAw","expires":1793926800000,"signatures":[{"admin":"admin-1","key":"Zr5+Myx6RTMyvZ0Kf32wVfXF7xoGraZtmLOftoEMRzo=","signature":"AJPz9r0FtWQPVAa8IR4UyAFXWZVwdZIoIV+XIYYHanj7u3BS5YK82rUrYZ+0Oex/WWyvD09FOQSF5URh+4c9CQ=="}]}');
INSERT INTO entries VALUES(17, '{"seq":17,"prev":"37af12e1a64c68255dd817dfe583f93e999012a28ca65db3a39f10536bf0714c","at":1793923208000,"tick":8000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":110,"digest":"0167356f8f55b918f1c6853d4d6b66e3dfdc3315e303d85eed57e99c73b142ea","added":100,"removed":0}');
INSERT INTO entries VALUES(18, '{"seq":18,"prev":"bad1a19c9ddf8a4c93c9f27d711d9af1ba90b17aecd91f80fa511f4c028625e3","at":1793923208000,"tick":8000,"kind":"warning","matter":"roster","provider":"alpha-langues","dataset":"cir","observed":100,"expected":20}');
INSERT INTO entries VALUES(19, '{"seq":19,"prev":"552aa0fdcbc5cddc6e6a085dd9104bda68267b0be5ff4734744b98c9027f8c60","at":1793923209000,"tick":9000,"kind":"refusals","since":1793923200005,"certificates":[{"certificate":"83c874d33e8bff73caaa762c79cd1ed101d727c7f20fe4972c67e67978292f23","provider":"alpha-langues","counts":[{"reason":"PURPOSE_NOT_ALLOWED","count":2},{"reason":"RATE_LIMITED","count":31}]}],"others":[{"reason":"HANDSHAKE","count":4}]}');
INSERT INTO entries VALUES(20, '{"seq":20,"prev":"77f6dc74a9a62d5ffa2068d7c7cfe7d6d7137fe354ecd9876ec60bc47a798620","at":1793923210000,"tick":10000,"kind":"access","role":"auditor","id":"cnil","certificate":"c5a62ce3fa7f6d86af0009389ccd815277691ea64da0c5c98e302bb13dd59248","what":"receipt","entry":9}');
INSERT INTO checkpoints VALUES(8, 'registry.example/reads
8
+We9jA78XcQTZ074K5ObmXUhZgwr5GtJwaL1bir7YtU=

— registry.example/reads 12/Hci0B2SaT8bYUXCKzFmDE3/ywAbeFV1v7Z3mkvuY6TccsFv8PQvNQdHF2d7OBOryVwFbNaNmENeyCtncbMFPPOQM=
');
INSERT INTO checkpoints VALUES(9, 'registry.example/reads
9
uSLJZqIgkWt0eCL93LNvmk7VJrYxfPijZxPwhjCkT+w=

— registry.example/reads 12/HcmFW8xEIH6GEdX3/8SFO+oi2HhlZt1yIvFwqhh+3v5MOvVGoCflOFUeV4hJqXQymX5JBptLyPM9a5I0Md7OFOwI=
');
INSERT INTO checkpoints VALUES(10, 'registry.example/reads
10
ZsNJoy36H9WNAxLvvZcPV/pM1zMcsm1Vf26vxsN1z0o=

— registry.example/reads 12/Hcg2KzB2OGZMoGq8sfjN2K8sxlmk6BubdFmpAbfy0vM3nILpeZI0rRpI9c3oX3CzAoeBH5ckGyEn05gwQpGmskwk=
');
INSERT INTO checkpoints VALUES(12, 'registry.example/reads
12
EKY2tyTZMcllfvZArMSHX5kfhzkFU+B+cd11Zr6s/7s=

— registry.example/reads 12/HcjL7Wf4FP9UT4/c0oZbw9x37ZibSayc+IggK/6GdXlTz7ZxblvkYbPWuzI/c9wQgM/l0cQiljmMy43klUV5V6AQ=
');
INSERT INTO checkpoints VALUES(13, 'registry.example/reads
13
8NK6D7EpEW6WVuSViQs2mq79nOAUfuz8mor/zkA7y8M=

— registry.example/reads 12/HcilhnVfPNeYUo9W+rSdiNI4gvXEEAf/+HAkKtvUw8+oeTMlgfvFOhVO9vSw9WVDvrkR3TjC5IXNmm0uVtl9wXwM=
');
INSERT INTO checkpoints VALUES(14, 'registry.example/reads
14
Hjjt1PfvtR5oPYFzfBOcR8ShEPjCHJeMoy6hru/Gp7Y=

— registry.example/reads 12/HcpZ9+zr9oqJgJUGBB+xdBEcAKRueuAXR+hYmINVaeuHX5R9KUe3ujaxClx1UAnZIDn8EpjZm2NiX18Kd5Mma3ws=
');
INSERT INTO checkpoints VALUES(16, 'registry.example/reads
16
wElw7Esox7kmUYWQZ3koOEFIAkZTdsXUDDJbZNa8Wes=

— registry.example/reads 12/HcqcMrBbGh0Rr7sWs8Opx2+2W7JRw/STxJQTutHeOnU+l+pxd5eW2nG4xZslrwAXk4QtEE32spu8e7unVCcyGywc=
');
INSERT INTO checkpoints VALUES(17, 'registry.example/reads
17
kr7zEUchgsVIxSJrVR53ItN42+GMp/vX8XOaXtdychw=

— registry.example/reads 12/Hcjqvie37JokB8MgaSE/GsO3mcqafWIiiayV78ucw9OHdK3mmmgMklyk497FK8HcDt+BdPfVRaELeEbfjcTZQ2w8=
');
INSERT INTO checkpoints VALUES(19, 'registry.example/reads
19
PfHQf/2yoZm5TzwzMHYEILlcPF0uWpr2wBRzdDxNyHE=

— registry.example/reads 12/Hcl/nZIBzq+YmsxqtRB0ICOhFJ+75tKavExNP9GxDW9FiRQChf0dZzvLFSDWevs84l9ThTHbzDz/FnasoQP3nngY=
');
INSERT INTO checkpoints VALUES(20, 'registry.example/reads
20
yHdIXRZwEi9KfOB6vPOiU6fes3e5If2ysFnF181RTfw=

— registry.example/reads 12/HcgqjnEYlDoxzZc271U5G5LD+s3EatJ6GrdUmSsrm+Vi9syRfEWK1Ap3Dlr7QSmV3+xDXTDjV+BO9GYmzchcf+wA=
');
INSERT INTO checkpoints VALUES(21, 'registry.example/reads
21
8M2XrGMcP5C2JH8J7xZ/v/lMk4bUOJevI3KpX1UC8RE=

— registry.example/reads 12/Hco3HFegHQRjmKSeAAUfASXdEGqAO3Ci3L+D5TW3bfhh41qTCgAYKWnEW2KhmOXFO/NJxaqHqC75YHwXXEpPcOgo=
');
