"""One edition through asyncpg: sessions by each way of naming it, a transaction, COPY both ways, a cancelled query."""

import asyncio
import io
import os
import sys

import asyncpg

HOST, PORT, EDITION, COLUMN = sys.argv[1:5]
BASE = {"host": HOST, "port": int(PORT), "user": os.environ["PGUSER"]}
WAYS = {
    "suffix": {"database": f"app@{EDITION}"},
    "startup parameter": {"database": "app", "server_settings": {"edition": EDITION}},
    "options": {"database": "app", "server_settings": {"options": f"-c edition={EDITION}"}},
}


async def names(connection):
    return [row[0] for row in await connection.fetch(f"SELECT {COLUMN} FROM users ORDER BY id")]


async def session(way, parameters):
    connection = await asyncpg.connect(**BASE, **parameters)
    assert await connection.fetchval("SHOW EDITION") == EDITION, way
    before = await names(connection)

    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"INSERT INTO users ({COLUMN}) VALUES ($1)", "rolled back")
    await transaction.rollback()
    async with connection.transaction():
        await connection.execute(f"INSERT INTO users ({COLUMN}) VALUES ($1)", f"asyncpg {way}")
    assert await names(connection) == before + [f"asyncpg {way}"], way

    await connection.copy_records_to_table("users", records=[(f"asyncpg {way} copied",)], columns=[COLUMN])
    copied = io.BytesIO()
    await connection.copy_from_table("users", output=copied, columns=[COLUMN])
    assert copied.getvalue().decode().split("\n")[:-1] == await names(connection), way

    try:
        await asyncio.wait_for(connection.execute("SELECT pg_sleep(30)"), timeout=0.3)
        raise AssertionError("the query was not cancelled")
    except asyncio.TimeoutError:
        pass
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()
    print("ok", way)


async def main():
    for way, parameters in WAYS.items():
        await asyncio.wait_for(session(way, parameters), timeout=60)


asyncio.run(main())
