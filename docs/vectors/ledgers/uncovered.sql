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
INSERT INTO entries VALUES(3, '{"seq":3,"prev":"e46699afed879c84e2b07217c4da9888b66bfdfdc0f3d8def66128d7e1e38883","at":1793923200000,"tick":0,"kind":"policy","section":{"detectors":{"roster":{"off":3219,"on":673,"withheld":673,"medium":40000,"high":45000}}}}');
INSERT INTO entries VALUES(4, '{"seq":4,"prev":"6657dbc5e8055be2fb93d70c1f15e0f36a448e4542bf658da16fc3699f64284b","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"alpha-langues","budgets":{"agent_minute":4,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(5, '{"seq":5,"prev":"7448c064a40eec063382c6a77d23f84f4234f5b8908585dd7a0e28406e29dbae","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-one","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(6, '{"seq":6,"prev":"de8f7499ac175251d831b55ba7f2a4464dd10f7b198a3fd763bdbe455e358ad3","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-two","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(7, '{"seq":7,"prev":"af33cc222048a80be9e331dc7c8578984d5110f5f5eb9c9f920487ada6156923","at":1793923200000,"tick":0,"kind":"policy","section":{"head":{"digest":"823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812","sections":4,"judge":3}}}');
INSERT INTO entries VALUES(8, '{"seq":8,"prev":"245f46b62c4a716da418fc143396beaff52cd79770bbbf1c20f27ae0c74be919","at":1793923201000,"tick":1000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":10,"digest":"8d85f8467240628a94819b26bee26e3a9b2804334c63482deacec8d64ab4e1e7"}');
INSERT INTO entries VALUES(9, '{"seq":9,"prev":"680fce334e070c4ec8588040000b21a485fc622efa2c8515ef3c10b56d47cdba","at":1793923202000,"tick":2000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"rows":3,"on":["Di0A4ref0S0T-jV-UyDK_Q","NFBi0bZzCjvYRr7U9wYyJQ","juIKfi3QMlJoHAXsPOlXFA"],"facts":{"could":3,"all":{"agent_day":3,"provider_day":3,"provider_30_days":3,"never":3}},"weight":3,"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(10, '{"seq":10,"prev":"bc86a843d7c9da66b4c44e3a7127c89b4e03ca1320554691113c2f57c37ff8de","at":1793923203000,"tick":3000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","replay_of":9,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"facts":{"could":3},"weight":3,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1,"fits_at":1793923232000}}');
INSERT INTO entries VALUES(11, '{"seq":11,"prev":"0bae98bcbbbb50a7a3613d07b804ef7c25c77a5da5bd669eea2aa9a1eac58e97","at":1793923203000,"tick":3000,"kind":"alert","incident":11,"rule":"agent_minute","severity":"info","provider":"alpha-langues","agent":"bc2p6ET3JC1WIbWOLjOYjw","level":"agent","observed":3,"expected":1,"since":1793923202000,"first":9,"last":10,"persons":3}');
INSERT INTO entries VALUES(12, '{"seq":12,"prev":"9b90c87f483f8286410469f706f9d1a1f8749e5a87917ef0dc67bfad294c6756","at":1793923204000,"tick":4000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"e2501c97f4569a0e468941097e91c9b7d53019e517ed37697c03caa303a8e481","agent":"73uWwBpvOjO2Xv5T6zkN3g","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"search","view":"BASIC","asked":1,"misses":1,"facts":{"could":1},"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(13, '{"seq":13,"prev":"a42a2c2b9ef202c6e02c73b430bdaa1dfa6cc44889ae95f764968a55e9bd1411","at":1793923205000,"tick":5000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":5,"facts":{"could":5,"all":{"agent_day":5,"provider_day":5,"provider_30_days":5,"never":5}},"weight":5,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1}}');
INSERT INTO entries VALUES(14, '{"seq":14,"prev":"8382a8dfc741704007cb0c5da41e775ef2a3b7ddd16436ccd0f21d182bdacc0a","at":1793923206000,"tick":6000,"kind":"read","policy":7,"provider":"other-one","certificate":"bc6f397aaff60fa9556484a4a110b9306f1a4fbaefe4306d765493659ec0e938","agent":"xUqGoJXme4sVgeBNye5ruw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"yo1Qb6dc0mT7ToGYinSCaw","reason":"transfer","method":"list","view":"BASIC","asked":14,"facts":{"could":14,"could_off":14,"all":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14},"off":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14}},"weight":14,"ruling":{"outcome":"withheld","rule":"contained"}}');
INSERT INTO entries VALUES(15, '{"seq":15,"prev":"a9d7467e6d01d8774a0f76f500f0659fc337b3dc36e2dd6c064b1213f27d64bd","at":1793923206000,"tick":6000,"kind":"alert","incident":15,"rule":"roster","severity":"high","provider":"other-one","agent":"xUqGoJXme4sVgeBNye5ruw","level":"agent","observed":45066,"expected":45000,"since":1793923206000,"first":14,"last":14,"measures":["freeze","close_off_roster"]}');
INSERT INTO entries VALUES(16, '{"seq":16,"prev":"63f5dbc172641c25736410c8487c35bc22a48ec5c6cf6309332706b985f476c1","at":1793923207000,"tick":7000,"kind":"act","deed":"suspend","role":"admin","id":"admin-1","certificate":"8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918","provider":"other-two","reason":"until we know","nonce":"AwMDAwMDAwMDAwMDAwMDAw","expires":1793926800000,"signatures":[{"admin":"admin-1","key":"Zr5+Myx6RTMyvZ0Kf32wVfXF7xoGraZtmLOftoEMRzo=","signature":"AJPz9r0FtWQPVAa8IR4UyAFXWZVwdZIoIV+XIYYHanj7u3BS5YK82rUrYZ+0Oex/WWyvD09FOQSF5URh+4c9CQ=="}]}');
INSERT INTO entries VALUES(17, '{"seq":17,"prev":"dd0b9d548b49a90763d28ef396876bf4bc3a5a8692a9f8354da0e9551e03a796","at":1793923208000,"tick":8000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":110,"digest":"0167356f8f55b918f1c6853d4d6b66e3dfdc3315e303d85eed57e99c73b142ea","added":100,"removed":0}');
INSERT INTO entries VALUES(18, '{"seq":18,"prev":"4ae9c5e4634e04eb8cc4ba7f93840d80d045bad34bd5f9eee99d2b33fa2a6c5c","at":1793923208000,"tick":8000,"kind":"warning","matter":"roster","provider":"alpha-langues","dataset":"cir","observed":100,"expected":20}');
INSERT INTO entries VALUES(19, '{"seq":19,"prev":"727e17fef23cd0750ea098f177f24f162558364c1fd55a33a9651e698bc2396b","at":1793923209000,"tick":9000,"kind":"refusals","since":1793923200005,"certificates":[{"certificate":"83c874d33e8bff73caaa762c79cd1ed101d727c7f20fe4972c67e67978292f23","provider":"alpha-langues","counts":[{"reason":"PURPOSE_NOT_ALLOWED","count":2},{"reason":"RATE_LIMITED","count":31}]}],"others":[{"reason":"HANDSHAKE","count":4}]}');
INSERT INTO entries VALUES(20, '{"seq":20,"prev":"c7881ac5e6a960ce372ab73066b49f2101ed1277f71531931de180577f82ac7c","at":1793923210000,"tick":10000,"kind":"access","role":"auditor","id":"cnil","certificate":"c5a62ce3fa7f6d86af0009389ccd815277691ea64da0c5c98e302bb13dd59248","what":"receipt","entry":9}');
INSERT INTO checkpoints VALUES(8, 'registry.example/reads
8
pRvSUwiVFwZC+/8wJI1U4OM0o6m4j5Oa8Z8QuXsVgMM=

— registry.example/reads 12/HcngaM7xQYCAu5Q79O3ylPNrIQX7X0qojkuvKd/vsivQFmIhoBk5cKiaq7IcbRuwEyeYtYs2yF7/fdygmlBGK0wU=
');
INSERT INTO checkpoints VALUES(9, 'registry.example/reads
9
Zf7ikC7oRb2lymgh/M827SkDhLzY8rYXEsFimLiRwNs=

— registry.example/reads 12/Hcrzlx+h45drHYeCYYMeiJMXpzZ48ozmNzdbM8dNbdLmpr6k3GMovK/m3TXqlAndKXit66xFbfflHCzODc6507A0=
');
INSERT INTO checkpoints VALUES(10, 'registry.example/reads
10
a7dbz0n4et6+n1uEy+lu3CJmz/aAcyr46xD2mB7s52s=

— registry.example/reads 12/HcmZiXt385AXuQutYGAoQwHdOhgKpHlFgzLw7idvE4rWg3rK2Ky4CNZR/oX/7J81Eug4yuIdAl/fhflftRciBQQ8=
');
INSERT INTO checkpoints VALUES(12, 'registry.example/reads
12
hjNIr7wGFv+zDzfLMKd19z/lo2FT1wowbaduZepUXvk=

— registry.example/reads 12/HcrOkLMS2j7xZOcFgtxt9ysH1LY5bVYV9VH9C4UhIQIc+tdzNWzwHKaDqInlUOdv3RCMAtlOx8vB6eGNz6bkIWAA=
');
INSERT INTO checkpoints VALUES(13, 'registry.example/reads
13
6aMXofXv9VC0o6QBpDua0nv/CzXfjhV3q97QBWp3Re0=

— registry.example/reads 12/HcuIjybWa+3/jqT71mQk0CaU7u38sFIWYk2SyPnjglrqGbKSdbjsCO9w9UEeajr19UB29Qw1d6JVukNyYzBA/Xg8=
');
INSERT INTO checkpoints VALUES(14, 'registry.example/reads
14
oK61qVwHlk0T7iuoELs5IT/FNaUTzvQsrXBwKgeTE/k=

— registry.example/reads 12/HchGUZYk/1R18BbqDxgcJKH6hjJOCMNGK2Tqh5gxzUV6dwEgcmo/oml9EGmP/9kAwT8Wf2q8YFD1oBYb6gSI6bQg=
');
INSERT INTO checkpoints VALUES(16, 'registry.example/reads
16
TGYwDZ/9wL5taw3v9sMMj7MEfzLjsQ9W/p5cKIpmRd4=

— registry.example/reads 12/HcjcFMT8+q4HiVoWDMZ5Ei4u99AiD5JR10aP91lOy/pTbNmWxl8CvJuJckVtL/SKz4FZ28sm27uV3Pxp4UQ+xwQE=
');
INSERT INTO checkpoints VALUES(17, 'registry.example/reads
17
/bSZMXVjxGaOFd8uDry62GO/9nRgUdnn+cFvkuB0xqg=

— registry.example/reads 12/HcsXdEyav0FSZagUP7Ek6ioCjPTNPAFVNkupexiuEOp8MTDuEZPGEjXQQ+TPJsAVoKBOeILst48wbJ5RzzprJ8Ac=
');
INSERT INTO checkpoints VALUES(19, 'registry.example/reads
19
M0XxYw2VSamB3eZkdTw08qUnTGpt0Z/5HxISKEGxYH4=

— registry.example/reads 12/HclyrL+Ybch7S1a3NHq8MvpLSuRMaWBKVe0L2cNXeil5/chlYwt9Yjfmn0P2vwfegyOG7YhLKNjzPqS16704FYgY=
');
INSERT INTO checkpoints VALUES(20, 'registry.example/reads
20
3iKD99oGb6WTyAnSrXWmH73T0PAdAiOjSEYuUGoR6e0=

— registry.example/reads 12/HcnXr3cgdvtJi7WgPBB3bXX+ovrI8ON+TjPH+vny5SJack+wkHTeqKg/kw17EtRKLs8oWJqJDCF/qxV7beIcvsw8=
');
