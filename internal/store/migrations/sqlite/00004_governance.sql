-- +goose Up

-- Amounts are counted in units of 10^-9, times are microseconds since 1970 in UTC.

-- Hashes of the ids of usage. Rows are written about in the order in which they expire,
-- which is how they are purged.
CREATE TABLE usage_id (
    hash    BLOB    NOT NULL UNIQUE,
    expires INTEGER NOT NULL
) STRICT;

-- What was used in a period, and what reservations hold of it.
CREATE TABLE meter (
    org           TEXT    NOT NULL,
    scope         TEXT    NOT NULL,
    ref           TEXT    NOT NULL,
    period        TEXT    NOT NULL,
    start         INTEGER NOT NULL,
    requests      INTEGER NOT NULL DEFAULT 0,
    tokens        INTEGER NOT NULL DEFAULT 0,
    cost          INTEGER NOT NULL DEFAULT 0,
    held_requests INTEGER NOT NULL DEFAULT 0,
    held_tokens   INTEGER NOT NULL DEFAULT 0,
    held_cost     INTEGER NOT NULL DEFAULT 0,
    granted       INTEGER NOT NULL DEFAULT 0, -- in the meter of credits
    PRIMARY KEY (org, scope, ref, period, start)
) STRICT, WITHOUT ROWID;
CREATE INDEX meter_age ON meter (period, start);

CREATE TABLE usage_rollup (
    org      TEXT    NOT NULL,
    hour     INTEGER NOT NULL, -- its beginning by the org's clock
    hash     BLOB    NOT NULL, -- of the dimensions
    session  INTEGER NOT NULL,
    team     TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    agent    TEXT    NOT NULL,
    "user"   TEXT    NOT NULL,
    route    TEXT    NOT NULL,
    model    TEXT    NOT NULL,
    requests INTEGER NOT NULL,
    failed   INTEGER NOT NULL,
    tokens   INTEGER NOT NULL,
    cost     INTEGER NOT NULL,
    PRIMARY KEY (org, hour, hash, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_rollup_age ON usage_rollup (hour);

CREATE TABLE reservation (
    org      TEXT    NOT NULL,
    id       BLOB    NOT NULL,
    status   TEXT    NOT NULL,
    expires  INTEGER NOT NULL,
    approval INTEGER NOT NULL, -- 1 where a person was asked
    doc      TEXT    NOT NULL,
    PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX reservation_due ON reservation (expires) WHERE status IN ('allowed', 'waiting');
CREATE INDEX reservation_approval ON reservation (org, id) WHERE approval = 1;
CREATE INDEX reservation_age ON reservation (expires) WHERE status NOT IN ('allowed', 'waiting');

CREATE TABLE credit_entry (
    org     TEXT    NOT NULL,
    id      BLOB    NOT NULL,
    time    INTEGER NOT NULL,
    amount  INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    note    TEXT    NOT NULL,
    actor   TEXT    NOT NULL,
    PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;

-- What was told. Period is 0 for what lasts until it is over.
CREATE TABLE alert (
    org       TEXT    NOT NULL,
    rule      TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    threshold TEXT    NOT NULL,
    period    INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (org, rule, subject, threshold, period)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_age ON alert (at) WHERE period <> 0;

-- What detectors remember, as JSON.
CREATE TABLE memory (
    org     TEXT    NOT NULL,
    rule    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    doc     TEXT    NOT NULL DEFAULT '',
    day     INTEGER NOT NULL, -- days since 1970 of its last change
    PRIMARY KEY (org, rule, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX memory_age ON memory (day);
