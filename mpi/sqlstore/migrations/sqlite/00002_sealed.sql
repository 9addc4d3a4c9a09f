-- +goose Up
-- The tables of postgres/00001 in the types of SQLite. IF NOT EXISTS: two processes may start at once.
CREATE TABLE IF NOT EXISTS mpi_store (
    id     BIGINT NOT NULL PRIMARY KEY,
    seq    BIGINT NOT NULL, -- numbers changes; whoever changes persons holds this row, so that numbers come in the order of commits
    mac    TEXT   NOT NULL, -- which key the digests are made with; 'clear' without one, '' before the first use
    proof  BLOB     -- what that key makes of a fixed text, so that another key of that name is noticed
);

INSERT INTO mpi_store (id, seq, mac) VALUES (1, 0, '') ON CONFLICT (id) DO NOTHING;

CREATE TABLE IF NOT EXISTS mpi_person (
    id      TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created BIGINT,          -- milliseconds since 1970, UTC; NULL when it is not known
    changed BIGINT NOT NULL, -- mpi_store.seq at the last change
    key_id  TEXT   NOT NULL, -- what sealed is encrypted with; '' when it is not
    sealed  BLOB   NOT NULL  -- links, rejected patients, absences
);

CREATE INDEX IF NOT EXISTS mpi_person_changed ON mpi_person (changed);

CREATE TABLE IF NOT EXISTS mpi_patient (
    ref    BLOB NOT NULL PRIMARY KEY, -- digest of source and id
    person TEXT NOT NULL -- what mpi_person.sealed says, the other way round
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS mpi_retired (
    id      TEXT NOT NULL PRIMARY KEY,
    heirs   TEXT   NOT NULL, -- ids of persons, with spaces between
    changed BIGINT NOT NULL
);

CREATE INDEX IF NOT EXISTS mpi_retired_changed ON mpi_retired (changed);

CREATE TABLE IF NOT EXISTS mpi_event (
    seq    BIGINT NOT NULL PRIMARY KEY,
    at     BIGINT,
    kind   TEXT   NOT NULL,
    who    TEXT   NOT NULL,
    person TEXT   NOT NULL,
    former TEXT   NOT NULL,
    rule   TEXT   NOT NULL,
    key_id TEXT   NOT NULL,
    sealed BLOB   NOT NULL -- refs
);

CREATE TABLE IF NOT EXISTS mpi_review (
    number  BIGINT NOT NULL PRIMARY KEY,
    pair    BLOB   NOT NULL UNIQUE, -- digest of both refs, and of an overlay's mark
    reason  TEXT   NOT NULL,
    state   TEXT   NOT NULL,
    queued  BIGINT,
    settled BIGINT,
    who     TEXT   NOT NULL,
    key_id  TEXT   NOT NULL,
    sealed  BLOB   NOT NULL -- refs, decision, mark
);

CREATE INDEX IF NOT EXISTS mpi_review_state ON mpi_review (state, number);

CREATE TABLE IF NOT EXISTS mpi_record (
    ref    BLOB NOT NULL PRIMARY KEY,
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL -- demographics, blocking keys
);

CREATE TABLE IF NOT EXISTS mpi_block (
    block BIGINT NOT NULL, -- digest of a blocking key
    half  BIGINT NOT NULL, -- the first half of mpi_record.ref: this is the largest table by far
    PRIMARY KEY (block, half)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS mpi_stand_in (
    type   TEXT NOT NULL,
    alias  TEXT NOT NULL,
    source TEXT NOT NULL,
    digest BLOB NOT NULL, -- of source and id
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL, -- id
    PRIMARY KEY (type, alias)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE mpi_stand_in;
DROP TABLE mpi_block;
DROP TABLE mpi_record;
DROP TABLE mpi_review;
DROP TABLE mpi_event;
DROP TABLE mpi_retired;
DROP TABLE mpi_patient;
DROP TABLE mpi_person;
DROP TABLE mpi_store;
