"""SQLAlchemy's tests with the tables of each class in a schema of its own, so that they can be kept although classes give the same names.

With SUITES_PHASE=make a class makes its tables and leaves them; with SUITES_PHASE=judge it finds them, and empties them first. Tables that a
single test makes go where they always go. A plugin of pytest; loaded by its name."""

import os
import re

MAKES = os.environ["SUITES_PHASE"] == "make"
path = "work"


def pytest_collection_finish(session):
    from sqlalchemy import event, text
    from sqlalchemy.testing import config
    from sqlalchemy.testing.fixtures import sql as fixtures

    # From the start of the session: what SET says in a transaction may be rolled back, and then the proxy knows of no path.
    @event.listens_for(config.db, "do_connect")
    def start_with_path(dialect, record, arguments, parameters):
        parameters["options"] = "-csearch_path=" + path

    def lead_to(schema):
        global path
        path = schema
        config.db.dispose()

    # The connections that the runner has made before this.
    lead_to("work")

    def keeps(cls):
        return cls.run_define_tables == "once" and cls.run_create_tables == "once"

    make_tables, drop_tables = fixtures.TablesTest._setup_once_tables, fixtures.TablesTest._teardown_once_metadata_bind

    def set_up(cls):
        if not keeps(cls):
            return make_tables.__func__(cls)
        module = cls.__module__.rpartition(".")[2]
        lead_to(re.sub(r"\W", "_", f"of_{module}_{cls.__name__}".lower())[:50])
        if MAKES:
            with cls.bind.begin() as connection:
                connection.execute(text(f"CREATE SCHEMA {path}"))
            return make_tables.__func__(cls)
        cls.define_tables(cls._tables_metadata)
        cls.tables.update(cls._tables_metadata.tables)
        cls.sequences.update(cls._tables_metadata._sequences)
        names = [f'{path}."{table.name}"' for table in cls._tables_metadata.tables.values() if table.schema is None]
        with cls.bind.begin() as connection:
            if names:
                connection.exec_driver_sql(f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE")
            for sequence in cls._tables_metadata._sequences.values():
                connection.exec_driver_sql(f'ALTER SEQUENCE {path}."{sequence.name}" RESTART')

    def tear_down(cls):
        if not keeps(cls):
            return drop_tables.__func__(cls)
        lead_to("work")
        cls._tables_metadata.bind = None
        cls.bind = None

    fixtures.TablesTest._setup_once_tables = classmethod(set_up)
    fixtures.TablesTest._teardown_once_metadata_bind = classmethod(tear_down)
