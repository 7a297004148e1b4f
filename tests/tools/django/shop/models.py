"""The models of version 1 and version 2 of the application, as SHOP_VERSION says."""

import os

from django.db import models

if os.environ["SHOP_VERSION"] == "1":

    class Customer(models.Model):
        name = models.CharField(max_length=100)
        email = models.EmailField()

    class Order(models.Model):
        customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
        total = models.IntegerField()

else:

    class Customer(models.Model):
        full_name = models.CharField(max_length=100)
        email = models.EmailField(db_index=True)

    class Tag(models.Model):
        name = models.CharField(max_length=50, unique=True)

    class Order(models.Model):
        customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
        total = models.BigIntegerField()
        note = models.TextField(default="")
        placed_at = models.DateTimeField(null=True)
        tags = models.ManyToManyField(Tag)
