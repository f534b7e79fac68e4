import json
import os
import sys
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql as pg

entities = json.load(open("entities.json"))
KINDS = {"uuid": pg.UUID(as_uuid=True), "text": sa.Text, "varchar": sa.String, "jsonb": pg.JSONB, "json": sa.JSON, "bytea": sa.LargeBinary, "integer": sa.Integer, "bigint": sa.BigInteger}
Base = orm.declarative_base()
made = {}
for table, columns in entities.items():
    fields = {"__tablename__": table}
    for name, kind in columns.items():
        foreign = [sa.ForeignKey("organisations.id" if name == "organisation_id" else "prompts.id")] if name in ("organisation_id", "prompt_id") else []
        fields[name] = sa.Column(KINDS[kind], *foreign, primary_key=name == "id")
    if "organisation_id" in columns:
        fields["organisation"] = orm.relationship("Organisations", backref=table)
    made[table] = type(table.title().replace("_", ""), (Base,), fields)


def sample(kind, n):
    return {"uuid": uuid.UUID(int=n), "text": f"text {n} it's", "varchar": f"v{n}", "jsonb": {"a": n, "b": ["x", None]}, "json": {"n": n}, "bytea": bytes([n % 256, 0]), "integer": n, "bigint": n}[kind]


serial = 100
for driver in ("psycopg2", "psycopg", "asyncpg"):
    if driver == "asyncpg":
        continue
    engine = sa.create_engine(os.environ["DATABASE_URL"].replace("postgres://", f"postgresql+{driver}://"), connect_args={"application_name": "sqlalchemy"})
    session = orm.Session(engine)

    def attempt(act):
        try:
            act()
            session.commit()
        except Exception as error:
            print(type(error), error, file=sys.stderr) if os.environ.get("SHOW") else None
            session.rollback()

    serial += 1000
    organisation, prompt = made["organisations"](id=uuid.UUID(int=serial), name="one"), made["prompts"](id=uuid.UUID(int=serial), organisation_id=uuid.UUID(int=serial), name="p")
    attempt(lambda: session.add(organisation))
    attempt(lambda: session.add(prompt))
    for table, columns in entities.items():
        model = made[table]

        def values():
            global serial
            serial += 1
            row = {name: sample(kind, serial) for name, kind in columns.items()}
            row.update({name: key for name, key in (("organisation_id", organisation.id), ("prompt_id", prompt.id)) if name in columns})
            return row

        text = next(name for name, kind in columns.items() if kind == "text")
        changeable = [name for name in columns if name not in ("id", "organisation_id", "prompt_id")]
        last = changeable[-1]
        column = getattr(model, last)
        first = model(**values())
        attempt(lambda: session.add(first))
        key = first.id
        attempt(lambda: session.add_all([model(**values()) for _ in range(3)]))
        attempt(lambda: session.execute(sa.insert(model), [values(), values()]))
        attempt(lambda: session.execute(sa.insert(model).values(**values())))
        attempt(lambda: session.execute(sa.insert(model).values([values(), values()])))
        attempt(lambda: session.execute(sa.insert(model).returning(model), [values(), values()]).all())
        attempt(lambda: session.execute(sa.insert(model).values(**values()).returning(column)).all())
        upsert = pg.insert(model).values(**values())
        attempt(lambda: session.execute(upsert.on_conflict_do_nothing()))
        attempt(lambda: session.execute(upsert.on_conflict_do_update(index_elements=["id"], set_={name: upsert.excluded[name] for name in changeable})))
        attempt(lambda: session.execute(upsert.on_conflict_do_update(index_elements=["id"], set_={last: sample(columns[last], 7)}).returning(model.id)))
        attempt(lambda: session.get(model, key))
        attempt(lambda: setattr(session.get(model, key), last, sample(columns[last], 8)))
        attempt(lambda: [setattr(session.get(model, key), name, sample(columns[name], 9)) for name in changeable if name != "version"])
        attempt(lambda: session.execute(sa.select(model)).all())
        attempt(lambda: session.execute(sa.select(model.id, column).where(model.id == key)).all())
        attempt(lambda: session.execute(sa.select(model).where(model.id.in_([key, key])).order_by(model.id.desc()).limit(3).offset(1)).all())
        attempt(lambda: session.execute(sa.select(sa.func.count()).select_from(model)).all())
        attempt(lambda: session.execute(sa.select(sa.func.count(column))).all())
        attempt(lambda: session.execute(sa.select(column.label("other"), sa.literal("x")).where(column.is_not(None))).all())
        attempt(lambda: session.execute(sa.select(sa.func.coalesce(getattr(model, text), "none"))).all())
        attempt(lambda: session.execute(sa.select(sa.case((model.id == key, "mine"), else_="other"), column)).all())
        attempt(lambda: session.execute(sa.select(model).where(getattr(model, text).ilike("%x%"))).all())
        attempt(lambda: session.execute(sa.select(model).where(sa.or_(getattr(model, text) == "x", column.is_(None)))).all())
        attempt(lambda: session.execute(sa.select(getattr(model, text), sa.func.count()).group_by(getattr(model, text)).having(sa.func.count() > 1)).all())
        attempt(lambda: session.execute(sa.select(model).with_for_update(skip_locked=True)).all())
        attempt(lambda: session.execute(sa.select(model).distinct(model.id).order_by(model.id)).all())
        attempt(lambda: session.execute(sa.union_all(sa.select(model.id, column), sa.select(model.id, column))).all())
        attempt(lambda: session.execute(sa.select(sa.select(model).subquery("inner"))).all())
        common = sa.select(model.id, column).cte("picked")
        attempt(lambda: session.execute(sa.select(common)).all())
        attempt(lambda: session.execute(sa.select(sa.exists().where(model.id == key))).all())
        attempt(lambda: session.execute(sa.select(model.id, sa.func.row_number().over(order_by=model.id), column)).all())
        attempt(lambda: session.execute(sa.update(model).where(model.id == key).values({last: sample(columns[last], 10)})))
        attempt(lambda: session.execute(sa.update(model).where(model.id == key).values({last: sample(columns[last], 10)}).returning(model.id, column)).all())
        attempt(lambda: session.execute(sa.update(model), [{"id": key, last: sample(columns[last], 11)}]))
        attempt(lambda: session.execute(sa.update(model).where(model.id == key).values({last: sa.case((model.id == key, sample(columns[last], 12) if columns[last] in ("text", "varchar") else column), else_=column)})))
        attempt(lambda: session.execute(sa.select(sa.func.json_agg(column))).all())
        attempt(lambda: session.execute(sa.select(sa.func.row_to_json(sa.literal_column(table))).select_from(model)).all())
        if "organisation_id" in columns:
            attempt(lambda: session.execute(sa.select(model, made["organisations"]).join(model.organisation)).all())
            attempt(lambda: session.execute(sa.select(model).options(orm.joinedload(model.organisation))).all())
            attempt(lambda: session.execute(sa.select(made["organisations"]).options(orm.selectinload(getattr(made["organisations"], table)))).all())
            attempt(lambda: session.execute(sa.select(made["organisations"]).options(orm.subqueryload(getattr(made["organisations"], table)))).all())
            attempt(lambda: session.execute(sa.select(made["organisations"].id, sa.select(column).where(model.organisation_id == made["organisations"].id).limit(1).scalar_subquery())).all())
            attempt(lambda: session.execute(sa.update(model).where(model.organisation_id == organisation.id, model.id == key).values({name: sample(columns[name], 13) for name in changeable if name not in ("version", "slug")})))
            attempt(lambda: session.execute(sa.delete(model).where(model.organisation_id == organisation.id, model.id == key)))
        attempt(lambda: session.delete(session.get(model, key)))
        attempt(lambda: session.execute(sa.delete(model).where(model.id == key).returning(model.id)).all())
    for table in entities:
        inspector = sa.inspect(engine)
        inspector.get_columns(table), inspector.get_pk_constraint(table), inspector.get_foreign_keys(table), inspector.get_indexes(table)
    session.close()
