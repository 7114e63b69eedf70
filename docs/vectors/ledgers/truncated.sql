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
INSERT INTO entries VALUES(3, '{"seq":3,"prev":"e46699afed879c84e2b07217c4da9888b66bfdfdc0f3d8def66128d7e1e38883","at":1793923200000,"tick":0,"kind":"policy","section":{"detectors":{"roster":{"off":3219,"on":673,"withheld":673,"medium":40000,"high":45000},"strangers":{"allowance":300,"cap":3000,"withheld":300,"medium":12000,"high":12000,"flood":25000,"agents":840,"provider":60000},"probing":{"miss":1386,"find":754,"medium":12474,"high":16632},"pace":{"list":3000,"cap":20000,"hour":13000,"days":15000},"creep":{"list":3000,"cap":20000,"allowance":1750,"medium":6200},"signs":{"medium":2,"high":3}}}}');
INSERT INTO entries VALUES(4, '{"seq":4,"prev":"03df808e87fa555c23d7c8ba29a5bfa72f6f2790f18e6d29cb047289e6d49929","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"alpha-langues","budgets":{"agent_minute":4,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(5, '{"seq":5,"prev":"009304e859703ebd5fb33d7de34608499c210bfa20754ed483bcaf22c7ac0b9f","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-one","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(6, '{"seq":6,"prev":"a3676fbc1108f5d44cba406cb6fa0de42b7920cd4131f023d13927c9c2eec37b","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-two","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(7, '{"seq":7,"prev":"6159fdf0f8ff651f3b141b53ffdc05639682cab87542c8fd270a2b8b5e06142f","at":1793923200000,"tick":0,"kind":"policy","section":{"head":{"digest":"823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812","sections":4,"judge":5}}}');
INSERT INTO entries VALUES(8, '{"seq":8,"prev":"8ff703f81a2fd015837d16593b4d579bfca0499b38d9011d7bc8b97805eaf03c","at":1793923201000,"tick":1000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":10,"digest":"8d85f8467240628a94819b26bee26e3a9b2804334c63482deacec8d64ab4e1e7"}');
INSERT INTO entries VALUES(9, '{"seq":9,"prev":"6cf610f819de8aaa83a1b71aa7537965e7c21d9fd553211bdd7a9ca14cea2cf6","at":1793923202000,"tick":2000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"rows":3,"on":["Di0A4ref0S0T-jV-UyDK_Q","NFBi0bZzCjvYRr7U9wYyJQ","juIKfi3QMlJoHAXsPOlXFA"],"facts":{"could":3,"could_never":3,"all":{"agent_day":3,"provider_day":3,"provider_30_days":3,"never":3}},"weight":3,"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(10, '{"seq":10,"prev":"e6caf7ddf6dd2193dc3a294bb79d730493f202cb2bcfea8ea78f1bb560f70d20","at":1793923203000,"tick":3000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","replay_of":9,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"facts":{"could":3,"could_never":3},"weight":3,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1,"fits_at":1793923232000}}');
INSERT INTO entries VALUES(11, '{"seq":11,"prev":"fc10ab3eab92ef4de4e1e94ae3d06ce0023a0392670ae8d18de1b9c83b522487","at":1793923203000,"tick":3000,"kind":"alert","incident":11,"rule":"agent_minute","severity":"info","provider":"alpha-langues","agent":"bc2p6ET3JC1WIbWOLjOYjw","level":"agent","observed":3,"expected":1,"since":1793923202000,"first":9,"last":10,"persons":3}');
INSERT INTO entries VALUES(12, '{"seq":12,"prev":"f8f035edf0361602bf5e09aaedbba4cb0eff70fe2641d856d88bd87e9a61eee6","at":1793923204000,"tick":4000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"e2501c97f4569a0e468941097e91c9b7d53019e517ed37697c03caa303a8e481","agent":"73uWwBpvOjO2Xv5T6zkN3g","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"search","view":"BASIC","asked":1,"misses":1,"facts":{"could":1,"could_never":1},"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(13, '{"seq":13,"prev":"cb9c8776317343008de9eaca1246030ebd92a6597afac2dbe9ab86c73513d3e6","at":1793923205000,"tick":5000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":5,"facts":{"could":5,"could_never":5,"all":{"agent_day":5,"provider_day":5,"provider_30_days":5,"never":5}},"weight":5,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1}}');
INSERT INTO entries VALUES(14, '{"seq":14,"prev":"2885dfbc2a04021a8d41aed2f6673a88138fe698f80ebe735952b7e5ca62a59e","at":1793923206000,"tick":6000,"kind":"read","policy":7,"provider":"other-one","certificate":"bc6f397aaff60fa9556484a4a110b9306f1a4fbaefe4306d765493659ec0e938","agent":"xUqGoJXme4sVgeBNye5ruw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"yo1Qb6dc0mT7ToGYinSCaw","reason":"transfer","method":"list","view":"BASIC","asked":14,"facts":{"could":14,"could_off":14,"could_never":14,"all":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14},"off":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14}},"weight":14,"ruling":{"outcome":"withheld","rule":"contained"}}');
INSERT INTO entries VALUES(15, '{"seq":15,"prev":"d0e8aaa3ba5b45eb8a973cb27ea8b434ea50574c22d9f598bc640ac52601476b","at":1793923206000,"tick":6000,"kind":"alert","incident":15,"rule":"roster","severity":"high","provider":"other-one","agent":"xUqGoJXme4sVgeBNye5ruw","level":"agent","observed":45066,"expected":45000,"since":1793923206000,"first":14,"last":14,"measures":["freeze","close_off_roster"]}');
INSERT INTO entries VALUES(16, '{"seq":16,"prev":"b78a36fd632ef69f6b6f9e55d042264fd6756527f0ad26df9c37e192489cd38d","at":1793923207000,"tick":7000,"kind":"act","deed":"suspend","role":"admin","id":"admin-1","certificate":"8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918","provider":"other-two","reason":"until we know","nonce":"AwMDAwMDAwMDAwMDAwMDAw","expires":1793926800000,"signatures":[{"admin":"admin-1","key":"Zr5+Myx6RTMyvZ0Kf32wVfXF7xoGraZtmLOftoEMRzo=","signature":"AJPz9r0FtWQPVAa8IR4UyAFXWZVwdZIoIV+XIYYHanj7u3BS5YK82rUrYZ+0Oex/WWyvD09FOQSF5URh+4c9CQ=="}]}');
INSERT INTO entries VALUES(17, '{"seq":17,"prev":"3461551f913df1934f304f4a3acaed49431545d4c4561f0c25e784a8b99e1589","at":1793923208000,"tick":8000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":110,"digest":"0167356f8f55b918f1c6853d4d6b66e3dfdc3315e303d85eed57e99c73b142ea","added":100,"removed":0}');
INSERT INTO entries VALUES(18, '{"seq":18,"prev":"a244e4ad9e292c23d63842407b8c0ac068924afb71fd5e8188994f548aaf1bd0","at":1793923208000,"tick":8000,"kind":"warning","matter":"roster","provider":"alpha-langues","dataset":"cir","observed":100,"expected":20}');
INSERT INTO entries VALUES(19, '{"seq":19,"prev":"7c59be109fca03ac2c6db84af4b90cdb70ed9549b0ae535e9b10bfa3f44e85a6","at":1793923209000,"tick":9000,"kind":"refusals","since":1793923200005,"certificates":[{"certificate":"83c874d33e8bff73caaa762c79cd1ed101d727c7f20fe4972c67e67978292f23","provider":"alpha-langues","counts":[{"reason":"PURPOSE_NOT_ALLOWED","count":2},{"reason":"RATE_LIMITED","count":31}]}],"others":[{"reason":"HANDSHAKE","count":4}]}');
INSERT INTO checkpoints VALUES(8, 'registry.example/reads
8
H26L8Tocsn83hu650icUgyQAJ3eVXmoi2axQ2cBzo+w=

— registry.example/reads 12/HctEcfN4WLh0AxbJP31+uVN9ZUbyShTKNDUa/tU7jZJJRd+a8SWsStfdu02BRzJF9937++pAZPNuMx1BZnEe2gwQ=
');
INSERT INTO checkpoints VALUES(9, 'registry.example/reads
9
RtiAYoRULpfyrAfU8ZFILpaqfx64xuH96QBlfEV7FzI=

— registry.example/reads 12/HcvNz4YdGx0yTq5+OeCet/AwlRChJm9yucESTDZqKn6zS8AuD+gkQDp7hsVL4/YE/ytHm1/VzpwhaiyCV6OLkkgw=
');
INSERT INTO checkpoints VALUES(10, 'registry.example/reads
10
H5Yud9J8BBJOQ/2ZBgtMZ0fQ1t4tH5YK/RJThtMa2zY=

— registry.example/reads 12/HctnPZSOS/oDdSw7xVK3DpDK1l/253mBqZSuOoDrtvncUTdpzWBOchybUGlNp7+XyyVhRHqfLWwAYqjTikOAx1w4=
');
INSERT INTO checkpoints VALUES(12, 'registry.example/reads
12
kbGUnweInQXQygdycgVeCNzH1d6ZGE4fQe8jEklZUtw=

— registry.example/reads 12/HciwflTIhLorhe3sk9PVRe9vuqBJ6zmw19LsVs1XdUxpxNsblGZjuN+3H0HmgVyd26qnOwz3O2+GnenJ9VKmYxQQ=
');
INSERT INTO checkpoints VALUES(13, 'registry.example/reads
13
yKVxIqndqlDgnAYx/tqwHrJeU9KePiIdT1uVMFD5nqg=

— registry.example/reads 12/Hcl47ZCbD8DnOt9rlFMPYvzsrg1mksm2YS6yiw2C4XPYxR1S/1f0NH9BoV80rxnQrFmc4tv+/K3XQ/h9In4yXUw4=
');
INSERT INTO checkpoints VALUES(14, 'registry.example/reads
14
ohQZAnhCzwmHGp4Ls26+9xCoOcZabYQePisNpZsdiG8=

— registry.example/reads 12/HcjFTj3jCaAA1whHopUXfapL07QlGl4G1VA5/TfqldtKEDVmebIqn7wSdyJV73+z74Ejwg4XKn6cQtG1Afwf7UQQ=
');
INSERT INTO checkpoints VALUES(16, 'registry.example/reads
16
1O/ZtvCOxOeZ+m9mKLq/5iOhVXoPAQy9wIxIuwnAS6Q=

— registry.example/reads 12/HcvFyDKv67c/NPGSWlSS2UEJ9BSw+jautijCjErsxZd4Ls/83DxIngQRsYcuCLa/UK6b6rSwH2sU9Sj6F+lhABAM=
');
INSERT INTO checkpoints VALUES(17, 'registry.example/reads
17
LOVGrDplZUabUH9Zmlbh5Ru1kU9eYlGn2O6YAnlH8/Q=

— registry.example/reads 12/Hcl6yjI3ppzXnUeaLoQE5CNZHylnIWCuzMFyLoLlU5wBqKM+4WsxKaXVvJUPzeJILRvpUMKreK+krgPLN6MQhPQY=
');
INSERT INTO checkpoints VALUES(19, 'registry.example/reads
19
Bxz6U77Y9vGwsbekutBVdRmdo+9aJLNFrWxlK4/lqI4=

— registry.example/reads 12/HcrsdzOHyJ+4JlAF53umfnKmv8FSbEPRRTvzCrbyHEqIzaqknM//fsd6EYtxlgY1tBSY8IE+adaHx/J1tPs1MhAs=
');
INSERT INTO checkpoints VALUES(20, 'registry.example/reads
20
XPcm8KTNUqxkR2jP6lp1S4FPSQXWnZn/4uOl25yMyZk=

— registry.example/reads 12/Hcr/RWGxm5nUFrUdwIeNAIBP5xgmHflRC3K/K8RACfYd6NlebN0+9mEcSL57dtyT0WkUoN61WbxUQjGvK0UoxVgE=
');
INSERT INTO checkpoints VALUES(21, 'registry.example/reads
21
ZYY0DDm+TWnk9TneWOkPmou1Qb0/hPndU+Rq42czgZk=

— registry.example/reads 12/HcgfDEuSE6U0FnNfStKBj8thCXbYLs2egA+Yvm6lSOnRBZXYGOcIuyakDH4FR47E3hkgks58SFzusi2WkKpUfKgg=
');
