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
INSERT INTO entries VALUES(3, '{"seq":3,"prev":"e46699afed879c84e2b07217c4da9888b66bfdfdc0f3d8def66128d7e1e38883","at":1793923200000,"tick":0,"kind":"policy","section":{"detectors":{"roster":{"off":3219,"on":673,"withheld":673,"medium":40000,"high":45000},"strangers":{"allowance":300,"cap":3000,"withheld":300,"medium":12000,"high":12000,"flood":25000,"agents":840,"provider":60000},"probing":{"miss":1386,"find":754,"medium":12474,"high":16632},"signs":{"medium":2,"high":3}}}}');
INSERT INTO entries VALUES(4, '{"seq":4,"prev":"af07f6366e1b9c81fafb06bab608b0a1be92b66e5e29faf979d27b0b2097fdad","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"alpha-langues","budgets":{"agent_minute":4,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(5, '{"seq":5,"prev":"d17b7e2c58b03aa48c785ffb96a81296de5cdad00e236e9686c25e191eca8949","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-one","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(6, '{"seq":6,"prev":"d30c921c64703697347336a56e4bcc3be4324207de474516d196afa2106c77c0","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-two","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(7, '{"seq":7,"prev":"45121f3cdcf13b224f9c6aae9b7e317ff66b4133d49d6abf76e0001f8b763c75","at":1793923200000,"tick":0,"kind":"policy","section":{"head":{"digest":"823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812","sections":4,"judge":4}}}');
INSERT INTO entries VALUES(8, '{"seq":8,"prev":"286f1bdbbc8bcfb3a3b7cba2391b784991f5d322ea31c045f58df169ff0312a9","at":1793923201000,"tick":1000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":10,"digest":"8d85f8467240628a94819b26bee26e3a9b2804334c63482deacec8d64ab4e1e7"}');
INSERT INTO entries VALUES(9, '{"seq":9,"prev":"dc73dcad9a8f275020e361a456a2c02b72e55603a01520dd2e1497387f4201ff","at":1793923202000,"tick":2000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"rows":3,"on":["Di0A4ref0S0T-jV-UyDK_Q","NFBi0bZzCjvYRr7U9wYyJQ","juIKfi3QMlJoHAXsPOlXFA"],"facts":{"could":3,"could_never":3,"all":{"agent_day":3,"provider_day":3,"provider_30_days":3,"never":3}},"weight":3,"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(10, '{"seq":10,"prev":"5c9d0eed0f2069eabe0db190fa26f98ef87917cd22de8b40432f91acbedb838f","at":1793923203000,"tick":3000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","replay_of":9,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"facts":{"could":3,"could_never":3},"weight":3,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1,"fits_at":1793923232000}}');
INSERT INTO entries VALUES(11, '{"seq":11,"prev":"0c2a1da1dc91af41d3de121beeb47fe0682f7cfdb0e7a4f3eab7c7050f1ffb34","at":1793923203000,"tick":3000,"kind":"alert","incident":11,"rule":"agent_minute","severity":"info","provider":"alpha-langues","agent":"bc2p6ET3JC1WIbWOLjOYjw","level":"agent","observed":3,"expected":1,"since":1793923202000,"first":9,"last":10,"persons":3}');
INSERT INTO entries VALUES(12, '{"seq":12,"prev":"165bf53dd9b16b424f8ea31cdf7ba33a22700127a428609c1732255f6e243718","at":1793923204000,"tick":4000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"e2501c97f4569a0e468941097e91c9b7d53019e517ed37697c03caa303a8e481","agent":"73uWwBpvOjO2Xv5T6zkN3g","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"search","view":"BASIC","asked":1,"misses":1,"facts":{"could":1,"could_never":1},"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(13, '{"seq":13,"prev":"a889cbe09ecdadeb5d5970c32af704cdc9f32b01dc9a00ad92f2e9bdd82cabb3","at":1793923205000,"tick":5000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":5,"facts":{"could":5,"could_never":5,"all":{"agent_day":5,"provider_day":5,"provider_30_days":5,"never":5}},"weight":5,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1}}');
INSERT INTO entries VALUES(14, '{"seq":14,"prev":"606a859bdbd5a16584acc39d1740ca3932e1b26d90318fa175bab885b8884acf","at":1793923206000,"tick":6000,"kind":"read","policy":7,"provider":"other-one","certificate":"bc6f397aaff60fa9556484a4a110b9306f1a4fbaefe4306d765493659ec0e938","agent":"xUqGoJXme4sVgeBNye5ruw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"yo1Qb6dc0mT7ToGYinSCaw","reason":"transfer","method":"list","view":"BASIC","asked":14,"facts":{"could":14,"could_off":14,"could_never":14,"all":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14},"off":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14}},"weight":14,"ruling":{"outcome":"withheld","rule":"contained"}}');
INSERT INTO entries VALUES(15, '{"seq":15,"prev":"1b755361ff341459952d512e7fb0ba8ff9d30daf85290e23f7f2d2d164917c1d","at":1793923206000,"tick":6000,"kind":"alert","incident":15,"rule":"roster","severity":"high","provider":"other-one","agent":"xUqGoJXme4sVgeBNye5ruw","level":"agent","observed":45066,"expected":45000,"since":1793923206000,"first":14,"last":14,"measures":["freeze","close_off_roster"]}');
INSERT INTO entries VALUES(16, '{"seq":16,"prev":"999759f7ee8bfe9a01991d31a6c82f4215660f05ed13d8db2fdbaf72fe1a26bc","at":1793923207000,"tick":7000,"kind":"act","deed":"suspend","role":"admin","id":"admin-1","certificate":"8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918","provider":"other-two","reason":"until we know","nonce":"AwMDAwMDAwMDAwMDAwMDAw","expires":1793926800000,"signatures":[{"admin":"admin-1","key":"Zr5+Myx6RTMyvZ0Kf32wVfXF7xoGraZtmLOftoEMRzo=","signature":"AJPz9r0FtWQPVAa8IR4UyAFXWZVwdZIoIV+XIYYHanj7u3BS5YK82rUrYZ+0Oex/WWyvD09FOQSF5URh+4c9CQ=="}]}');
INSERT INTO entries VALUES(17, '{"seq":17,"prev":"c93e4311aa050d2025023844a8171f92f0e389aee58f0c6cfa614684163925c5","at":1793923208000,"tick":8000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":110,"digest":"0167356f8f55b918f1c6853d4d6b66e3dfdc3315e303d85eed57e99c73b142ea","added":100,"removed":0}');
INSERT INTO entries VALUES(18, '{"seq":18,"prev":"a91caac0b9a4cf2547f50f05b851742c8e625948a33a6a7f6b20006a0e0f0f1d","at":1793923208000,"tick":8000,"kind":"warning","matter":"roster","provider":"alpha-langues","dataset":"cir","observed":100,"expected":20}');
INSERT INTO entries VALUES(19, '{"seq":19,"prev":"c36c946d39c669fe3d4c91934264bbb4c1a62e862b7c510d1752c961c405fc19","at":1793923209000,"tick":9000,"kind":"refusals","since":1793923200005,"certificates":[{"certificate":"83c874d33e8bff73caaa762c79cd1ed101d727c7f20fe4972c67e67978292f23","provider":"alpha-langues","counts":[{"reason":"PURPOSE_NOT_ALLOWED","count":2},{"reason":"RATE_LIMITED","count":31}]}],"others":[{"reason":"HANDSHAKE","count":4}]}');
INSERT INTO entries VALUES(20, '{"seq":20,"prev":"87587f5624502c62e117f812be1a196a0f51ebea5d5a8c560bfce70a91610623","at":1793923210000,"tick":10000,"kind":"access","role":"auditor","id":"cnil","certificate":"c5a62ce3fa7f6d86af0009389ccd815277691ea64da0c5c98e302bb13dd59248","what":"receipt","entry":9}');
INSERT INTO checkpoints VALUES(8, 'registry.example/reads
8
wNRLzqCltmDeJ04UDYDxZWcPhpLfCs4JkMhX5AxJoQY=

— registry.example/reads 12/Hcid6wcqHm7PlTRmDk7QASD4hutsBxqQLzDsoDNXtnvkhIglmgNX7IVJfF3SuQ+ctRddRxTRfPIB3kMDwrWh7Lws=
');
INSERT INTO checkpoints VALUES(9, 'registry.example/reads
9
V948sPltHd2fHUQ1+6ktbLfpeDDnW0R/p/DW0PYm5Uc=

— registry.example/reads 12/HcqjtSjzckqd/PSMM501bP1t2UGOZgNcQc92vxWY4VtLSG21wuIQSZpdHDxRngbuiz8DAeI97gFHolr1S1rYE5wQ=
');
INSERT INTO checkpoints VALUES(10, 'registry.example/reads
10
SuFt/OUeJa+sxn268hu2l+SCOPb60dyoia6jrjoB8+U=

— registry.example/reads 12/Hcj/CL0tMs08MzdtGGpOBAlCoz8O6EOhZ97klBiaMk2pfBKsHcs0jQMzCQCwVW+WbWbbiif22cnWZtCcshQxRogQ=
');
INSERT INTO checkpoints VALUES(12, 'registry.example/reads
12
2bpNZgv9mY65xoQWkqXv5i5IpUA2HH/uixbPJmIDL9Y=

— registry.example/reads 12/Hcgm+9clI1TknIhHHAPsCX616Xgoj8+cSfZIcJGvgqKkfjyj/R+bSjnHmWKoxXKYIyQ+r/Oz5T6cbvXmKOtfhVwA=
');
INSERT INTO checkpoints VALUES(13, 'registry.example/reads
13
bJWD+n4+JtiBbx9+X8tuufBHg3qiy3+Xvx5BxrLy50E=

— registry.example/reads 12/HcgTKBJkHlLTajFsow+unE3yYid9kpjP7YlCSylECdaPGURua7Wo9R2ZWXahssLlWuR9UKCNpXAT1LmyfyfRRkgE=
');
INSERT INTO checkpoints VALUES(14, 'registry.example/reads
14
v1E2fNIhSC2lgubpUeMDH/2OjSLy8n5U7DbDBq7dT90=

— registry.example/reads 12/HcrAJKqZrCvUVqi69Ro/gVvV3tlEmge/6mzTrs8u/cNSFimbvejigaJTnJy2RUWPKZ6q14fOhMbmlE4zeCHsonQo=
');
INSERT INTO checkpoints VALUES(16, 'registry.example/reads
16
2II9lmz/CTUW/c8lAS5b43GsDPvsBuPIHRSRGVU/sSE=

— registry.example/reads 12/HcvaJDogDn2BbB7jUgwdUbwF38tq0sJofR6cKxT6a9LjTDVS4vRw5v8jRUgEPaau/n80reZDp+0KI/8vNly2VtQI=
');
INSERT INTO checkpoints VALUES(17, 'registry.example/reads
17
B4Tnfz1nFGPgtieokUJIV2As/CdvJfeAWjIou7eDYLg=

— registry.example/reads 12/Hck6ZA5BOtZIEQeAj7yTc7ZMZNYumOAkPqr8DV3a2sionLeYoIQjotnnnXhGLH/bUxtqWg0/U9Bx3z71ywXE68gU=
');
INSERT INTO checkpoints VALUES(19, 'registry.example/reads
19
i3SWPBFesyOiXpPLxK7wlaMYs1fq0Kj7nZm9qOCxuzc=

— registry.example/reads 12/HckWlIlHGaxqr1Q78UAlhD5hTVSQofU42BQOHPvQ8yuqDCrRR9YaoGK0icpwN811m1sWvO4GhImW0K8qA1BHUbQs=
');
INSERT INTO checkpoints VALUES(20, 'registry.example/reads
20
tZ/1MluUrSNquIG9bxFmjabsdpXryWqayDXtJ0jcHKc=

— registry.example/reads 12/HcsirpC+OvlJ4yJmsE1YJXAANrRPeH/zRaLls37j6BP1aYPFEUlYJIUMTFXGZayTMQxAt3O8YxYpS8p7KMzSxagk=
');
INSERT INTO checkpoints VALUES(21, 'registry.example/reads
21
DvD/4I9d0kVeQ59pJ0O/a/R5c/JfWEW6VdC4GJc1VYU=

— registry.example/reads 12/HctVHKj/GdWp6JTRZ/76bNYmuDKR///J2VRUmhDsYoi75khrhg4iGajwdtS2Zu1GdYwuSA7IlEr37fLNfDsW3rwQ=
');
