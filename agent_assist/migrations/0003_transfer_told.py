from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agent_assist", "0002_transfer")]

    operations = [
        migrations.AddField("transfer", "told_at", models.DateTimeField(null=True)),
    ]
