-- +goose Up

-- What was asked for.
CREATE TABLE request (
    org         TEXT    NOT NULL,
    id          BLOB    NOT NULL,
    offering    BLOB,
    title       TEXT    NOT NULL,
    description TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    priority    TEXT    NOT NULL,
    created_by  TEXT    NOT NULL,
    data        BLOB,
    reason      TEXT    NOT NULL,
    parent      BLOB,
    depth       INTEGER NOT NULL, -- how many requests stand above it
    origin      BLOB,             -- the execution whose step opened it
    origin_step TEXT    NOT NULL,
    execution   BLOB,             -- the one that works on it
    sla         BLOB,             -- as it was when the request was opened
    created_at  INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    key         TEXT,             -- the client's Idempotency-Key
    key_hash    BLOB              -- of what was asked for under it
) STRICT;
CREATE UNIQUE INDEX request_key ON request (org, key) WHERE key IS NOT NULL;
CREATE UNIQUE INDEX request_id ON request (org, id);
CREATE UNIQUE INDEX request_origin ON request (org, origin, origin_step) WHERE origin IS NOT NULL;
CREATE INDEX request_status ON request (org, status, id);
CREATE INDEX request_offering ON request (org, offering, id) WHERE offering IS NOT NULL;

-- What is to be done for requests and executions.
CREATE TABLE task (
    org           TEXT    NOT NULL,
    id            BLOB    NOT NULL,
    title         TEXT    NOT NULL,
    description   TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    assignee_kind TEXT    NOT NULL,
    assignee      TEXT    NOT NULL,
    request       BLOB,
    execution     BLOB,
    step          TEXT    NOT NULL, -- that opened it, empty for none
    data          BLOB,
    output        BLOB,
    created_at    INTEGER NOT NULL,
    finished_at   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX task_id ON task (org, id);
CREATE UNIQUE INDEX task_step ON task (org, execution, step) WHERE step <> '';
CREATE INDEX task_status ON task (org, status, id);
CREATE INDEX task_assignee ON task (org, assignee, id);
CREATE INDEX task_request ON task (org, request, id) WHERE request IS NOT NULL;
CREATE INDEX task_execution ON task (org, execution, id) WHERE execution IS NOT NULL;

-- The steps that wait for a request or a task to be finished.
CREATE TABLE object_wait (
    org       TEXT NOT NULL,
    object    BLOB NOT NULL,
    execution BLOB NOT NULL,
    step      TEXT NOT NULL,
    PRIMARY KEY (org, object, execution, step)
) STRICT, WITHOUT ROWID;
CREATE INDEX object_wait_execution ON object_wait (org, execution);

-- What is to happen at a time. Who deletes a row does it, in the same transaction.
CREATE TABLE timer (
    org    TEXT    NOT NULL,
    ref    BLOB    NOT NULL,
    kind   TEXT    NOT NULL,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (org, ref, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_due ON timer (due_at);
