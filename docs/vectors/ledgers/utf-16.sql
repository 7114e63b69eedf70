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
INSERT INTO entries VALUES(3, '{"seq":3,"prev":"e46699afed879c84e2b07217c4da9888b66bfdfdc0f3d8def66128d7e1e38883","at":1793923200000,"tick":0,"kind":"policy","section":{"detectors":{"roster":{"off":3219,"on":673,"withheld":673,"medium":40000,"high":45000},"strangers":{"allowance":300,"cap":3000,"withheld":300,"medium":12000,"high":12000,"flood":20000,"agents":840,"provider":40000},"probing":{"miss":1386,"find":754,"medium":12474,"high":16632},"signs":{"medium":2,"high":3}}}}');
INSERT INTO entries VALUES(4, '{"seq":4,"prev":"19aaf004f7c5b1bf4b3799f2ed4f26d44e3c11502ee10deb8f889c61344c5231","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"alpha-langues","budgets":{"agent_minute":4,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(5, '{"seq":5,"prev":"42acbaf5e7e25c1bd7f9c4b89160ffa95896a8c3df91308df16eebf4e585215f","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-one","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(6, '{"seq":6,"prev":"e36096de6eb6252daac84cc55fd190ed7b7591112fb1d436735354672069e6c3","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-two","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(7, '{"seq":7,"prev":"d338aef897fd56a5481811cd38f1137c51d8c523075e765e7cdabdb1a459799c","at":1793923200000,"tick":0,"kind":"policy","section":{"head":{"digest":"823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812","sections":4,"judge":5}}}');
INSERT INTO entries VALUES(8, '{"seq":8,"prev":"d5c17b5ec7ef8e134c02e3b354591b80a8e040744f7b95e69efd6c8e074101d7","at":1793923201000,"tick":1000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":10,"digest":"8d85f8467240628a94819b26bee26e3a9b2804334c63482deacec8d64ab4e1e7"}');
INSERT INTO entries VALUES(9, '{"seq":9,"prev":"35ba73f8ba5b04810224980dc4f88ee451a50c5b1bc08897d8840edc75254c17","at":1793923202000,"tick":2000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"rows":3,"on":["Di0A4ref0S0T-jV-UyDK_Q","NFBi0bZzCjvYRr7U9wYyJQ","juIKfi3QMlJoHAXsPOlXFA"],"facts":{"could":3,"could_never":3,"all":{"agent_day":3,"provider_day":3,"provider_30_days":3,"never":3}},"weight":3,"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(10, '{"seq":10,"prev":"df4bff433c9b2e4e49ff235e2583fb566dc206f19c620a8e5f8666c4fb4832c5","at":1793923203000,"tick":3000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","replay_of":9,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"facts":{"could":3,"could_never":3},"weight":3,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1,"fits_at":1793923232000}}');
INSERT INTO entries VALUES(11, '{"seq":11,"prev":"77b4b7b9e3f78ad29b3a5ffc17bf52d37a811d01099801abe6b35f2570e3b29b","at":1793923203000,"tick":3000,"kind":"alert","incident":11,"rule":"agent_minute","severity":"info","provider":"alpha-langues","agent":"bc2p6ET3JC1WIbWOLjOYjw","level":"agent","observed":3,"expected":1,"since":1793923202000,"first":9,"last":10,"persons":3}');
INSERT INTO entries VALUES(12, '{"seq":12,"prev":"e0ef4265614c605e898a77ea99c50f04a4f91d42ae30af6e5c01277b454eda04","at":1793923204000,"tick":4000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"e2501c97f4569a0e468941097e91c9b7d53019e517ed37697c03caa303a8e481","agent":"73uWwBpvOjO2Xv5T6zkN3g","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"search","view":"BASIC","asked":1,"misses":1,"facts":{"could":1,"could_never":1},"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(13, '{"seq":13,"prev":"2db9dd1b930beb48dfba30d49df8ecc69420998c952f9acda22ebb7691eac88c","at":1793923205000,"tick":5000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":5,"facts":{"could":5,"could_never":5,"all":{"agent_day":5,"provider_day":5,"provider_30_days":5,"never":5}},"weight":5,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1}}');
INSERT INTO entries VALUES(14, '{"seq":14,"prev":"78155f4b2214c3ee2056f02fe1851912216d315910f77eecbd5a60171be792e6","at":1793923206000,"tick":6000,"kind":"read","policy":7,"provider":"other-one","certificate":"bc6f397aaff60fa9556484a4a110b9306f1a4fbaefe4306d765493659ec0e938","agent":"xUqGoJXme4sVgeBNye5ruw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"yo1Qb6dc0mT7ToGYinSCaw","reason":"transfer","method":"list","view":"BASIC","asked":14,"facts":{"could":14,"could_off":14,"could_never":14,"all":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14},"off":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14}},"weight":14,"ruling":{"outcome":"withheld","rule":"contained"}}');
INSERT INTO entries VALUES(15, '{"seq":15,"prev":"d88f62af4169e6bdf87c7e653ab8f347513575f732662823e13bb2c39cf5b434","at":1793923206000,"tick":6000,"kind":"alert","incident":15,"rule":"roster","severity":"high","provider":"other-one","agent":"xUqGoJXme4sVgeBNye5ruw","level":"agent","observed":45066,"expected":45000,"since":1793923206000,"first":14,"last":14,"measures":["freeze","close_off_roster"]}');
INSERT INTO entries VALUES(16, '{"seq":16,"prev":"0c851fdcd3c59bde6ed07c6276c7d3b0276f979b51126d3d6c128a52c40a6282","at":1793923207000,"tick":7000,"kind":"act","deed":"suspend","role":"admin","id":"admin-1","certificate":"8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918","provider":"other-two","reason":"until we know","nonce":"AwMDAwMDAwMDAwMDAwMDAw","expires":1793926800000,"signatures":[{"admin":"admin-1","key":"Zr5+Myx6RTMyvZ0Kf32wVfXF7xoGraZtmLOftoEMRzo=","signature":"AJPz9r0FtWQPVAa8IR4UyAFXWZVwdZIoIV+XIYYHanj7u3BS5YK82rUrYZ+0Oex/WWyvD09FOQSF5URh+4c9CQ=="}]}');
INSERT INTO entries VALUES(17, '{"seq":17,"prev":"76c542848b66340e811bc1071d95faabc33c8300d3f08280131b3e120d780f2d","at":1793923208000,"tick":8000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":110,"digest":"0167356f8f55b918f1c6853d4d6b66e3dfdc3315e303d85eed57e99c73b142ea","added":100,"removed":0}');
INSERT INTO entries VALUES(18, '{"seq":18,"prev":"eee4bc6e9155facbb7f086985a100f4e551269799949e5b2965faa3f35bfc817","at":1793923208000,"tick":8000,"kind":"warning","matter":"roster","provider":"alpha-langues","dataset":"cir","observed":100,"expected":20}');
INSERT INTO entries VALUES(19, '{"seq":19,"prev":"5158d0cb5e73df8559db961183afad44e1cd8ced9f5e895a1414ab788fa5ea44","at":1793923209000,"tick":9000,"kind":"refusals","since":1793923200005,"certificates":[{"certificate":"83c874d33e8bff73caaa762c79cd1ed101d727c7f20fe4972c67e67978292f23","provider":"alpha-langues","counts":[{"reason":"PURPOSE_NOT_ALLOWED","count":2},{"reason":"RATE_LIMITED","count":31}]}],"others":[{"reason":"HANDSHAKE","count":4}]}');
INSERT INTO entries VALUES(20, '{"seq":20,"prev":"5474f09e2f762d2d183a7f555eb1867b8ec1c3c144d928ba5bc874a9ccbbf90d","at":1793923210000,"tick":10000,"kind":"access","role":"auditor","id":"cnil","certificate":"c5a62ce3fa7f6d86af0009389ccd815277691ea64da0c5c98e302bb13dd59248","what":"receipt","entry":9}');
INSERT INTO checkpoints VALUES(8, 'registry.example/reads
8
4p5i1nmfuhHDZLtCo5jmiaEA0PRg/12wWTVG14LbY8s=

— registry.example/reads 12/HctzqYEqUZwPZ2z90EnNd04qb9Cky0L95cGe+VWmc5qjvBGEoq47rhk0NfVCrpvVM2joYcrXl4HBQoNPgL/YHCQM=
');
INSERT INTO checkpoints VALUES(9, 'registry.example/reads
9
czp611M0P3IbChoGGBH0V1BBvc/m/4RMK233GRIRuu0=

— registry.example/reads 12/HclAQtYuk8NoKYdUU9GTbAlT9fDePjrwKT+lvqshj165TwnYsh6x1rklQSLnPxJg486PyW2sBuXpxW58zRDbX/A8=
');
INSERT INTO checkpoints VALUES(10, 'registry.example/reads
10
IJHseXI077hM38kUuYuDkETbRhURlvAtiNoeJpXbPM4=

— registry.example/reads 12/HcnFLVPOePvuA15zXvqYp/bGUup2Cl+pDWyd6mZ+4uZyYpM0ITudYZQejNGJL2v6CPdi057MHl1ibWK2iKM0SCw8=
');
INSERT INTO checkpoints VALUES(12, 'registry.example/reads
12
h6EP9MeIAw5TpqIf1eMWt7Vbs8VRt1kHl0hBmKpqPSI=

— registry.example/reads 12/HcviE97ocLjgiEzNQs6qJEIU+bHDzPDxfhXUCDjRjpyWnngnpatws87wj+vYgxS0rrfCs+0egdD6MOpnVddjEsgk=
');
INSERT INTO checkpoints VALUES(13, 'registry.example/reads
13
71ga62wFpAZmc5oryqB99QvI2wK0+6oFgLLcx3dwUUI=

— registry.example/reads 12/Hco0KZxfYghw9SRhONKl3Mk0NlNwn78J79ZKuB/MwpveGkcHID8vzZqZIS1emo97fOSetTFO4VdafqP6DD5dIBw0=
');
INSERT INTO checkpoints VALUES(14, 'registry.example/reads
14
uQphuwIE9G/M1Zwact4qAN5dxQikWXvNmJTErBhuPOM=

— registry.example/reads 12/HcmEYbvqzZi+xHmTmXKlvhTqIK8NVbRmc6zfFGJ4T/x/Cx+py3d5F6bzI3tHnGMRLMK+p3TFrFlvz0a/hZ1BRUgc=
');
INSERT INTO checkpoints VALUES(16, 'registry.example/reads
16
vrtXv83isXg3qZQezuO5Z0CFqowqQc1Ud5e9aV0nNeQ=

— registry.example/reads 12/HcveqWKDxL+TE0gb581ePFpkjN8I7Y2X9e4puEDKIghUdEurpRa0NbpP+1PlIgPPnJnNGXux6cgkAkwZECqarTAs=
');
INSERT INTO checkpoints VALUES(17, 'registry.example/reads
17
hP0dgi9GO+0zg8WK4rChnWI9AIU2xcnO4m1ZfqSqQsM=

— registry.example/reads 12/HcrISzBtEzPovd0voYyqf+5Gidh2o0NFIPVqmxdz5EuKrKw/l5LKPPoY2IDQx6tnoZmkdvqU3cyidRVI8UfkCuQg=
');
INSERT INTO checkpoints VALUES(19, 'registry.example/reads
19
44sTVpNMA8i4CIy/RpWNvJVERa9sQ6LvPBg1xLtvQRg=

— registry.example/reads 12/Hclm5FzLfgBsv63ctsLZuVTAo3wcwSdljiNuXKoiK5clFtNE0Ws9m8jDNiOf74w0uwrSHShgCFHBViaLf24eMaQU=
');
INSERT INTO checkpoints VALUES(20, 'registry.example/reads
20
goZHw7pLPu6C4utgYBpG7JPyUXyw05U+F4p/geq3v3E=

— registry.example/reads 12/HcjpSTV1d5ko98JrxxSDPJ+LgUTPkU2IIPd/LwqcsGkDOMeucR/aRwWsB9vMcb7YckPwjKMymPLR5qhpKJK7QdAA=
');
INSERT INTO checkpoints VALUES(21, 'registry.example/reads
21
U513EUapLv+Xqe9Isnk6F8OhtcS9f7xP3U+8zRgcPh4=

— registry.example/reads 12/HckahThTYBLnFjm5BkUftZ7TS1daotVshVvMP9iZFa9E7TKd1mACfDbaMWqY0NqQJcX4/CoAkhUOMF/yQ7qaorA4=
');
