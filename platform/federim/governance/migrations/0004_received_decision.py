from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0003_relevance_review"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReceivedDecision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("package", models.CharField(max_length=64)),
                ("issuer", models.CharField(max_length=40)),
                ("project", models.CharField(max_length=60)),
                ("document", models.JSONField()),
            ],
            options={
                "db_table": "governance_received_decision",
                "ordering": ("id",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("package", "issuer"), name="one_received_decision_a_package"
                    )
                ],
            },
        ),
    ]
