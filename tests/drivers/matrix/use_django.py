"""Django: models with sealed fields, the queries of its admin, migrations of their table and of another."""
import django
from django.conf import settings
from django.db import connection, models, transaction
from django.db.migrations import AddField, AddIndex, AlterField, CreateModel, RemoveField, RemoveIndex, RenameField, RunPython
from django.db.migrations.state import ModelState, ProjectState
from steps import URL, fails, row, rows, step, version

address = URL.split("@")[1].split("?")[0]
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "HOST": address.split(":")[0], "PORT": address.split(":")[1].split("/")[0], "NAME": address.split("/")[1], "USER": "postgres"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField", USE_TZ=True)
django.setup()
version("Django", django.get_version())


class Account(models.Model):
    name = models.TextField()

    class Meta:
        app_label, db_table = "matrix", "accounts"


class Vault(models.Model):
    id = models.IntegerField(primary_key=True)
    account = models.ForeignKey(Account, models.CASCADE, related_name="vaults")
    label = models.TextField(unique=True)
    secret = models.TextField(null=True)
    pin = models.CharField(max_length=2000, null=True)
    settings = models.JSONField(null=True)
    blob = models.BinaryField(null=True)
    rank = models.IntegerField(default=0)

    class Meta:
        app_label, db_table = "matrix", "vaults"


def sent(values):
    return {name: value for name, value in values.items() if name != "raw"}


def run(query):
    return [list(record) for record in query.values_list()]


@step("insert")
def _():
    for values in rows():
        Vault.objects.create(**sent(values))
    made = Vault(**sent(row(51, "saved")))
    made.save(force_insert=True)
    return run(Vault.objects.order_by("id"))


@step("read")
def _():
    queries = [Vault.objects.filter(account__name="acme").order_by("-id"), Vault.objects.filter(label__startswith="row", secret__isnull=False).exclude(id=3).order_by("id")[1:3]]
    return [[run(query) for query in queries], list(Vault.objects.order_by("id").values("secret", "account__name")), Vault.objects.get(id=2).secret, Vault.objects.defer("blob").get(id=3).blob, Vault.objects.in_bulk([1, 2])[2].settings]


@step("relations")
def _():
    joined = [(vault.secret, vault.account.name) for vault in Vault.objects.select_related("account").order_by("id")]
    apart = [[vault.settings for vault in account.vaults.all()] for account in Account.objects.prefetch_related(models.Prefetch("vaults", Vault.objects.order_by("id"))).order_by("id")]
    return [joined, apart]


@step("admin")
def _():
    page = Vault.objects.filter(models.Q(label__icontains="row") | models.Q(account__name__icontains="ac")).order_by("-rank", "-id")
    return [page.count(), Vault.objects.all().exists(), run(page[:5]), list(Vault.objects.values("account").annotate(n=models.Count("id"), last=models.Max("rank")).order_by("account")), Vault.objects.aggregate(models.Count("secret"))]


@step("update")
def _():
    vault = Vault.objects.get(id=1)
    vault.secret, vault.pin = "it's \\ new", "1234"
    vault.save()
    vault = Vault.objects.get(id=2)
    vault.settings = {"b": [1, "ü"]}
    vault.save(update_fields=["settings"])
    counts = [Vault.objects.filter(id=3).update(blob=b"\0\1\xfe", rank=models.F("rank") + 1), Vault.objects.filter(id=4).update(secret=None), Vault.objects.filter(id=999).update(secret="x")]
    return [counts, run(Vault.objects.order_by("id"))]


@step("get or create")
def _():
    return [[vault.secret, made] for vault, made in (Vault.objects.get_or_create(id=2, defaults=sent(row(2, "never"))), Vault.objects.get_or_create(id=61, defaults=sent(row(61, "made"))),
                                                     Vault.objects.update_or_create(id=61, defaults={"secret": "changed"}))]


@step("transaction")
def _():
    seen = []
    try:
        with transaction.atomic():
            Vault.objects.filter(id=2).update(secret="lost")
            seen.append(Vault.objects.get(id=2).secret)
            raise ValueError
    except ValueError:
        pass
    with transaction.atomic():
        vault = Vault.objects.select_for_update().get(id=3)
        vault.secret = "kept"
        vault.save()
        try:
            with transaction.atomic():
                Vault.objects.create(**sent(row(1, "again")))
        except Exception as caught:
            seen.append(type(caught).__name__)
    return [seen, run(Vault.objects.filter(id__in=[2, 3]).order_by("id"))]


@step("errors")
def _():
    def raw(sql, *values):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, values)
    return [fails(lambda: Vault.objects.create(**sent(row(1, "again")))), fails(raw, "SELECT secret, nothing FROM vaults"), fails(raw, "SELEC 1"), fails(lambda: Vault.objects.filter(id=1).update(pin="x" * 2001)),
            fails(raw, "UPDATE vaults SET settings = %s WHERE id = 1", "{bad"), fails(raw, "SELECT 1/0"), fails(raw, "SELECT * FROM missing")]


@step("batch")
def _():
    Vault.objects.bulk_create([Vault(**sent(values)) for values in rows(101)])
    Vault.objects.bulk_create([Vault(**sent(values)) for values in rows(201)], batch_size=3)
    Vault.objects.bulk_create([Vault(**sent(row(201, "upserted"))), Vault(**sent(row(208, "new")))], update_conflicts=True, unique_fields=["id"], update_fields=["secret", "settings"])
    return run(Vault.objects.filter(id__gt=100).order_by("id"))


@step("cursor")
def _():
    return [list(record) for record in Vault.objects.order_by("id").values_list("id", "secret", "settings").iterator(chunk_size=3)]


@step("delete")
def _():
    return [Vault.objects.filter(id=5).delete(), Vault.objects.get(id=6).delete(), Vault.objects.count()]


@step("migration")
def _():
    operations = [
        CreateModel("Ticket", [("id", models.AutoField(primary_key=True)), ("title", models.CharField(max_length=50, db_index=True))]),
        AddField("Ticket", "vault", models.IntegerField(default=7)), RemoveField("Ticket", "title")]
    state, seen = ProjectState(), []
    for operation in operations:
        after = state.clone()
        operation.state_forwards("tickets", after)
        with connection.schema_editor() as editor:
            operation.database_forwards("tickets", editor, state, after)
        state = after
        with connection.cursor() as cursor:
            seen.append([[column.name, column.type_code] for column in connection.introspection.get_table_description(cursor, "tickets_ticket")])
    ticket = state.apps.get_model("tickets", "Ticket")
    ticket.objects.create()
    seen.append(list(ticket.objects.values()))
    with connection.schema_editor() as editor:
        editor.delete_model(ticket)
    return seen


@step("migration of the table itself")
def _():
    """A field is added, filled and asked for before anything is committed; what is sealed is written meanwhile."""
    seen = []

    def fill(apps, editor):
        vaults = apps.get_model("matrix", "Vault").objects
        for vault in vaults.filter(remark=None, rank__lt=1000).order_by("id"):
            vault.remark, vault.secret = f"of {vault.label[:20]}", f"{(vault.secret or '')[:20]} migrated"
            vault.save()
        vaults.create(id=70, account_id=1, label="migrated", secret="made by a migration", remark="new")
        seen.append([vaults.filter(remark__startswith="of ", account_id=1).update(settings={"migrated": True}), list(vaults.order_by("id").values_list("id", "remark", "secret", "settings"))])

    def read(apps, editor):
        seen.append(list(apps.get_model("matrix", "Vault").objects.filter(heading__contains="o").order_by("id").values_list("heading", "secret")))

    text = lambda **options: models.TextField(null=True, **options)
    state = ProjectState()
    for model in (Account, Vault):
        state.add_model(ModelState.from_model(model))
    for operations in (
        [AddField("Vault", "remark", text()), RunPython(fill), AlterField("Vault", "remark", text(default="none")), AddIndex("Vault", models.Index(fields=["remark"], name="vaults_remark"))],
        [RenameField("Vault", "remark", "heading"), RunPython(read), AlterField("Vault", "secret", models.TextField(null=True, help_text="kept secret"))],
        [RemoveIndex("Vault", "vaults_remark"), RemoveField("Vault", "heading")],
    ):
        with connection.schema_editor(atomic=True) as editor:
            for operation in operations:
                after = state.clone()
                operation.state_forwards("matrix", after)
                operation.database_forwards("matrix", editor, state, after)
                state = after
    return [seen, run(Vault.objects.order_by("id"))]


@step("bulk update")
def _():
    made = [Vault(**sent(row(number, "before"))) for number in (71, 73)]
    Vault.objects.bulk_create(made)
    for vault in made:
        vault.secret = f"bulk {vault.id}"
    return [Vault.objects.bulk_update(made, ["secret"]), run(Vault.objects.filter(id__in=[71, 73]).order_by("id"))]


@step("bulk update of several tenants")
def _():
    made = [Vault(**sent(row(number, "before"))) for number in (911, 912, 913)]
    Vault.objects.bulk_create(made)
    for vault in made:
        vault.secret, vault.settings = f"bulk {vault.id}", {"bulk": vault.id}
    made[2].delete()
    return [Vault.objects.bulk_update(made[:2] + [Vault(id=914, secret="nobody's")], ["secret", "settings"]), run(Vault.objects.filter(id__gt=900).order_by("id"))]


connection.close()
