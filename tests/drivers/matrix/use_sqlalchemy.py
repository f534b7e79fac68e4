"""SQLAlchemy, Core and ORM, over the dialect that is named."""
import sys

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSON, JSONB, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship, selectinload
from steps import URL, fails, row, rows, step, version

DIALECT = sys.argv[1]
version("SQLAlchemy", sa.__version__)
address = sa.make_url(URL.replace("postgres:", "postgresql:"))
if DIALECT == "asyncpg":
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.util import greenlet_spawn
    engine = create_async_engine(address.set(drivername="postgresql+asyncpg", query={})).sync_engine
else:
    engine = sa.create_engine(address.set(drivername=f"postgresql+{DIALECT}"))


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    vaults: Mapped[list["Vault"]] = relationship(back_populates="account", order_by="Vault.id")


class Vault(Base):
    __tablename__ = "vaults"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    label: Mapped[str]
    secret: Mapped[str | None]
    pin: Mapped[str | None] = mapped_column(sa.String(2000))
    settings: Mapped[dict | None] = mapped_column(JSONB(none_as_null=True))
    raw: Mapped[dict | None] = mapped_column(JSON(none_as_null=True))
    blob: Mapped[bytes | None] = mapped_column(BYTEA)
    rank: Mapped[int] = mapped_column(server_default="0")
    account: Mapped[Account] = relationship(back_populates="vaults")

    def values(self):
        return [self.id, self.account_id, self.label, self.secret, self.pin, self.settings, self.raw, self.blob, self.rank]


TABLE = Vault.__table__


def table(connection):
    return [tuple(record) for record in connection.execute(sa.select(TABLE).order_by(TABLE.c.id))]


def program():
    @step("insert")
    def _():
        with engine.begin() as connection:
            for values in rows():
                connection.execute(sa.insert(TABLE), values)
            return table(connection)

    @step("insert by ORM")
    def _():
        with Session(engine) as session:
            session.add_all([Vault(**values) for values in rows(51)])
            session.commit()
            return [vault.values() for vault in session.scalars(sa.select(Vault).where(Vault.id > 50).order_by(Vault.id))]

    @step("read")
    def _():
        with engine.connect() as connection:
            joined = connection.execute(sa.select(Vault.secret.label("s"), Vault.settings, Account.name).join(Account).where(Vault.id == 2))
            some = connection.execute(sa.select(TABLE.c.blob, TABLE.c.raw).where(TABLE.c.label.in_(["row 1", "row 3"])).order_by(TABLE.c.id))
            inner = sa.select(TABLE.c.id, TABLE.c.secret).where(TABLE.c.rank == 0).cte("c")
            return [[list(result.keys()), [tuple(record) for record in result]] for result in (joined, some, connection.execute(sa.select(inner).order_by(inner.c.id).limit(2).offset(1)))]

    @step("relations")
    def _():
        with Session(engine) as session:
            lazy = [(vault.secret, vault.account.name) for vault in session.scalars(sa.select(Vault).order_by(Vault.id).limit(3))]
            joined = [[vault.values() for vault in account.vaults] for account in session.scalars(sa.select(Account).options(joinedload(Account.vaults)).order_by(Account.id)).unique()]
            apart = [[vault.secret for vault in account.vaults] for account in session.scalars(sa.select(Account).options(selectinload(Account.vaults)).order_by(Account.id))]
            return [lazy, joined, apart]

    @step("update")
    def _():
        with engine.begin() as connection:
            counts = [connection.execute(statement).rowcount for statement in (
                sa.update(TABLE).where(TABLE.c.id == 1).values(secret="it's \\ new", pin="1234"), sa.update(TABLE).where(TABLE.c.account_id == 1, TABLE.c.id == 2).values(settings={"b": [1, "ü"]}),
                sa.update(TABLE).where(TABLE.c.id == 4).values(secret=None), sa.update(TABLE).where(TABLE.c.id == 999).values(secret="x"))]
            given = connection.execute(sa.update(TABLE).where(TABLE.c.id == 3).values(blob=b"\0\1\xfe", rank=TABLE.c.rank + 1).returning(TABLE))
            return [counts, [tuple(record) for record in given]]

    @step("unit of work")
    def _():
        with Session(engine) as session:
            for vault in session.scalars(sa.select(Vault).where(Vault.id.in_([2, 3, 52]))):
                vault.secret, vault.settings = f"worked {vault.id}", {"worked": vault.id}
            session.delete(session.get(Vault, 57))
            session.commit()
            vault = session.get(Vault, 52)
            session.refresh(vault, with_for_update=True)
            return [vault.values(), session.scalar(sa.select(sa.func.count()).select_from(Vault))]

    @step("upsert")
    def _():
        with engine.begin() as connection:
            statement = insert(TABLE).values(row(2, "upserted"))
            statement = statement.on_conflict_do_update(index_elements=["id"], set_={"secret": statement.excluded.secret, "raw": statement.excluded.raw})
            return [tuple(record) for record in connection.execute(statement.returning(TABLE.c.id, TABLE.c.secret, TABLE.c.raw))]

    @step("transaction")
    def _():
        with Session(engine) as session:
            vault = session.get(Vault, 3)
            vault.secret = "lost"
            session.flush()
            seen = session.scalar(sa.select(Vault.secret).where(Vault.id == 3))
            session.rollback()
            vault.secret = "kept"
            session.flush()
            nested = session.begin_nested()
            failed = fails(lambda: session.execute(sa.insert(TABLE), row(1, "again")))
            nested.rollback()
            session.commit()
            return [seen, failed, session.get(Vault, 3).values()]

    @step("errors")
    def _():
        def run(statement):
            with engine.begin() as connection:
                connection.execute(statement)
        return [fails(run, statement) for statement in (
            sa.insert(TABLE).values(row(1, "again")), sa.text("SELECT secret, nothing FROM vaults"), sa.text("SELEC 1"), sa.update(TABLE).where(TABLE.c.id == 1).values(pin="x" * 2001),
            sa.insert(TABLE).values({**row(88, "x"), "account_id": 9}), sa.text("SELECT 1/0"), sa.text("SELECT * FROM missing"))]

    @step("batch")
    def _():
        with engine.begin() as connection:
            count = connection.execute(sa.insert(TABLE), rows(101)).rowcount
            given = connection.execute(sa.insert(TABLE).returning(TABLE.c.id, TABLE.c.secret, sort_by_parameter_order=True), rows(201))
            return [count, [tuple(record) for record in given], table(connection)]

    @step("many updates")
    def _():
        with Session(engine) as session:
            session.execute(sa.update(Vault), [{"id": number, "secret": f"many {number}"} for number in range(201, 206)])
            session.commit()
            return [vault.values() for vault in session.scalars(sa.select(Vault).where(Vault.id > 200).order_by(Vault.id))]

    @step("cursor")
    def _():
        with engine.connect() as connection:
            streamed = connection.execution_options(stream_results=True, yield_per=3).execute(sa.select(TABLE.c.id, TABLE.c.secret, TABLE.c.settings).order_by(TABLE.c.id))
            return [[tuple(record) for record in part] for part in streamed.partitions()]

    @step("delete")
    def _():
        with engine.begin() as connection:
            given = connection.execute(sa.delete(TABLE).where(TABLE.c.id == 5).returning(TABLE.c.secret))
            return [[tuple(record) for record in given], connection.execute(sa.delete(TABLE).where(TABLE.c.id == 5)).rowcount]

    @step("reflection")
    def _():
        found = sa.inspect(engine)
        return [[[column["name"], str(column["type"]), column["nullable"]] for column in found.get_columns("vaults")], found.get_foreign_keys("vaults"), found.get_indexes("vaults")]

    engine.dispose()


if DIALECT == "asyncpg":
    import asyncio
    asyncio.run(greenlet_spawn(program))
else:
    program()
