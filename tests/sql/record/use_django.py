import json
import os
import sys
import uuid
from urllib.parse import urlsplit

import django
from django.conf import settings

url = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": url.path[1:], "USER": url.username, "HOST": url.hostname, "PORT": url.port, "PASSWORD": "x"}},
    INSTALLED_APPS=[], DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True)
django.setup()
from django.db import connection, models, transaction  # noqa: E402
from django.db.models import Case, Count, Exists, F, Max, OuterRef, Q, Subquery, Value, When  # noqa: E402
from django.db.models.functions import Coalesce, Lower  # noqa: E402

FIELDS = {"uuid": models.UUIDField, "text": models.TextField, "varchar": models.CharField, "jsonb": models.JSONField, "json": models.TextField, "bytea": models.BinaryField, "integer": models.IntegerField, "bigint": models.BigIntegerField}
entities = json.load(open("entities.json"))
made = {}
for table, columns in entities.items():
    fields = {"__module__": "__main__", "Meta": type("Meta", (), {"db_table": table, "app_label": "app", "managed": False})}
    for name, kind in columns.items():
        options = {"primary_key": True} if name == "id" else {"null": True}
        if name == "organisation_id" or name == "prompt_id":
            fields[name.removesuffix("_id")] = models.ForeignKey(made["organisations" if name == "organisation_id" else "prompts"], on_delete=models.CASCADE, db_column=name)
        else:
            fields[name] = FIELDS[kind](**options, **({"max_length": 400} if kind == "varchar" else {}))
    made[table] = type(table.title().replace("_", ""), (models.Model,), fields)


def attempt(act):
    try:
        with transaction.atomic():
            act()
    except Exception as error:
        print(type(error), error, file=sys.stderr) if os.environ.get("SHOW") else None


def sample(kind, n):
    return {"uuid": uuid.UUID(int=n), "text": f"text {n} it's", "varchar": f"v{n}", "jsonb": {"a": n, "b": ["x", None]}, "json": json.dumps({"n": n}), "bytea": bytes([n % 256, 0]), "integer": n, "bigint": n}[kind]


organisation = made["organisations"].objects.create(id=uuid.UUID(int=1), name="one")
prompt = made["prompts"].objects.create(id=uuid.UUID(int=2), organisation=organisation, name="p", template="hello")
serial = 10
for table, columns in entities.items():
    model = made[table]
    manager = model.objects

    def row():
        global serial
        serial += 1
        values = {name: sample(kind, serial) for name, kind in columns.items() if name not in ("organisation_id", "prompt_id")}
        if "organisation_id" in columns:
            values["organisation"] = organisation
        if "prompt_id" in columns:
            values["prompt"] = prompt
        return model(**values)

    value_fields = [name for name in columns if name not in ("id", "organisation_id", "prompt_id", "slug", "version")]
    text = next(name for name, kind in columns.items() if kind == "text")
    last = value_fields[-1]
    first = row()
    attempt(lambda: first.save(force_insert=True))
    attempt(lambda: manager.bulk_create([row(), row(), row()]))
    attempt(lambda: manager.bulk_create([row()], ignore_conflicts=True))
    attempt(lambda: manager.bulk_create([row(), row()], update_conflicts=True, unique_fields=["id"], update_fields=value_fields))
    attempt(lambda: manager.get(id=first.id))
    attempt(lambda: first.save())
    attempt(lambda: first.save(update_fields=value_fields[:1]))
    attempt(lambda: first.refresh_from_db())
    attempt(lambda: list(manager.all()))
    attempt(lambda: list(manager.order_by("-id")[:5]))
    attempt(lambda: list(manager.order_by("id")[5:10]))
    attempt(lambda: list(manager.filter(id__in=[first.id, first.id]).values(*value_fields)))
    attempt(lambda: list(manager.filter(**{f"{last}__isnull": False}).values_list("id", last)))
    attempt(lambda: manager.filter(id=first.id).update(**{last: sample(columns[last], 3)}))
    attempt(lambda: manager.filter(id=first.id).update(**{text: F(text)}))
    attempt(lambda: manager.filter(id=first.id).update(**{name: sample(columns[name], 4) for name in value_fields}))
    attempt(lambda: manager.bulk_update([first], value_fields))
    attempt(lambda: manager.filter(**{text: "x"}).count())
    attempt(lambda: manager.filter(id=first.id).exists())
    attempt(lambda: manager.filter(Q(id=first.id) | Q(**{f"{last}__isnull": True})).count())
    attempt(lambda: list(manager.only("id", last)))
    attempt(lambda: list(manager.defer(last)))
    attempt(lambda: list(manager.annotate(copy=F(last)).values("copy")))
    attempt(lambda: list(manager.annotate(other=Coalesce(text, Value("none"))).values("id", "other")))
    attempt(lambda: list(manager.annotate(size=Case(When(id=first.id, then=Value(1)), default=Value(0), output_field=models.IntegerField())).values("id", "size")))
    attempt(lambda: list(manager.values(text).annotate(n=Count("id"))))
    attempt(lambda: manager.aggregate(n=Count(last), m=Max("id")))
    attempt(lambda: list(manager.select_for_update().filter(id=first.id)))
    attempt(lambda: list(manager.select_for_update(skip_locked=True).filter(id=first.id)))
    attempt(lambda: list(manager.filter(**{f"{text}__icontains": "x"})))
    attempt(lambda: list(manager.filter(**{f"{text}__startswith": "x"})))
    attempt(lambda: list(manager.annotate(low=Lower(text)).filter(low="x")))
    attempt(lambda: list(manager.distinct("id").order_by("id")))
    attempt(lambda: list(manager.filter(id=first.id).union(manager.filter(id=first.id), all=True)))
    attempt(lambda: manager.in_bulk([first.id]))
    attempt(lambda: manager.get_or_create(id=uuid.UUID(int=9) if table != "requests" else 9, defaults={"name": "g", "organisation": organisation} if "organisation_id" in columns else {text: "g"}))
    attempt(lambda: manager.update_or_create(id=first.id, defaults={last: sample(columns[last], 5)}))
    if "organisation_id" in columns:
        attempt(lambda: list(manager.select_related("organisation")))
        attempt(lambda: list(manager.filter(organisation__name="one").order_by("organisation__name", "id")))
        attempt(lambda: list(manager.filter(organisation=organisation)))
        attempt(lambda: manager.filter(organisation=organisation, id=first.id).update(**{last: sample(columns[last], 6)}))
        attempt(lambda: manager.filter(organisation=organisation, id=first.id).delete())
        attempt(lambda: list(made["organisations"].objects.filter(Exists(manager.filter(organisation=OuterRef("pk"))))))
        attempt(lambda: list(made["organisations"].objects.annotate(newest=Subquery(manager.filter(organisation=OuterRef("pk")).order_by("-id").values(last)[:1])).values("id", "newest")))
        attempt(lambda: list(made["organisations"].objects.prefetch_related(f"{table.replace('_', '')}_set")))
    for name, kind in columns.items():
        if kind == "jsonb":
            attempt(lambda: list(manager.filter(**{f"{name}__a": 1})))
            attempt(lambda: list(manager.filter(**{f"{name}__contains": {"a": 1}})))
            attempt(lambda: list(manager.values_list(f"{name}__a")))
    attempt(lambda: list(manager.iterator(chunk_size=2)))
    attempt(lambda: first.delete())
    attempt(lambda: manager.filter(id__in=[first.id]).delete())
    attempt(lambda: manager.raw(f"SELECT * FROM {table} WHERE id = %s", [first.id])[0])
with connection.cursor() as cursor:
    connection.introspection.table_names(cursor)
    for table in entities:
        connection.introspection.get_table_description(cursor, table)
        connection.introspection.get_constraints(cursor, table)
