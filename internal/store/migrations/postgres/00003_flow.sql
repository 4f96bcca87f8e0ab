-- +goose Up

-- One row per execution of a workflow, from the request that started it on.
CREATE TABLE execution (
    org           text COLLATE "C" NOT NULL,
    id            bytea  NOT NULL,
    workflow      bytea  NOT NULL,
    workflow_name text   NOT NULL,
    version       bigint NOT NULL,
    hook          bytea,
    status        text   NOT NULL,
    owner         bigint,           -- a session; NULL waits to be claimed
    due_at        bigint,           -- NULL waits for a signal alone
    started_at    bigint NOT NULL DEFAULT 0,
    finished_at   bigint NOT NULL DEFAULT 0,
    signals       bigint NOT NULL DEFAULT 0, -- how many there were
    failed_step   text   NOT NULL DEFAULT '',
    error         text   NOT NULL DEFAULT '',
    input         bytea  NOT NULL
);
CREATE UNIQUE INDEX execution_id ON execution (org, id);
CREATE INDEX execution_workflow ON execution (org, workflow, id);
CREATE INDEX execution_hook ON execution (hook, id) WHERE hook IS NOT NULL;
CREATE INDEX execution_due ON execution (org, due_at) WHERE owner IS NULL AND due_at IS NOT NULL;
CREATE INDEX execution_live ON execution (org, id) WHERE finished_at = 0;
CREATE INDEX execution_failed ON execution (org, id) WHERE status = 'failed';
CREATE INDEX execution_finished ON execution (finished_at) WHERE finished_at > 0;

CREATE TABLE step (
    org         text COLLATE "C" NOT NULL,
    execution   bytea  NOT NULL,
    step        text COLLATE "C" NOT NULL,
    seq         bigint NOT NULL, -- its place in the definition
    uses        text   NOT NULL,
    status      text   NOT NULL,
    attempts    bigint NOT NULL,
    started_at  bigint NOT NULL,
    finished_at bigint NOT NULL,
    due_at      bigint NOT NULL,
    continued   bigint NOT NULL, -- it failed, and the execution went on
    input       bytea,
    output      bytea,
    error       text   NOT NULL,
    PRIMARY KEY (org, execution, step)
);

-- The text of every version that an execution began with.
CREATE TABLE workflow_version (
    org        text COLLATE "C" NOT NULL,
    workflow   bytea  NOT NULL,
    version    bigint NOT NULL,
    definition bytea  NOT NULL,
    PRIMARY KEY (org, workflow, version)
);

-- What a waiting step was waiting for, until the step has seen it.
CREATE TABLE signal (
    org       text COLLATE "C" NOT NULL,
    execution bytea  NOT NULL,
    step      text COLLATE "C" NOT NULL,
    payload   bytea  NOT NULL,
    PRIMARY KEY (org, execution, step)
);

-- The events that steps wait for.
CREATE TABLE event_wait (
    org       text COLLATE "C" NOT NULL,
    execution bytea  NOT NULL,
    step      text COLLATE "C" NOT NULL,
    pattern   text   NOT NULL,
    filter    text   NOT NULL,
    since     bigint NOT NULL,
    PRIMARY KEY (org, execution, step)
);

-- The ids that senders gave their requests, until they expire.
CREATE TABLE hook_delivery (
    hook      bytea  NOT NULL,
    delivery  text COLLATE "C" NOT NULL,
    execution bytea  NOT NULL,
    expires   bigint NOT NULL,
    PRIMARY KEY (hook, delivery)
);
CREATE INDEX hook_delivery_expires ON hook_delivery (expires);

-- Requests that a hook got and started no execution for.
CREATE TABLE refused (
    org         text COLLATE "C" NOT NULL,
    hook        bytea  NOT NULL,
    id          bytea  NOT NULL,
    at          bigint NOT NULL,
    verdict     text   NOT NULL,
    status_code bigint NOT NULL,
    execution   bytea,
    request     bytea  NOT NULL
);
CREATE UNIQUE INDEX refused_hook ON refused (hook, id);
CREATE INDEX refused_at ON refused (at);
