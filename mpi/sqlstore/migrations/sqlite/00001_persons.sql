-- +goose Up
-- Types and statements are those that SQLite and PostgreSQL have in common. IF NOT EXISTS: two processes may start at once.
CREATE TABLE IF NOT EXISTS person (
    id      TEXT   NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created BIGINT -- milliseconds since 1970, UTC; NULL when it is not known
);

CREATE TABLE IF NOT EXISTS link (
    source  TEXT   NOT NULL,
    patient TEXT   NOT NULL,
    person  TEXT   NOT NULL REFERENCES person (id),
    grade   BIGINT NOT NULL,
    score   DOUBLE PRECISION NOT NULL,
    rule    TEXT   NOT NULL,
    manual  BIGINT NOT NULL,
    PRIMARY KEY (source, patient)
);

CREATE INDEX IF NOT EXISTS link_person ON link (person);

CREATE TABLE IF NOT EXISTS absent (
    person TEXT   NOT NULL REFERENCES person (id),
    source TEXT   NOT NULL,
    at     BIGINT, -- as person.created
    PRIMARY KEY (person, source)
);

CREATE TABLE IF NOT EXISTS rejected (
    person  TEXT NOT NULL REFERENCES person (id),
    source  TEXT NOT NULL,
    patient TEXT NOT NULL,
    PRIMARY KEY (person, source, patient)
);

CREATE TABLE IF NOT EXISTS stand_in (
    type   TEXT NOT NULL,
    alias  TEXT NOT NULL,
    source TEXT NOT NULL,
    id     TEXT NOT NULL,
    PRIMARY KEY (type, alias)
);

-- +goose Down
DROP TABLE stand_in;
DROP TABLE rejected;
DROP TABLE absent;
DROP TABLE link;
DROP TABLE person;
