-- +goose Up

-- What was asked for.
CREATE TABLE request (
    org         text COLLATE "C" NOT NULL,
    id          bytea   NOT NULL,
    offering    bytea,
    title       text   NOT NULL,
    description text   NOT NULL,
    status      text COLLATE "C" NOT NULL,
    priority    text   NOT NULL,
    created_by  text   NOT NULL,
    data        bytea,
    reason      text   NOT NULL,
    parent      bytea,
    depth       bigint NOT NULL, -- how many requests stand above it
    origin      bytea,             -- the execution whose step opened it
    origin_step text COLLATE "C" NOT NULL,
    execution   bytea,             -- the one that works on it
    sla         bytea,             -- as it was when the request was opened
    created_at  bigint NOT NULL,
    accepted_at bigint NOT NULL,
    finished_at bigint NOT NULL,
    key         text COLLATE "C",  -- the client's Idempotency-Key
    key_hash    bytea              -- of what was asked for under it
);
CREATE UNIQUE INDEX request_key ON request (org, key) WHERE key IS NOT NULL;
CREATE UNIQUE INDEX request_id ON request (org, id);
CREATE UNIQUE INDEX request_origin ON request (org, origin, origin_step) WHERE origin IS NOT NULL;
CREATE INDEX request_status ON request (org, status, id);
CREATE INDEX request_offering ON request (org, offering, id) WHERE offering IS NOT NULL;

-- What is to be done for requests and executions.
CREATE TABLE task (
    org           text COLLATE "C" NOT NULL,
    id            bytea   NOT NULL,
    title         text   NOT NULL,
    description   text   NOT NULL,
    status        text COLLATE "C" NOT NULL,
    assignee_kind text   NOT NULL,
    assignee      text COLLATE "C" NOT NULL,
    request       bytea,
    execution     bytea,
    step          text COLLATE "C" NOT NULL, -- that opened it, empty for none
    data          bytea,
    output        bytea,
    created_at    bigint NOT NULL,
    finished_at   bigint NOT NULL
);
CREATE UNIQUE INDEX task_id ON task (org, id);
CREATE UNIQUE INDEX task_step ON task (org, execution, step) WHERE step <> '';
CREATE INDEX task_status ON task (org, status, id);
CREATE INDEX task_assignee ON task (org, assignee, id);
CREATE INDEX task_request ON task (org, request, id) WHERE request IS NOT NULL;
CREATE INDEX task_execution ON task (org, execution, id) WHERE execution IS NOT NULL;

-- The steps that wait for a request or a task to be finished.
CREATE TABLE object_wait (
    org       text COLLATE "C" NOT NULL,
    object    bytea NOT NULL,
    execution bytea NOT NULL,
    step      text COLLATE "C" NOT NULL,
    PRIMARY KEY (org, object, execution, step)
);
CREATE INDEX object_wait_execution ON object_wait (org, execution);

-- What is to happen at a time. Who deletes a row does it, in the same transaction.
CREATE TABLE timer (
    org    text COLLATE "C" NOT NULL,
    ref    bytea   NOT NULL,
    kind   text COLLATE "C" NOT NULL,
    due_at bigint NOT NULL,
    PRIMARY KEY (org, ref, kind)
);
CREATE INDEX timer_due ON timer (due_at);
