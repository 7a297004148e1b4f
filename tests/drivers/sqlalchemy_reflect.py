"""What SQLAlchemy reflects of schema public. Arguments: host, port, role, database."""

import sys
import warnings

from sqlalchemy import URL, MetaData, create_engine, inspect
from sqlalchemy.schema import CreateTable

host, port, role, database = sys.argv[1:]
engine = create_engine(URL.create("postgresql+psycopg", role, None, host, int(port), database))
warnings.simplefilter("ignore")  # of expression indexes, which it skips


def tell(what, found):
    for one in sorted(repr(one) for one in (found if isinstance(found, list) else [found])):
        print(what, one)


inspector = inspect(engine)
print("tables", sorted(inspector.get_table_names()), "views", sorted(inspector.get_view_names()))
tell("enum", inspector.get_enums())
tell("sequence", inspector.get_sequence_names())
for view in inspector.get_view_names():
    print("view", view, inspector.get_view_definition(view))
for table in inspector.get_table_names():
    tell(f"{table} column", inspector.get_columns(table))
    tell(f"{table} primary key", inspector.get_pk_constraint(table))
    tell(f"{table} foreign key", inspector.get_foreign_keys(table))
    tell(f"{table} unique", inspector.get_unique_constraints(table))
    tell(f"{table} check", inspector.get_check_constraints(table))
    tell(f"{table} index", inspector.get_indexes(table))
    tell(f"{table} comment", inspector.get_table_comment(table))
    tell(f"{table} options", inspector.get_table_options(table))

metadata = MetaData()
metadata.reflect(engine, views=True)
for table in metadata.sorted_tables:
    print(str(CreateTable(table).compile(engine)))
