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
INSERT INTO entries VALUES(3, '{"seq":3,"prev":"e46699afed879c84e2b07217c4da9888b66bfdfdc0f3d8def66128d7e1e38883","at":1793923200000,"tick":0,"kind":"policy","section":{"detectors":{"roster":{"off":3219,"on":673,"withheld":673,"medium":40000,"high":45000},"strangers":{"allowance":300,"cap":2000,"withheld":300,"medium":11000,"high":11000,"flood":20000,"agents":840,"provider":40000},"probing":{"miss":1386,"find":1508,"medium":12474,"high":16632},"pace":{"list":3000,"cap":20000,"hour":13000,"days":15000},"creep":{"list":3000,"cap":20000,"allowance":1750,"medium":6200},"first_touch":{"never":747,"met":2398,"days":60,"high":45000,"own":2250},"signs":{"medium":2,"high":3}}}}');
INSERT INTO entries VALUES(4, '{"seq":4,"prev":"e46cec03d7e0b6d162f35d6bcee9ec08160f2a0a6626c06bb3dc53d1aee88c27","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"alpha-langues","budgets":{"agent_minute":4,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(5, '{"seq":5,"prev":"5d32a53f0f37aa245bdbe93b5c4c467a64d30032c60412223e84565ae992b351","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-one","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(6, '{"seq":6,"prev":"b1b5c4493c0adfc1f9c53ff6d4edf9e0c7444cd0a01e499b29f206b892a04a92","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-two","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(7, '{"seq":7,"prev":"7be500ec999336bcde2b935c6ecd58b5cef9e45fc4e4afc62053035278b94c2a","at":1793923200000,"tick":0,"kind":"policy","section":{"head":{"digest":"823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812","sections":4,"judge":7}}}');
INSERT INTO entries VALUES(8, '{"seq":8,"prev":"9c4a2d13e378eea8172d8c057a63c7053866eaa6cfb5cc27e9986fff4f99ca72","at":1793923201000,"tick":1000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":10,"digest":"8d85f8467240628a94819b26bee26e3a9b2804334c63482deacec8d64ab4e1e7"}');
INSERT INTO entries VALUES(9, '{"seq":9,"prev":"e281fb2a4463616785db06f285bc4cc049084413f534d19f1735068d5ecc972e","at":1793923202000,"tick":2000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"rows":3,"on":["Di0A4ref0S0T-jV-UyDK_Q","NFBi0bZzCjvYRr7U9wYyJQ","juIKfi3QMlJoHAXsPOlXFA"],"facts":{"could":3,"could_never":3,"all":{"agent_day":3,"provider_day":3,"provider_30_days":3,"never":3}},"weight":3,"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(10, '{"seq":10,"prev":"6e55b24bfd323d4847e47bf82d716eeb5b3396d38e30ca808a99283bd16df5de","at":1793923203000,"tick":3000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","replay_of":9,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"facts":{"could":3,"could_never":3},"weight":3,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1,"fits_at":1793923232000}}');
INSERT INTO entries VALUES(11, '{"seq":11,"prev":"9e7acde51419c28990d017c6c0fb555d092aa5c20ca504ccf403329a0757f694","at":1793923203000,"tick":3000,"kind":"alert","incident":11,"rule":"agent_minute","severity":"info","provider":"alpha-langues","agent":"bc2p6ET3JC1WIbWOLjOYjw","level":"agent","observed":3,"expected":1,"since":1793923202000,"first":9,"last":10,"persons":3}');
INSERT INTO entries VALUES(12, '{"seq":12,"prev":"0de7f1b88b5d8fb628203e07bad13888df54a2dab3ff2d985422b985cbb0bb84","at":1793923204000,"tick":4000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"e2501c97f4569a0e468941097e91c9b7d53019e517ed37697c03caa303a8e481","agent":"73uWwBpvOjO2Xv5T6zkN3g","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"search","view":"BASIC","asked":1,"misses":1,"facts":{"could":1,"could_never":1},"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(13, '{"seq":13,"prev":"812fc6be2151a2e7a0ffd9f708dabcccac70412b22f93e516bb4520676781d88","at":1793923205000,"tick":5000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":5,"facts":{"could":5,"could_never":5,"all":{"agent_day":5,"provider_day":5,"provider_30_days":5,"never":5}},"weight":5,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1}}');
INSERT INTO entries VALUES(14, '{"seq":14,"prev":"60ec24ccf707def73177fb69f83ca42757c186e41bdcd2d50a7f9cb523591ad2","at":1793923206000,"tick":6000,"kind":"read","policy":7,"provider":"other-one","certificate":"bc6f397aaff60fa9556484a4a110b9306f1a4fbaefe4306d765493659ec0e938","agent":"xUqGoJXme4sVgeBNye5ruw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"yo1Qb6dc0mT7ToGYinSCaw","reason":"transfer","method":"list","view":"BASIC","asked":14,"facts":{"could":14,"could_off":14,"could_never":14,"all":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14},"off":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14}},"weight":14,"ruling":{"outcome":"withheld","rule":"contained"}}');
INSERT INTO entries VALUES(15, '{"seq":15,"prev":"ab6e4d30b9255427d03c3bff54f9b3afbad53ba4aea12ba53d0db31cb67011bd","at":1793923206000,"tick":6000,"kind":"alert","incident":15,"rule":"roster","severity":"high","provider":"other-one","agent":"xUqGoJXme4sVgeBNye5ruw","level":"agent","observed":45066,"expected":45000,"since":1793923206000,"first":14,"last":14,"measures":["freeze","close_off_roster"]}');
INSERT INTO entries VALUES(16, '{"seq":16,"prev":"8fed81223980fcbbe8fe5535f9c8e275bf1f9cfe9579465c0409453fc8eabb2a","at":1793923207000,"tick":7000,"kind":"act","deed":"suspend","role":"admin","id":"admin-1","certificate":"8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918","provider":"other-two","reason":"until we know","nonce":"AwMDAwMDAwMDAwMDAwMDAw","expires":1793926800000,"signatures":[{"admin":"admin-1","key":"Zr5+Myx6RTMyvZ0Kf32wVfXF7xoGraZtmLOftoEMRzo=","signature":"AJPz9r0FtWQPVAa8IR4UyAFXWZVwdZIoIV+XIYYHanj7u3BS5YK82rUrYZ+0Oex/WWyvD09FOQSF5URh+4c9CQ=="}]}');
INSERT INTO entries VALUES(17, '{"seq":17,"prev":"e283270845b5a9f3e80a6d0aa18deb33e6a47ca387291fa5cd00ee58a7821ec2","at":1793923208000,"tick":8000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":110,"digest":"0167356f8f55b918f1c6853d4d6b66e3dfdc3315e303d85eed57e99c73b142ea","added":100,"removed":0}');
INSERT INTO entries VALUES(18, '{"seq":18,"prev":"19f045aa2ab5f6a4832a594be17db9d4245ace6eda80870add3df459bcbc07d0","at":1793923208000,"tick":8000,"kind":"warning","matter":"roster","provider":"alpha-langues","dataset":"cir","observed":100,"expected":20}');
INSERT INTO entries VALUES(19, '{"seq":19,"prev":"65059cf3fe723fd4d67b9a46504528c643780cb67536aa1202b1341182cd5aa2","at":1793923209000,"tick":9000,"kind":"refusals","since":1793923200005,"certificates":[{"certificate":"83c874d33e8bff73caaa762c79cd1ed101d727c7f20fe4972c67e67978292f23","provider":"alpha-langues","counts":[{"reason":"PURPOSE_NOT_ALLOWED","count":2},{"reason":"RATE_LIMITED","count":31}]}],"others":[{"reason":"HANDSHAKE","count":4}]}');
INSERT INTO entries VALUES(20, '{"seq":20,"prev":"f0e99367679bdf38b5cf9f5e673627538a36c4ac7bb8e11783789daf58f8b70d","at":1793923210000,"tick":10000,"kind":"access","role":"auditor","id":"cnil","certificate":"c5a62ce3fa7f6d86af0009389ccd815277691ea64da0c5c98e302bb13dd59248","what":"receipt","entry":9}');
INSERT INTO checkpoints VALUES(8, 'registry.example/reads
8
Tx9NHouoojn7FtzcdmGOtiO8dVvTQ6k3a/wciF3kodg=

— registry.example/reads 12/HcgD3kflBZny5i01fKH8LqcN42NqT7SXwoGv5NT27izX0GlJb7RIh+Wzok5/tG1fi5w6+WVNRdg5fXp5DGvh1gQ0=
');
INSERT INTO checkpoints VALUES(9, 'registry.example/reads
9
urfGEvjyL4xskoVpthSDxWkAui6hoHCy9QSTQTrPvjY=

— registry.example/reads 12/HcrPnmRA3lWvexVWa5TXIsgkkQOFe0qIf0fSNuwR5T+pcaXpFe/vrr47+F/OwSnXuYLtDZjYQ87LlIwQQ5izhrgk=
');
INSERT INTO checkpoints VALUES(10, 'registry.example/reads
10
GjrZ4nE6usz/iRW0PjEA2cf3ngMYUkMfpKom9oMc7KE=

— registry.example/reads 12/HcqV56k3GPCfhlpxEUmphI1+Kdr6jRPUY3j6FhAzjcMVTUCVYt6spK5Q35Oh4snRXkdHNcpt7H1mwVIDIap21rA8=
');
INSERT INTO checkpoints VALUES(12, 'registry.example/reads
12
FzAYs5r4t/wCKsCNbD+6d3W2VsrZi60ZPv8B2gpUW+0=

— registry.example/reads 12/Hcl9u3lzOSKoMWJDKKvaKhPzWfQTVZ2TxU5oYjJAben+6aaH+LpM4la01FCtb6qzaw9ygWSR7mxy5yUBLLr20GAA=
');
INSERT INTO checkpoints VALUES(13, 'registry.example/reads
13
oyf0BIQHWPawMeB7GBDcMLDaFFF+jp213t5W0Z9j6OY=

— registry.example/reads 12/Hck/0R3tIhLuzefBkbnM05dH/R7SZ/wrYPEbbvu8BBA/RMreVId7kVVWur8Vgzu8ir74GBqMlNU0dtqeiNZV66wg=
');
INSERT INTO checkpoints VALUES(14, 'registry.example/reads
14
JyGZMhBF1KSAOUOKaJPX8f0LL1/VnPh0nEloGPQgboY=

— registry.example/reads 12/HcigAwIHCgHQm2doIF9uE8SKCbTQSP1s1tXX08UCQepvfAtLpLdaAVT9ianz0GZ9pVCWivYW+hpmRcyexlnjxIAI=
');
INSERT INTO checkpoints VALUES(16, 'registry.example/reads
16
rnmELDgO8QDfQ4aMSv4blKJb+YVOCFLb28Z+YRnVx7E=

— registry.example/reads 12/Hcum9o1W0vVfIwe0V7OUEGi+5XvI/OjGHa0qKLQdeuX0mx3JVsYPSnRDVFviyrX/lPyrxT+9beemgAK6oJpwCfQw=
');
INSERT INTO checkpoints VALUES(17, 'registry.example/reads
17
5hQoKs9vY7YfXmPsfZEx6H1w2xYJQ1gr7ol5QQWz7+k=

— registry.example/reads 12/HckkCeODR1Yqf1XgqyVHRJWw/zy0BZlFkFtueNtBg7QkAPOPf7PvRm+uXiu7ZRIg86xId5wH4lF9U5srWQh4CjAc=
');
INSERT INTO checkpoints VALUES(19, 'registry.example/reads
19
e2TP1nOseTYzFY8cuIL8Nlst9oy+GHC1VqzDbztcSo4=

— registry.example/reads 12/HckhafPHuX6DQTNnd1oCMgsPBYG6WbEpjgvpqtFTS+vjVkK/p667Mf3DHsyyFuPQX5n23iNcWM+OWJmYGDskZxww=
');
INSERT INTO checkpoints VALUES(20, 'registry.example/reads
20
86sub1jJBYmmaT8zEUa+JnKETw1H9zVzIbvuN9HfohA=

— registry.example/reads 12/HchN/dQAOq8jN3CvPlOYRsGA1wYRCJ/RYezeI68h3tSE+bKzMaYzNM8Nvcz0yZkZpnybqB67As64HzrpwNNGQwgA=
');
