-- +goose Up

-- Identifiers are the 16 bytes of a UUIDv7, times are microseconds since 1970 in
-- UTC. When an event was accepted and a delivery created stands in its id. Text that is
-- part of a key is compared byte by byte, whatever the database's locale.

-- Partitioned by the day that stands in its ids, UTC. Partitions are made ahead and there is
-- no default one: see internal/store/partitions.go.
CREATE TABLE event (
    org        text COLLATE "C" NOT NULL,
    id         bytea  NOT NULL,
    client_id  text   NOT NULL DEFAULT '',
    type       text   NOT NULL,
    source     text   NOT NULL DEFAULT '',
    subject    text   NOT NULL DEFAULT '',
    severity   text   NOT NULL DEFAULT '',
    title      text   NOT NULL DEFAULT '',
    message    text   NOT NULL DEFAULT '',
    time       bigint NOT NULL,
    data       bytea  NOT NULL,
    -- The ids of its deliveries, one after the other: all are known when the event
    -- is committed, and no index from events to deliveries has to be kept.
    deliveries bytea  NOT NULL,
    PRIMARY KEY (org, id)
) PARTITION BY RANGE (id);

-- A publisher's own event ids, and what it was answered.
CREATE TABLE event_ref (
    org        text COLLATE "C" NOT NULL,
    client_id  text COLLATE "C" NOT NULL,
    event_id   bytea  NOT NULL,
    hash       bytea  NOT NULL,
    deliveries bigint NOT NULL,
    PRIMARY KEY (org, client_id)
);

CREATE TABLE idempotency (
    org     text COLLATE "C" NOT NULL,
    key     text COLLATE "C" NOT NULL,
    hash    bytea  NOT NULL,
    answer  text   NOT NULL,
    expires bigint NOT NULL,
    PRIMARY KEY (org, key)
);
CREATE INDEX idempotency_expires ON idempotency (expires);

CREATE TABLE dedup (
    org   text COLLATE "C" NOT NULL,
    key   text COLLATE "C" NOT NULL,
    type  text COLLATE "C" NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (org, key, type)
);
CREATE INDEX dedup_until ON dedup (until);

-- Unfinished deliveries.
CREATE TABLE live (
    org              text COLLATE "C" NOT NULL,
    id               bytea  NOT NULL,
    endpoint_id      bytea  NOT NULL,
    event_id         bytea  NOT NULL,
    event_type       text   NOT NULL,
    status           text   NOT NULL,
    due_at           bigint NOT NULL,
    size             bigint NOT NULL,
    owner            bigint,          -- a session; NULL waits to be claimed
    seq              bigint,          -- the place in an ordered endpoint's row
    attempt_count    bigint NOT NULL DEFAULT 0,
    round_start      bigint NOT NULL DEFAULT 0,
    last_status_code bigint NOT NULL DEFAULT 0,
    last_error       text   NOT NULL DEFAULT '',
    attempts         text   NOT NULL DEFAULT '', -- JSON, one a line
    PRIMARY KEY (org, id)
);
CREATE INDEX live_endpoint ON live (endpoint_id, id);
CREATE INDEX live_due ON live (endpoint_id, due_at) WHERE owner IS NULL;
CREATE INDEX live_seq ON live (endpoint_id, seq) WHERE owner IS NULL AND seq IS NOT NULL;

-- Finished deliveries, partitioned by the day on which they finished, UTC, which is never
-- before the time in their ids. Whether an id is finished twice is not the table's to
-- tell: it comes from live, where it stands once.
CREATE TABLE done (
    org              text COLLATE "C" NOT NULL,
    id               bytea  NOT NULL,
    endpoint_id      bytea  NOT NULL,
    event_id         bytea  NOT NULL,
    event_type       text   NOT NULL,
    status           text   NOT NULL,
    reason           text   NOT NULL,
    size             bigint NOT NULL,
    attempt_count    bigint NOT NULL,
    round_start      bigint NOT NULL,
    last_status_code bigint NOT NULL,
    last_error       text   NOT NULL,
    finished_at      bigint NOT NULL,
    attempts         text   NOT NULL
) PARTITION BY RANGE (finished_at);
CREATE INDEX done_id ON done (org, id);
CREATE INDEX done_endpoint ON done (endpoint_id, id);
-- What did not succeed is looked for by status, and is rare enough to index.
CREATE INDEX done_failed ON done (org, status, id) WHERE status <> 'succeeded';
CREATE INDEX done_failed_endpoint ON done (endpoint_id, status, id) WHERE status <> 'succeeded';
-- What finished over a day after its id was made is found by its event, which outlives the
-- partitions of the days around it.
CREATE INDEX done_late ON done (event_id) WHERE finished_at / 1000 - 86400000 >
    ((get_byte(id, 0)::bigint << 40) | (get_byte(id, 1)::bigint << 32) | (get_byte(id, 2)::bigint << 24) |
     (get_byte(id, 3) << 16) | (get_byte(id, 4) << 8) | get_byte(id, 5));

-- How many deliveries an endpoint has, suppressed ones left out: a part by each session,
-- so that no node waits for another to count.
CREATE TABLE tally (
    endpoint_id bytea  NOT NULL,
    session     bigint NOT NULL,
    deliveries  bigint NOT NULL,
    PRIMARY KEY (endpoint_id, session)
) WITH (fillfactor = 50);

CREATE TABLE rollup (
    endpoint_id bytea  NOT NULL,
    minute      bigint NOT NULL, -- minutes since 1970
    session     bigint NOT NULL,
    org         text   NOT NULL,
    succeeded   bigint NOT NULL, -- attempts
    failed      bigint NOT NULL, -- attempts
    dead        bigint NOT NULL, -- deliveries
    dropped     bigint NOT NULL, -- deliveries
    duration    bigint NOT NULL, -- of all attempts, in microseconds
    PRIMARY KEY (endpoint_id, minute, session)
) WITH (fillfactor = 50);
CREATE INDEX rollup_minute ON rollup (minute);

CREATE TABLE ordered_seq (
    endpoint_id bytea  NOT NULL PRIMARY KEY,
    next        bigint NOT NULL
) WITH (fillfactor = 50);

-- Whose lanes are the endpoints that are ordered or limited. The row outlives no session
-- and goes after the last delivery that the session owned.
CREATE TABLE lane_owner (
    endpoint_id bytea  NOT NULL PRIMARY KEY,
    session     bigint NOT NULL,
    pokes       bigint NOT NULL DEFAULT 0 -- how often others changed what the session holds
) WITH (fillfactor = 50);
CREATE INDEX lane_owner_session ON lane_owner (session);

-- Events that Peal reports itself, until they are published.
CREATE TABLE raised (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    doc text NOT NULL
);

CREATE TABLE replay (
    id         text   NOT NULL PRIMARY KEY,
    filter     text   NOT NULL,
    created_at bigint NOT NULL,
    cursor     text   NOT NULL,
    deliveries bigint NOT NULL
);

-- One row per running node, and those of dead ones for an hour; numbers are never used
-- again. The times are the database's.
CREATE TABLE session (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at   timestamptz NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    schema       bigint  NOT NULL,               -- the newest version that its program knows
    reaped       boolean NOT NULL DEFAULT false, -- it was taken for dead
    released     boolean NOT NULL DEFAULT false  -- and owns nothing any more
) WITH (fillfactor = 50);

-- Each transaction of a session moves its turn on, which fails where it is closed. It
-- stands apart, so that a heartbeat never waits for a transaction.
CREATE TABLE session_turn (
    session bigint NOT NULL PRIMARY KEY,
    turn    bigint NOT NULL,
    closed  boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);

-- The oldest schema that a program may know to run on each version of this one.
CREATE TABLE schema_compat (
    version bigint NOT NULL PRIMARY KEY,
    oldest  bigint NOT NULL
);

-- What one node does for all: its session owns the chore while it lives.
CREATE TABLE chore (
    name    text   NOT NULL PRIMARY KEY,
    session bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE setting (
    kind    text COLLATE "C" NOT NULL,
    org     text COLLATE "C" NOT NULL,
    id      text COLLATE "C" NOT NULL,
    doc     bytea,
    sealed  bytea,
    version bigint NOT NULL,
    deleted bigint NOT NULL,
    PRIMARY KEY (kind, org, id)
);
CREATE INDEX setting_version ON setting (version);

CREATE TABLE config_version (
    one     bigint NOT NULL PRIMARY KEY CHECK (one = 1),
    version bigint NOT NULL
);
INSERT INTO config_version (one, version) VALUES (1, 0);

CREATE TABLE audit (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    time   bigint NOT NULL,
    org    text COLLATE "C" NOT NULL,
    actor  text   NOT NULL,
    action text   NOT NULL,
    object text   NOT NULL,
    detail text   NOT NULL
);
CREATE INDEX audit_org ON audit (org, id);
