CREATE TABLE entries(seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE checkpoints(size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
CREATE TABLE tiles(level INTEGER NOT NULL, n INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY(level, n)) STRICT, WITHOUT ROWID;
CREATE VIEW reads AS
  SELECT seq,
         strftime('%Y-%m-%dT%H:%M:%SZ', body->>'at' / 1000, 'unixepoch') AS time,
         body->>'provider' AS provider, body->>'agent' AS agent, body->>'dataset' AS dataset,
         body->>'purpose' AS purpose, body->>'method' AS method, body->>'view' AS view,
         body->>'asked' AS asked, ifnull(body->>'rows', 0) AS rows,
         body->>'$.ruling.outcome' AS outcome, body->>'$.ruling.rule' AS rule
  FROM entries WHERE body->>'kind' = 'read';
CREATE VIEW alerts AS
  SELECT seq,
         strftime('%Y-%m-%dT%H:%M:%SZ', body->>'at' / 1000, 'unixepoch') AS time,
         body->>'incident' AS incident, body->>'severity' AS severity, body->>'rule' AS rule,
         body->>'level' AS level, body->>'provider' AS provider, body->>'agent' AS agent,
         ifnull(body->>'persons', 0) AS persons, ifnull(body->>'off', 0) AS off_roster,
         body->>'measures' AS measures
  FROM entries WHERE body->>'kind' = 'alert';
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
