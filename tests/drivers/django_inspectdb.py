"""The models that Django writes for a database. Arguments: host, port, role, database."""

import sys

import django
from django.conf import settings
from django.core.management import call_command

host, port, role, database = sys.argv[1:]
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": host,
            "PORT": port,
            "USER": role,
            "NAME": database,
        }
    }
)
django.setup()
call_command("inspectdb", include_views=True, include_partitions=True)

from django.db import connection

with connection.cursor() as cursor:
    names = sorted(table.name for table in connection.introspection.get_table_list(cursor))
    for name in names:
        print(name, "sequences", connection.introspection.get_sequences(cursor, name))
        print(name, "relations", sorted(connection.introspection.get_relations(cursor, name).items()))
        print(name, "key", connection.introspection.get_primary_key_columns(cursor, name))
        for constraint in sorted(connection.introspection.get_constraints(cursor, name).items()):
            print(name, "constraint", constraint)
