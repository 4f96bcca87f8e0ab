-- +goose Up

-- Who is signed in to the dashboard; the token is hashed.
CREATE TABLE visit (
    token   TEXT NOT NULL PRIMARY KEY,
    data    BLOB NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX visit_expires ON visit (expires);

-- Links that sign in whoever opens them, by the hash of their token.
CREATE TABLE link (
    token   BLOB NOT NULL PRIMARY KEY,
    grants  BLOB NOT NULL, -- JSON
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX link_expires ON link (expires);

-- Attempts by how long they took: at most so many milliseconds, and more than the bucket
-- before it.
ALTER TABLE rollup ADD COLUMN within_10 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN within_30 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN within_100 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN within_300 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN within_1000 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN within_3000 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN within_10000 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN longer INTEGER NOT NULL DEFAULT 0;
CREATE INDEX rollup_org ON rollup (org, minute);
