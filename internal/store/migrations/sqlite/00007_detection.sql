-- +goose Up

ALTER TABLE usage_rollup ADD COLUMN failed_cost INTEGER NOT NULL DEFAULT 0;

-- Until when the hours of an org's usage are closed.
CREATE TABLE watermark (
    org  TEXT NOT NULL PRIMARY KEY,
    hour INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What an hour came to when it was closed, where it came to anything.
CREATE TABLE closed_hour (
    org      TEXT NOT NULL,
    hour     INTEGER NOT NULL, -- its beginning
    requests INTEGER NOT NULL,
    cost     INTEGER NOT NULL,
    PRIMARY KEY (org, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX closed_hour_age ON closed_hour (hour);

-- When a gateway's key was last used, in how many hours at all, and how many thousandths
-- of a request it makes in a usual one.
CREATE TABLE key_use (
    org   TEXT NOT NULL,
    key   TEXT NOT NULL,
    hour  INTEGER NOT NULL,
    hours INTEGER NOT NULL,
    usual INTEGER NOT NULL,
    PRIMARY KEY (org, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX key_use_age ON key_use (hour);
