-- +goose Up
-- Programs from version 7 on can bear this.

-- When a newer version, or none, was found in its place; 0 while it is the newest.
ALTER TABLE workflow_version ADD COLUMN superseded_at bigint NOT NULL DEFAULT 0;

-- Lists by any status that an execution can end with.
DROP INDEX execution_failed;
CREATE INDEX execution_ended ON execution (org, status, id) WHERE finished_at > 0;

CREATE INDEX request_priority ON request (org, priority, id);

-- What gets old, the oldest first.
DROP INDEX execution_finished;
CREATE INDEX execution_finished ON execution (finished_at, id) WHERE finished_at > 0;
DROP INDEX refused_at;
CREATE INDEX refused_at ON refused (at, id);
CREATE INDEX request_finished ON request (finished_at, id) WHERE finished_at > 0;
CREATE INDEX task_finished ON task (finished_at, id) WHERE finished_at > 0;
CREATE INDEX refused_org ON refused (org, id);
