-- +goose Up

-- What collects deliveries of an endpoint into messages: one row a group, for as long as
-- anything of it is kept. A delivery that is live is due when the message is that it
-- goes with.
CREATE TABLE message_group (
    id          BLOB    NOT NULL PRIMARY KEY, -- made of the endpoint and the labels
    org         TEXT    NOT NULL,
    endpoint_id BLOB    NOT NULL,
    labels      TEXT    NOT NULL,             -- JSON: what its events have in common
    opened_at   INTEGER NOT NULL,             -- when it last came out of rest
    flush_at    INTEGER NOT NULL,             -- when its newest message is due
    taken       INTEGER NOT NULL,             -- flush_at of the newest message that was taken to be sent
    taken_at    INTEGER NOT NULL,             -- and when that was; 0 for never
    events      INTEGER NOT NULL,             -- of the newest message
    total       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX message_group_list ON message_group (org, flush_at, id);
CREATE INDEX message_group_old ON message_group (flush_at);

ALTER TABLE live ADD COLUMN group_id BLOB;
CREATE INDEX live_group ON live (group_id, id) WHERE group_id IS NOT NULL;
ALTER TABLE done ADD COLUMN group_id BLOB;
CREATE INDEX done_group ON done (group_id, id) WHERE group_id IS NOT NULL;
