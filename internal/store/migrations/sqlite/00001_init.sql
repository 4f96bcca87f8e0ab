-- +goose Up

-- Identifiers are the 16 bytes of a UUIDv7, times are microseconds since 1970 in
-- UTC. When an event was accepted and a delivery created stands in its id.

CREATE TABLE event (
    org        TEXT    NOT NULL,
    id         BLOB    NOT NULL,
    client_id  TEXT    NOT NULL DEFAULT '',
    type       TEXT    NOT NULL,
    source     TEXT    NOT NULL DEFAULT '',
    subject    TEXT    NOT NULL DEFAULT '',
    severity   TEXT    NOT NULL DEFAULT '',
    title      TEXT    NOT NULL DEFAULT '',
    message    TEXT    NOT NULL DEFAULT '',
    time       INTEGER NOT NULL,
    data       BLOB    NOT NULL,
    -- The ids of its deliveries, one after the other: all are known when the event
    -- is committed, and no index from events to deliveries has to be kept.
    deliveries BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX event_id ON event (org, id);

-- A publisher's own event ids, and what it was answered.
CREATE TABLE event_ref (
    org        TEXT    NOT NULL,
    client_id  TEXT    NOT NULL,
    event_id   BLOB    NOT NULL,
    hash       BLOB    NOT NULL,
    deliveries INTEGER NOT NULL,
    PRIMARY KEY (org, client_id)
) STRICT, WITHOUT ROWID;

-- Rows are written in the order in which they expire, which is how they are purged.
CREATE TABLE idempotency (
    org     TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    hash    BLOB    NOT NULL,
    answer  TEXT    NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX idempotency_key ON idempotency (org, key);

CREATE TABLE dedup (
    org   TEXT    NOT NULL,
    key   TEXT    NOT NULL,
    type  TEXT    NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (org, key, type)
) STRICT, WITHOUT ROWID;
CREATE INDEX dedup_until ON dedup (until);

-- Unfinished deliveries.
CREATE TABLE live (
    org              TEXT    NOT NULL,
    id               BLOB    NOT NULL,
    endpoint_id      BLOB    NOT NULL,
    event_id         BLOB    NOT NULL,
    event_type       TEXT    NOT NULL,
    status           TEXT    NOT NULL,
    due_at           INTEGER NOT NULL,
    size             INTEGER NOT NULL,
    owner            INTEGER,           -- a session; NULL waits to be claimed
    seq              INTEGER,           -- the place in an ordered endpoint's row
    attempt_count    INTEGER NOT NULL DEFAULT 0,
    round_start      INTEGER NOT NULL DEFAULT 0,
    last_status_code INTEGER NOT NULL DEFAULT 0,
    last_error       TEXT    NOT NULL DEFAULT '',
    attempts         TEXT    NOT NULL DEFAULT '', -- JSON, one a line
    PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX live_endpoint ON live (endpoint_id, id);
CREATE INDEX live_due ON live (endpoint_id, due_at) WHERE owner IS NULL;
CREATE INDEX live_seq ON live (endpoint_id, seq) WHERE owner IS NULL AND seq IS NOT NULL;

-- Finished deliveries, in the order in which they finished.
CREATE TABLE done (
    org              TEXT    NOT NULL,
    id               BLOB    NOT NULL,
    endpoint_id      BLOB    NOT NULL,
    event_id         BLOB    NOT NULL,
    event_type       TEXT    NOT NULL,
    status           TEXT    NOT NULL,
    reason           TEXT    NOT NULL,
    size             INTEGER NOT NULL,
    attempt_count    INTEGER NOT NULL,
    round_start      INTEGER NOT NULL,
    last_status_code INTEGER NOT NULL,
    last_error       TEXT    NOT NULL,
    finished_at      INTEGER NOT NULL,
    attempts         TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX done_id ON done (org, id);
CREATE INDEX done_endpoint ON done (endpoint_id, id);
-- What did not succeed is looked for by status, and is rare enough to index.
CREATE INDEX done_failed ON done (org, status, id) WHERE status <> 'succeeded';
CREATE INDEX done_failed_endpoint ON done (endpoint_id, status, id) WHERE status <> 'succeeded';

-- How many deliveries an endpoint has, suppressed ones left out.
CREATE TABLE tally (
    endpoint_id BLOB    NOT NULL PRIMARY KEY,
    deliveries  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup (
    endpoint_id BLOB    NOT NULL,
    minute      INTEGER NOT NULL, -- minutes since 1970
    session     INTEGER NOT NULL,
    org         TEXT    NOT NULL,
    succeeded   INTEGER NOT NULL, -- attempts
    failed      INTEGER NOT NULL, -- attempts
    dead        INTEGER NOT NULL, -- deliveries
    dropped     INTEGER NOT NULL, -- deliveries
    duration    INTEGER NOT NULL, -- of all attempts, in microseconds
    PRIMARY KEY (endpoint_id, minute, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX rollup_minute ON rollup (minute);

CREATE TABLE ordered_seq (
    endpoint_id BLOB    NOT NULL PRIMARY KEY,
    next        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Events that Peal reports itself, until they are published.
CREATE TABLE raised (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    doc TEXT NOT NULL
) STRICT;

CREATE TABLE replay (
    id         TEXT    NOT NULL PRIMARY KEY,
    filter     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    cursor     TEXT    NOT NULL,
    deliveries INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per running node; numbers are never used again.
CREATE TABLE session (
    id INTEGER PRIMARY KEY AUTOINCREMENT
) STRICT;

-- The oldest schema that a program may know to run on each version of this one.
CREATE TABLE schema_compat (
    version INTEGER NOT NULL PRIMARY KEY,
    oldest  INTEGER NOT NULL
) STRICT;

CREATE TABLE setting (
    kind    TEXT    NOT NULL,
    org     TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    doc     BLOB,
    sealed  BLOB,
    version INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    PRIMARY KEY (kind, org, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX setting_version ON setting (version);

CREATE TABLE config_version (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO config_version (one, version) VALUES (1, 0);

CREATE TABLE audit (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    time   INTEGER NOT NULL,
    org    TEXT    NOT NULL,
    actor  TEXT    NOT NULL,
    action TEXT    NOT NULL,
    object TEXT    NOT NULL,
    detail TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_org ON audit (org, id);
