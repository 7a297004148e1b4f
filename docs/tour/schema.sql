-- The database of the README's tour, as version 1 of an application knows it.
CREATE TABLE users (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL
);
INSERT INTO users (name) VALUES ('Ada Lovelace'), ('Alan Turing');
