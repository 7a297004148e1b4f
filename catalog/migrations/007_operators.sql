-- An edition may have operators of its own.
ALTER TABLE edition.names DROP CONSTRAINT names_class_check,
    ADD CONSTRAINT names_class_check CHECK (class IN ('relation', 'function', 'operator', 'type'));
