import json
import os
import uuid

import peewee as pw
from playhouse.db_url import connect
from playhouse.postgres_ext import BinaryJSONField

entities = json.load(open("entities.json"))
database = connect(os.environ["DATABASE_URL"].replace("postgres://", "postgresql://"))
KINDS = {"uuid": pw.UUIDField, "text": pw.TextField, "varchar": pw.CharField, "jsonb": BinaryJSONField, "json": pw.TextField, "bytea": pw.BlobField, "integer": pw.IntegerField, "bigint": pw.BigIntegerField}


def sample(kind, n):
    return {"uuid": uuid.UUID(int=n), "text": f"text {n} it's", "varchar": f"v{n}", "jsonb": {"a": n}, "json": json.dumps({"n": n}), "bytea": bytes([n % 256, 0]), "integer": n, "bigint": n}[kind]


def attempt(act):
    try:
        with database.atomic():
            act()
    except Exception:
        pass


made, serial = {}, 50
for table, columns in entities.items():
    fields = {name: KINDS[kind](primary_key=True) if name == "id" else KINDS[kind](null=True, **({"index": False} if kind == "jsonb" else {})) for name, kind in columns.items()}
    if "organisation_id" in columns:
        fields["organisation"] = pw.ForeignKeyField(made["organisations"], column_name="organisation_id", backref=table)
        del fields["organisation_id"]
    made[table] = type(table.title().replace("_", ""), (pw.Model,), {**fields, "Meta": type("Meta", (), {"database": database, "table_name": table})})
organisation = made["organisations"].create(id=uuid.UUID(int=1), name="one")
prompt = made["prompts"].create(id=uuid.UUID(int=2), organisation=organisation, name="p", template="hello")
for table, columns in entities.items():
    model = made[table]

    def values():
        global serial
        serial += 1
        row = {name: sample(kind, serial) for name, kind in columns.items() if name != "organisation_id"}
        row.update({"organisation": organisation} if "organisation_id" in columns else {}, **({"prompt_id": prompt.id} if "prompt_id" in columns else {}))
        return row

    changeable = [name for name in columns if name not in ("id", "organisation_id", "prompt_id")]
    last, text = changeable[-1], next(name for name, kind in columns.items() if kind == "text")
    column, held = getattr(model, last), []
    attempt(lambda: held.append(model.create(**values())))
    if not held:
        continue
    first = held[0]
    attempt(lambda: model.insert_many([values(), values()]).execute())
    attempt(lambda: model.insert(**values()).on_conflict_ignore().execute())
    attempt(lambda: model.insert(**values()).on_conflict(conflict_target=[model.id], preserve=[column]).execute())
    attempt(lambda: model.insert(**values()).on_conflict(conflict_target=[model.id], update={column: sample(columns[last], 3)}).execute())
    attempt(lambda: list(model.insert(**values()).returning(model).execute()))
    attempt(lambda: model.bulk_create([model(**values()), model(**values())], batch_size=10))
    attempt(lambda: model.get_by_id(first.id))
    attempt(lambda: first.save())
    attempt(lambda: first.save(only=[column]))
    attempt(lambda: list(model.select()))
    attempt(lambda: list(model.select(model.id, column).where(model.id == first.id).order_by(model.id.desc()).limit(2).offset(0)))
    attempt(lambda: list(model.select(column.alias("other")).where(column.is_null(False)).dicts()))
    attempt(lambda: list(model.select().where(getattr(model, text).contains("x") | (getattr(model, text) == "y")).tuples()))
    attempt(lambda: model.select().where(model.id << [first.id]).count())
    attempt(lambda: model.select().where(model.id == first.id).exists())
    attempt(lambda: list(model.select(pw.fn.COUNT(column), pw.fn.MAX(model.id))))
    attempt(lambda: list(model.select(pw.fn.COALESCE(getattr(model, text), "none"), pw.Case(None, [(model.id == first.id, 1)], 0))))
    attempt(lambda: list(model.select(getattr(model, text), pw.fn.COUNT(model.id)).group_by(getattr(model, text))))
    attempt(lambda: list(model.select().for_update()))
    attempt(lambda: list(model.select(model.id, column).union_all(model.select(model.id, column))))
    attempt(lambda: model.update({column: sample(columns[last], 4)}).where(model.id == first.id).execute())
    attempt(lambda: list(model.update({column: sample(columns[last], 4)}).where(model.id == first.id).returning(column).execute()))
    attempt(lambda: model.bulk_update([first], fields=[column]))
    picked = model.select(model.id, column).cte("picked")
    attempt(lambda: list(model.select(picked.c.id).join(picked, on=(picked.c.id == model.id)).with_cte(picked)))
    if "organisation_id" in columns:
        attempt(lambda: list(model.select(model, made["organisations"]).join(made["organisations"])))
        attempt(lambda: list(pw.prefetch(made["organisations"].select(), model.select())))
        attempt(lambda: model.update({column: sample(columns[last], 5)}).where((model.organisation == organisation) & (model.id == first.id)).execute())
    attempt(lambda: first.delete_instance())
    attempt(lambda: model.delete().where(model.id == first.id).execute())
    database.get_columns(table), database.get_indexes(table), database.get_foreign_keys(table), database.get_primary_keys(table)
