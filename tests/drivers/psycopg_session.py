"""One edition through psycopg: sessions by each way of naming it, a transaction, COPY both ways, a cancelled query."""

import os
import sys
import threading
import time

import psycopg

HOST, PORT, EDITION, COLUMN = sys.argv[1:5]
BASE = {"host": HOST, "port": PORT, "user": os.environ["PGUSER"]}
WAYS = {
    "suffix": {"dbname": f"app@{EDITION}"},
    "options": {"dbname": "app", "options": f"-c edition={EDITION}"},
}


def names(connection):
    rows = connection.execute(f"SELECT {COLUMN} FROM users ORDER BY id").fetchall()
    return [row[0] for row in rows]


for way, parameters in WAYS.items():
    with psycopg.connect(**BASE, **parameters, autocommit=True) as connection:
        assert connection.execute("SHOW EDITION").fetchone()[0] == EDITION, way
        before = names(connection)

        try:
            with connection.transaction():
                connection.execute(f"INSERT INTO users ({COLUMN}) VALUES (%s)", ["rolled back"])
                raise psycopg.Rollback()
        except psycopg.Rollback:
            pass
        with connection.transaction():
            connection.execute(f"INSERT INTO users ({COLUMN}) VALUES (%s)", [f"psycopg {way}"], prepare=True)
        assert names(connection) == before + [f"psycopg {way}"], way

        with connection.cursor().copy(f"COPY users ({COLUMN}) FROM STDIN") as copy:
            copy.write_row([f"psycopg {way} copied"])
        with connection.cursor().copy("COPY users TO STDOUT") as copy:
            copied = [row[1] for row in copy.rows()]
        assert copied == names(connection) and copied[-1] == f"psycopg {way} copied", (way, copied)

        threading.Timer(0.3, connection.cancel).start()
        started = time.monotonic()
        try:
            connection.execute("SELECT pg_sleep(30)")
            raise AssertionError("the query was not cancelled")
        except psycopg.errors.QueryCanceled:
            assert time.monotonic() - started < 10
        assert connection.execute("SELECT 1").fetchone() == (1,)
    print("ok", way)
