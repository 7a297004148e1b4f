"""Alembic drives its own migrations, and SQLAlchemy works on what they made.

usage: run.py HOST PORT DATABASE first|all|check|use-first|use-all (see ../django/run.py)
"""

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, create_engine, func, insert, select, update
from sqlalchemy.engine import URL

HOST, PORT, DATABASE, STAGE = sys.argv[1:]
url = URL.create("postgresql+psycopg", os.environ["PGUSER"], host=HOST, port=int(PORT), database=DATABASE)
config = Config()
config.set_main_option("script_location", str(Path(__file__).parent))
config.attributes["url"] = url


def check():
    with create_engine(url).connect() as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
    wanted = ScriptDirectory.from_config(config).get_heads()
    assert set(heads) == set(wanted), f"{heads} instead of {wanted}"


def table(name, *columns):
    from sqlalchemy import Column

    return Table(name, MetaData(), *(Column(column) for column in columns))


def use(name_column, name, extra):
    customers = table("customers", "id", name_column)
    orders = table("orders", "id", "customer_id", "total", *extra)
    with create_engine(url).begin() as connection:
        customer = connection.execute(
            insert(customers).values({name_column: name}).returning(customers.c.id)
        ).scalar_one()
        order = connection.execute(
            insert(orders).values(customer_id=customer, total=1200, **extra).returning(orders.c.id)
        ).scalar_one()
        connection.execute(update(orders).where(orders.c.id == order).values(total=1201))
        counts = [connection.execute(select(func.count()).select_from(t)).scalar_one() for t in (customers, orders)]
        if extra:
            states = connection.execute(select(func.count()).select_from(table("states", "code"))).scalar_one()
            assert states == 2, "the rows that the migration brought along, once"
    print(*counts)


match STAGE:
    case "first":
        command.upgrade(config, "0001")
    case "all":
        command.upgrade(config, "head")
    case "check":
        check()
    case "use-first":
        use("name", "Ada Lovelace", {})
    case "use-all":
        use("full_name", "Grace Hopper", {"state": "new"})
    case _:
        sys.exit(__doc__)
