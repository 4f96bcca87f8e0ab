-- +goose Up

-- Amounts are counted in units of 10^-9, times are microseconds since 1970 in UTC.

-- Hashes of the ids of usage.
CREATE TABLE usage_id (
    hash    bytea  NOT NULL PRIMARY KEY,
    expires bigint NOT NULL
);
CREATE INDEX usage_id_expires ON usage_id (expires);

-- What was used in a period, and what reservations hold of it.
CREATE TABLE meter (
    org           text COLLATE "C" NOT NULL,
    scope         text COLLATE "C" NOT NULL,
    ref           text COLLATE "C" NOT NULL,
    period        text COLLATE "C" NOT NULL,
    start         bigint NOT NULL,
    requests      bigint NOT NULL DEFAULT 0,
    tokens        bigint NOT NULL DEFAULT 0,
    cost          bigint NOT NULL DEFAULT 0,
    held_requests bigint NOT NULL DEFAULT 0,
    held_tokens   bigint NOT NULL DEFAULT 0,
    held_cost     bigint NOT NULL DEFAULT 0,
    granted       bigint NOT NULL DEFAULT 0, -- in the meter of credits
    PRIMARY KEY (org, scope, ref, period, start)
) WITH (fillfactor = 50);
CREATE INDEX meter_age ON meter (period, start);

CREATE TABLE usage_rollup (
    org      text COLLATE "C" NOT NULL,
    hour     bigint NOT NULL, -- its beginning by the org's clock
    hash     bytea  NOT NULL, -- of the dimensions
    session  bigint NOT NULL,
    team     text COLLATE "C" NOT NULL,
    key      text COLLATE "C" NOT NULL,
    agent    text COLLATE "C" NOT NULL,
    "user"   text COLLATE "C" NOT NULL,
    route    text COLLATE "C" NOT NULL,
    model    text COLLATE "C" NOT NULL,
    requests bigint NOT NULL,
    failed   bigint NOT NULL,
    tokens   bigint NOT NULL,
    cost     bigint NOT NULL,
    PRIMARY KEY (org, hour, hash, session)
) WITH (fillfactor = 50);
CREATE INDEX usage_rollup_age ON usage_rollup (hour);

CREATE TABLE reservation (
    org      text COLLATE "C" NOT NULL,
    id       bytea  NOT NULL,
    status   text COLLATE "C" NOT NULL,
    expires  bigint NOT NULL,
    approval bigint NOT NULL, -- 1 where a person was asked
    doc      text NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE INDEX reservation_due ON reservation (expires) WHERE status IN ('allowed', 'waiting');
CREATE INDEX reservation_approval ON reservation (org, id) WHERE approval = 1;
CREATE INDEX reservation_age ON reservation (expires) WHERE status NOT IN ('allowed', 'waiting');

CREATE TABLE credit_entry (
    org     text COLLATE "C" NOT NULL,
    id      bytea  NOT NULL,
    time    bigint NOT NULL,
    amount  bigint NOT NULL,
    balance bigint NOT NULL,
    note    text NOT NULL,
    actor   text NOT NULL,
    PRIMARY KEY (org, id)
);

-- What was told. Period is 0 for what lasts until it is over.
CREATE TABLE alert (
    org       text COLLATE "C" NOT NULL,
    rule      text COLLATE "C" NOT NULL,
    subject   text COLLATE "C" NOT NULL,
    threshold text COLLATE "C" NOT NULL,
    period    bigint NOT NULL,
    at        bigint NOT NULL,
    PRIMARY KEY (org, rule, subject, threshold, period)
);
CREATE INDEX alert_age ON alert (at) WHERE period <> 0;

-- What detectors remember, as JSON.
CREATE TABLE memory (
    org     text COLLATE "C" NOT NULL,
    rule    text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    doc     text NOT NULL DEFAULT '',
    day     bigint NOT NULL, -- days since 1970 of its last change
    PRIMARY KEY (org, rule, subject)
);
CREATE INDEX memory_age ON memory (day);
