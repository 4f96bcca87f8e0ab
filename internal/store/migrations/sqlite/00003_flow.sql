-- +goose Up

-- One row per execution of a workflow, from the request that started it on.
CREATE TABLE execution (
    org           TEXT    NOT NULL,
    id            BLOB    NOT NULL,
    workflow      BLOB    NOT NULL,
    workflow_name TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    hook          BLOB,
    status        TEXT    NOT NULL,
    owner         INTEGER,           -- a session; NULL waits to be claimed
    due_at        INTEGER,           -- NULL waits for a signal alone
    started_at    INTEGER NOT NULL DEFAULT 0,
    finished_at   INTEGER NOT NULL DEFAULT 0,
    signals       INTEGER NOT NULL DEFAULT 0, -- how many there were
    failed_step   TEXT    NOT NULL DEFAULT '',
    error         TEXT    NOT NULL DEFAULT '',
    input         BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX execution_id ON execution (org, id);
CREATE INDEX execution_workflow ON execution (org, workflow, id);
CREATE INDEX execution_hook ON execution (hook, id) WHERE hook IS NOT NULL;
CREATE INDEX execution_due ON execution (org, due_at) WHERE owner IS NULL AND due_at IS NOT NULL;
CREATE INDEX execution_live ON execution (org, id) WHERE finished_at = 0;
CREATE INDEX execution_failed ON execution (org, id) WHERE status = 'failed';
CREATE INDEX execution_finished ON execution (finished_at) WHERE finished_at > 0;

CREATE TABLE step (
    org         TEXT    NOT NULL,
    execution   BLOB    NOT NULL,
    step        TEXT    NOT NULL,
    seq         INTEGER NOT NULL, -- its place in the definition
    uses        TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    continued   INTEGER NOT NULL, -- it failed, and the execution went on
    input       BLOB,
    output      BLOB,
    error       TEXT    NOT NULL,
    PRIMARY KEY (org, execution, step)
) STRICT;

-- The text of every version that an execution began with.
CREATE TABLE workflow_version (
    org        TEXT    NOT NULL,
    workflow   BLOB    NOT NULL,
    version    INTEGER NOT NULL,
    definition BLOB    NOT NULL,
    PRIMARY KEY (org, workflow, version)
) STRICT, WITHOUT ROWID;

-- What a waiting step was waiting for, until the step has seen it.
CREATE TABLE signal (
    org       TEXT NOT NULL,
    execution BLOB NOT NULL,
    step      TEXT NOT NULL,
    payload   BLOB NOT NULL,
    PRIMARY KEY (org, execution, step)
) STRICT, WITHOUT ROWID;

-- The events that steps wait for.
CREATE TABLE event_wait (
    org       TEXT    NOT NULL,
    execution BLOB    NOT NULL,
    step      TEXT    NOT NULL,
    pattern   TEXT    NOT NULL,
    filter    TEXT    NOT NULL,
    since     INTEGER NOT NULL,
    PRIMARY KEY (org, execution, step)
) STRICT, WITHOUT ROWID;

-- The ids that senders gave their requests, until they expire.
CREATE TABLE hook_delivery (
    hook      BLOB    NOT NULL,
    delivery  TEXT    NOT NULL,
    execution BLOB    NOT NULL,
    expires   INTEGER NOT NULL,
    PRIMARY KEY (hook, delivery)
) STRICT, WITHOUT ROWID;
CREATE INDEX hook_delivery_expires ON hook_delivery (expires);

-- Requests that a hook got and started no execution for.
CREATE TABLE refused (
    org         TEXT    NOT NULL,
    hook        BLOB    NOT NULL,
    id          BLOB    NOT NULL,
    at          INTEGER NOT NULL,
    verdict     TEXT    NOT NULL,
    status_code INTEGER NOT NULL,
    execution   BLOB,
    request     BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX refused_hook ON refused (hook, id);
CREATE INDEX refused_at ON refused (at);
