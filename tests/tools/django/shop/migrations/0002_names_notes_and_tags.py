from django.db import migrations, models


def bring_tags(apps, schema_editor):
    tag = apps.get_model("shop", "Tag")
    tag.objects.bulk_create([tag(name="express"), tag(name="gift")])


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.RenameField("customer", "name", "full_name"),
        migrations.AlterField("customer", "email", models.EmailField(max_length=254, db_index=True)),
        migrations.AlterField("order", "total", models.BigIntegerField()),
        migrations.AddField("order", "note", models.TextField(default="")),
        migrations.AddField("order", "placed_at", models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="Tag",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.CharField(max_length=50, unique=True)),
            ],
        ),
        migrations.AddField("order", "tags", models.ManyToManyField(to="shop.tag")),
        migrations.RunPython(bring_tags, migrations.RunPython.noop),
    ]
