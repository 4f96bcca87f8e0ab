-- +goose Up

-- What rollup comes to for an org's minutes and for its endpoints' hours: a page counts
-- thousands of rows instead of hundreds of thousands. A program that does not know them would
-- count without them, so none that is older can run beside them.
CREATE TABLE org_minute (
    org          text COLLATE "C" NOT NULL,
    minute       bigint NOT NULL, -- minutes since 1970
    session      bigint NOT NULL,
    succeeded    bigint NOT NULL,
    failed       bigint NOT NULL,
    dead         bigint NOT NULL,
    dropped      bigint NOT NULL,
    duration     bigint NOT NULL,
    within_10    bigint NOT NULL,
    within_30    bigint NOT NULL,
    within_100   bigint NOT NULL,
    within_300   bigint NOT NULL,
    within_1000  bigint NOT NULL,
    within_3000  bigint NOT NULL,
    within_10000 bigint NOT NULL,
    longer       bigint NOT NULL,
    PRIMARY KEY (org, minute, session)
) WITH (fillfactor = 50);
CREATE INDEX org_minute_age ON org_minute (minute);

CREATE TABLE endpoint_hour (
    org         text COLLATE "C" NOT NULL,
    hour        bigint NOT NULL, -- hours since 1970
    endpoint_id bytea  NOT NULL,
    session     bigint NOT NULL,
    succeeded   bigint NOT NULL,
    failed      bigint NOT NULL,
    dead        bigint NOT NULL,
    dropped     bigint NOT NULL,
    duration    bigint NOT NULL,
    PRIMARY KEY (org, hour, endpoint_id, session)
) WITH (fillfactor = 50);
CREATE INDEX endpoint_hour_age ON endpoint_hour (hour);

INSERT INTO org_minute
    SELECT org, minute, session, sum(succeeded), sum(failed), sum(dead), sum(dropped), sum(duration), sum(within_10), sum(within_30),
        sum(within_100), sum(within_300), sum(within_1000), sum(within_3000), sum(within_10000), sum(longer)
    FROM rollup GROUP BY org, minute, session;
INSERT INTO endpoint_hour
    SELECT org, minute / 60, endpoint_id, session, sum(succeeded), sum(failed), sum(dead), sum(dropped), sum(duration)
    FROM rollup GROUP BY org, minute / 60, endpoint_id, session;
