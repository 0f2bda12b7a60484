from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=12, decimal_places=2)


class Sale(models.Model):
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    sold_at = models.DateTimeField()
