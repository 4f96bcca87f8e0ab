-- +goose Up

ALTER TABLE usage_rollup ADD COLUMN failed_cost bigint NOT NULL DEFAULT 0;

-- Until when the hours of an org's usage are closed.
CREATE TABLE watermark (
    org  text COLLATE "C" NOT NULL PRIMARY KEY,
    hour bigint NOT NULL
);

-- What an hour came to when it was closed, where it came to anything.
CREATE TABLE closed_hour (
    org      text COLLATE "C" NOT NULL,
    hour     bigint NOT NULL, -- its beginning
    requests bigint NOT NULL,
    cost     bigint NOT NULL,
    PRIMARY KEY (org, hour)
);
CREATE INDEX closed_hour_age ON closed_hour (hour);

-- When a gateway's key was last used, in how many hours at all, and how many thousandths
-- of a request it makes in a usual one.
CREATE TABLE key_use (
    org   text COLLATE "C" NOT NULL,
    key   text COLLATE "C" NOT NULL,
    hour  bigint NOT NULL,
    hours bigint NOT NULL,
    usual bigint NOT NULL,
    PRIMARY KEY (org, key)
);
CREATE INDEX key_use_age ON key_use (hour);
