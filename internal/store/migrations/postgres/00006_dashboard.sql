-- +goose Up

-- Who is signed in to the dashboard; the token is hashed.
CREATE TABLE visit (
    token   text COLLATE "C" NOT NULL PRIMARY KEY,
    data    bytea NOT NULL,
    expires bigint NOT NULL
);
CREATE INDEX visit_expires ON visit (expires);

-- Links that sign in whoever opens them, by the hash of their token.
CREATE TABLE link (
    token   bytea NOT NULL PRIMARY KEY,
    grants  bytea NOT NULL, -- JSON
    expires bigint NOT NULL
);
CREATE INDEX link_expires ON link (expires);

-- Attempts by how long they took: at most so many milliseconds, and more than the bucket
-- before it.
ALTER TABLE rollup ADD COLUMN within_10 bigint NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN within_30 bigint NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN within_100 bigint NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN within_300 bigint NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN within_1000 bigint NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN within_3000 bigint NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN within_10000 bigint NOT NULL DEFAULT 0;
ALTER TABLE rollup ADD COLUMN longer bigint NOT NULL DEFAULT 0;
CREATE INDEX rollup_org ON rollup (org, minute);
