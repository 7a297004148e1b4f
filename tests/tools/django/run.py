"""Django drives its own migrations, and its models work on what they made.

usage: run.py HOST PORT DATABASE first|all|check|use-first|use-all

first, all: migrate up to the first migration, or all. check: fail if a migration is pending. use-first, use-all: the
application of that version writes and reads its own rows and prints how many it sees.
"""

import os
import sys

import django
from django.conf import settings
from django.core.management import call_command

HOST, PORT, DATABASE, STAGE = sys.argv[1:]
os.environ["SHOP_VERSION"] = "1" if STAGE in ("first", "use-first") else "2"

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "shop"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": HOST,
            "PORT": PORT,
            "NAME": DATABASE,
            "USER": os.environ["PGUSER"],
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()


def use_first():
    from shop.models import Customer, Order

    customer = Customer.objects.create(name="Ada Lovelace", email="ada@example.com")
    order = Order.objects.create(customer=customer, total=1200)
    order.total += 1
    order.save()
    assert Order.objects.get(pk=order.pk).customer.name == "Ada Lovelace"
    print(Customer.objects.count(), Order.objects.count())


def use_all():
    from shop.models import Customer, Order, Tag

    customer = Customer.objects.create(full_name="Grace Hopper", email="grace@example.com")
    order = Order.objects.create(customer=customer, total=1300, note="fragile")
    order.tags.add(Tag.objects.get(name="express"))
    assert Tag.objects.count() == 2, "the rows that the migration brought along, once"
    assert Order.objects.filter(tags__name="express", customer__full_name="Grace Hopper").count() >= 1
    print(Customer.objects.count(), Order.objects.count())


match STAGE:
    case "first":
        call_command("migrate", "contenttypes", verbosity=0)
        call_command("migrate", "auth", verbosity=0)
        call_command("migrate", "shop", "0001", verbosity=0)
    case "all":
        call_command("migrate", verbosity=0)
    case "check":
        call_command("migrate", check_unapplied=True, verbosity=0)
    case "use-first":
        use_first()
    case "use-all":
        use_all()
    case _:
        sys.exit(__doc__)
