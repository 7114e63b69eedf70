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
INSERT INTO entries VALUES(3, '{"seq":3,"prev":"e46699afed879c84e2b07217c4da9888b66bfdfdc0f3d8def66128d7e1e38883","at":1793923200000,"tick":0,"kind":"policy","section":{"detectors":{"roster":{"off":3219,"on":673,"withheld":673,"medium":40000,"high":45000},"strangers":{"allowance":300,"cap":2000,"withheld":300,"medium":11000,"high":11000,"flood":20000,"agents":840,"provider":40000},"probing":{"miss":1386,"find":1508,"medium":12474,"high":16632},"pace":{"list":3000,"cap":20000,"hour":13000,"days":15000},"creep":{"list":3000,"cap":20000,"allowance":1750,"medium":6200},"signs":{"medium":2,"high":3}}}}');
INSERT INTO entries VALUES(4, '{"seq":4,"prev":"729b7dfc0cb896eb7ca9bd5f352415a2e6037e9556d4d3571fd4f6372b738fbb","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"alpha-langues","budgets":{"agent_minute":4,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(5, '{"seq":5,"prev":"74b5eb9a7147b95f40c5b9ad5bd948382cc9dbd3f9ee8fed6ab3098b08bcac1f","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-one","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(6, '{"seq":6,"prev":"cd02b88024c0287912bd9ce050d9f2b30981077418a2d953a4223d6d4ea0b301","at":1793923200000,"tick":0,"kind":"policy","section":{"provider":{"provider":"other-two","budgets":{"agent_minute":1000,"agent_hour":10000,"agent_day":100000,"provider_day":100000,"provider_30_days":1000000,"off_roster_day":1000,"off_roster_30_days":10000},"roster_growth":50}}}');
INSERT INTO entries VALUES(7, '{"seq":7,"prev":"8b62803dc0e06f30df01e20a6255639dce857108321996f57d04b4c48442b482","at":1793923200000,"tick":0,"kind":"policy","section":{"head":{"digest":"823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812","sections":4,"judge":5}}}');
INSERT INTO entries VALUES(8, '{"seq":8,"prev":"717527992d5bc3ce872adf3f14e468a2c87eaf78a0814e288b001b9504830d99","at":1793923201000,"tick":1000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":10,"digest":"8d85f8467240628a94819b26bee26e3a9b2804334c63482deacec8d64ab4e1e7"}');
INSERT INTO entries VALUES(9, '{"seq":9,"prev":"ce8ae16abcbe6f70848d8c4e99ea24f7a773d97624677b94d11cefd76189459f","at":1793923202000,"tick":2000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"rows":3,"on":["Di0A4ref0S0T-jV-UyDK_Q","NFBi0bZzCjvYRr7U9wYyJQ","juIKfi3QMlJoHAXsPOlXFA"],"facts":{"could":3,"could_never":3,"all":{"agent_day":3,"provider_day":3,"provider_30_days":3,"never":3}},"weight":3,"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(10, '{"seq":10,"prev":"3e3c3a9a6705e902772b089c9ce23154ab2550f426786493016ac74c98d5b0e3","at":1793923203000,"tick":3000,"kind":"read","policy":7,"request":"7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d","replay_of":9,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":3,"facts":{"could":3,"could_never":3},"weight":3,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1,"fits_at":1793923232000}}');
INSERT INTO entries VALUES(11, '{"seq":11,"prev":"c6e49491f91aa6ed5d647f29558187299d5f4ace84efb2f286d240f02c1ba3f1","at":1793923203000,"tick":3000,"kind":"alert","incident":11,"rule":"agent_minute","severity":"info","provider":"alpha-langues","agent":"bc2p6ET3JC1WIbWOLjOYjw","level":"agent","observed":3,"expected":1,"since":1793923202000,"first":9,"last":10,"persons":3}');
INSERT INTO entries VALUES(12, '{"seq":12,"prev":"dd412708f72cf7d217389f1cc61caaf6f235429197efc30dc0aa6c1dc45df03e","at":1793923204000,"tick":4000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"e2501c97f4569a0e468941097e91c9b7d53019e517ed37697c03caa303a8e481","agent":"73uWwBpvOjO2Xv5T6zkN3g","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"search","view":"BASIC","asked":1,"misses":1,"facts":{"could":1,"could_never":1},"ruling":{"outcome":"released"},"reply":"5782b18687e6cf8a482fc32d2db5b196d8821c458a0c069c6acf3953446e7bb5"}');
INSERT INTO entries VALUES(13, '{"seq":13,"prev":"ce796f82424ed6c7c414d0e13bd6996841d02f5e64803617ce702e91ca9ea8c7","at":1793923205000,"tick":5000,"kind":"read","policy":7,"provider":"alpha-langues","certificate":"84b43cee6dd76e8769994a4b6eedb36c9014e71e0c9eac8d988ffacb9d659b7d","agent":"bc2p6ET3JC1WIbWOLjOYjw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"U28sWEmRr0Ld5LmsBtkc3Q","method":"list","view":"BASIC","asked":5,"facts":{"could":5,"could_never":5,"all":{"agent_day":5,"provider_day":5,"provider_30_days":5,"never":5}},"weight":5,"ruling":{"outcome":"withheld","rule":"agent_minute","remaining":1}}');
INSERT INTO entries VALUES(14, '{"seq":14,"prev":"1c0734f23bcfa72674fbb609dc6abe7aecdb9416adbb1c830f78c9c2202b14ce","at":1793923206000,"tick":6000,"kind":"read","policy":7,"provider":"other-one","certificate":"bc6f397aaff60fa9556484a4a110b9306f1a4fbaefe4306d765493659ec0e938","agent":"xUqGoJXme4sVgeBNye5ruw","network":"192.0.2.0/24","dataset":"cir","purpose":"enrolment","case":"yo1Qb6dc0mT7ToGYinSCaw","reason":"transfer","method":"list","view":"BASIC","asked":14,"facts":{"could":14,"could_off":14,"could_never":14,"all":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14},"off":{"agent_day":14,"provider_day":14,"provider_30_days":14,"never":14}},"weight":14,"ruling":{"outcome":"withheld","rule":"contained"}}');
INSERT INTO entries VALUES(15, '{"seq":15,"prev":"b488f32a6e322aac95b577fa876e69e6e5190bc284d3fe1af5e9de1af49ee50b","at":1793923206000,"tick":6000,"kind":"alert","incident":15,"rule":"roster","severity":"high","provider":"other-one","agent":"xUqGoJXme4sVgeBNye5ruw","level":"agent","observed":45066,"expected":45000,"since":1793923206000,"first":14,"last":14,"measures":["freeze","close_off_roster"]}');
INSERT INTO entries VALUES(16, '{"seq":16,"prev":"b997209d1e5ce928d3830946f520c27b3de8d0c1eb5300d3c009285d54735b5e","at":1793923207000,"tick":7000,"kind":"act","deed":"suspend","role":"admin","id":"admin-1","certificate":"8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918","provider":"other-two","reason":"until we know","nonce":"AwMDAwMDAwMDAwMDAwMDAw","expires":1793926800000,"signatures":[{"admin":"admin-1","key":"Zr5+Myx6RTMyvZ0Kf32wVfXF7xoGraZtmLOftoEMRzo=","signature":"AJPz9r0FtWQPVAa8IR4UyAFXWZVwdZIoIV+XIYYHanj7u3BS5YK82rUrYZ+0Oex/WWyvD09FOQSF5URh+4c9CQ=="}]}');
INSERT INTO entries VALUES(17, '{"seq":17,"prev":"1cdc6807304c6300889ea8f23099b74773e29f808e2e867275149b9a0f40545d","at":1793923208000,"tick":8000,"kind":"roster","provider":"alpha-langues","dataset":"cir","persons":110,"digest":"0167356f8f55b918f1c6853d4d6b66e3dfdc3315e303d85eed57e99c73b142ea","added":100,"removed":0}');
INSERT INTO entries VALUES(18, '{"seq":18,"prev":"55dfb7d61f0543dcc6d3d9ac32140783f9a05ee4250432ec56808aef98a37123","at":1793923208000,"tick":8000,"kind":"warning","matter":"roster","provider":"alpha-langues","dataset":"cir","observed":100,"expected":20}');
INSERT INTO entries VALUES(19, '{"seq":19,"prev":"2e93f151e08efa6c0659df697736ac573eaee87d59a9bee886fe357b1f2c990c","at":1793923209000,"tick":9000,"kind":"refusals","since":1793923200005,"certificates":[{"certificate":"83c874d33e8bff73caaa762c79cd1ed101d727c7f20fe4972c67e67978292f23","provider":"alpha-langues","counts":[{"reason":"PURPOSE_NOT_ALLOWED","count":2},{"reason":"RATE_LIMITED","count":31}]}],"others":[{"reason":"HANDSHAKE","count":4}]}');
INSERT INTO entries VALUES(20, '{"seq":20,"prev":"d37e83de2e8796899ec7b0f1e5bbca8df6043dc6c0f7f2af687f3eee772da38a","at":1793923210000,"tick":10000,"kind":"access","role":"auditor","id":"cnil","certificate":"c5a62ce3fa7f6d86af0009389ccd815277691ea64da0c5c98e302bb13dd59248","what":"receipt","entry":9}');
INSERT INTO checkpoints VALUES(8, 'registry.example/reads
8
QFWQcXmoWdaaQInT8TCtf4YW6iY0tjYVyhz0+CX/MFQ=

— registry.example/reads 12/Hck+eST7HbneppufQQ22BAVm/tWQKR9g+H+BlZ4Pv77PIxsuhKHGj+XxtQaiZqU6zkHLPDeSF1En6riMAOpp/hwE=
');
INSERT INTO checkpoints VALUES(9, 'registry.example/reads
9
rM+HCrGYnedyCbE5jGU0eNaF92NPPsL8nzABoqncPs4=

— registry.example/reads 12/HcpfZOZjnEdEqYmkXnrBVIM+DvdtOdRlPpQ5+X6v4WhD/sbWO6Dkx7v7lE1vlS+xV+q2x+x3MEZxwIm7bS1qm4Qs=
');
INSERT INTO checkpoints VALUES(10, 'registry.example/reads
10
pu/gp43Y64S1BoS4ZwgeTtZQzc3glpFCaG734H9sDFo=

— registry.example/reads 12/HciNkCxE8uuh5GBGoiOl2XboBhFW3B5JNZ2XgCCeo1/nXX696bPwV4DAnHfThx9Xc01lqH5Y0HxPSM3IDLPNQQws=
');
INSERT INTO checkpoints VALUES(12, 'registry.example/reads
12
kz1wU0ySBUtvx9P1vwAH9guOsJIWrAsLLVz35KPLAx8=

— registry.example/reads 12/Hcts2RnsY3E+GiF3dv8CsZHQWdJcGgmUUiTmee2DqReQ8lKmTkT8lsypnjcx8EJbPmSovq9rS+EBcyi7ix9j+Fws=
');
INSERT INTO checkpoints VALUES(13, 'registry.example/reads
13
0M0mYlqMzUoQrlVfPavuok0ZdmIg1Bn5C6+XIH3cxUg=

— registry.example/reads 12/HcnGhPl+Du2YL2RgOC7ilwaNVTmmDhYG2VikHTkEF9IzG/WLKTm7SiC9egesH/QCJ9eZGPeyCEPJd5H3XSl3sHw0=
');
INSERT INTO checkpoints VALUES(14, 'registry.example/reads
14
IGptS4rblk8mAd5XclpjK05yQQcHO8JT2V+WKPN1ujU=

— registry.example/reads 12/Hcs2PdViX+BtDKjGnZXjMPRhQORlOPaBCDwJ2Ocxe2rozl2pdGXlQ6OEwmsqrbkKt2yreSwG0UxL8IXXWa/DHXQg=
');
INSERT INTO checkpoints VALUES(16, 'registry.example/reads
16
WMwGbR8HRH6lQzFR7R9Vk7qOjc1jJvOZEyT+3s3F9Bo=

— registry.example/reads 12/Hcni4ZmXxfldshUiIb56qjAJuzb0MN4NS+KLvXqBvo2u0WiHCgsNd5OM4CicAX7s73DP2FSKpW+fV1dihujqStgQ=
');
INSERT INTO checkpoints VALUES(17, 'registry.example/reads
17
sARq4+FPn4bs0HXYS0fCgwYdk1Iz0HcieBghXgcIJ+k=

— registry.example/reads 12/Hct3rARPaHe5u2K+b8bdLvb9raFT2402UPPbUG90u4KJmD+R8LulHk6ByPzbLpiwEn2uAIYn3ZMN+eerTyGj2lwY=
');
INSERT INTO checkpoints VALUES(19, 'registry.example/reads
19
9pgy8ihzwcLV71xgf14FletPwiB+TLLbInjsfr7Ru6g=

— registry.example/reads 12/HcmzprFLIYl1DEH9EZs0SwezgJrMUdDqQ13jrGcLps83orMaHhj3yE4XWJFVFDJngxkCOstxNGOhBJW582xye6g0=
');
INSERT INTO checkpoints VALUES(20, 'registry.example/reads
20
iPKmPHS40qa6WpAjQmr41uuyB21ZnneT1MJisjhM5qo=

— registry.example/reads 12/Hct9DE77nTTF8bilWs3ChJib2kuSnkvckX7ph85gJjcZ1VEDwrrWigH8bRnudPHJnUmPjjtT2E/bKzNML80UVFAo=
');
INSERT INTO checkpoints VALUES(21, 'registry.example/reads
21
tNsTxSBAe6DMqVSNOXeT9rApYXWiXcwAiBPO1xsR66k=

— registry.example/reads 12/HcpTF3Fs66+zCx+lf+d5jhqBxVx92TIxKqCrCVo510/BukkX6PBb1H+VRjFKAFbCixxYdgX5h8MqJbZDIPvXrdAs=
');
DROP TRIGGER entries_stay;
