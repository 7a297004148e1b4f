-- What version 2 wants: first and last name apart.
ALTER TABLE users ADD COLUMN first_name text NOT NULL;
ALTER TABLE users ADD COLUMN last_name text NOT NULL;
ALTER TABLE users DROP COLUMN name;
