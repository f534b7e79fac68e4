"""asyncpg: binary both ways, every statement prepared, described and cached."""
import asyncio
import io
import json

import asyncpg
from steps import COLUMNS, URL, error, row, rows, say, version

INSERT = f"INSERT INTO vaults ({', '.join(COLUMNS)}) VALUES ({', '.join(f'${n + 1}' for n in range(len(COLUMNS)))})"


def sent(values):
    return tuple(json.dumps(value) if isinstance(value, dict) else value for value in values.values())


async def fails(call):
    try:
        await call
    except Exception as caught:
        return error(caught)
    return "no error"


async def main():
    connection = await asyncpg.connect(URL)

    async def run(sql, *values):
        statement = await connection.prepare(sql)
        types = [(attribute.name, attribute.type.oid) for attribute in statement.get_attributes()]
        return [types, [tuple(record) for record in await statement.fetch(*values)], statement.get_statusmsg()]

    async def insert():
        return [await connection.execute(INSERT, *sent(values)) for values in rows()]

    async def read():
        return [await run("SELECT * FROM vaults ORDER BY id"), await run("SELECT v.secret AS s, settings, a.name FROM vaults v JOIN accounts a ON a.id = v.account_id WHERE v.id = $1", 2),
                await run("SELECT blob, raw FROM vaults WHERE label = ANY($1) ORDER BY id", ["row 1", "row 3"]), await connection.fetchval("SELECT secret FROM vaults WHERE id = 3")]

    async def update():
        return [await connection.execute("UPDATE vaults SET secret = $1, pin = $2 WHERE id = $3", "it's \\ new", "1234", 1),
                await connection.execute("UPDATE vaults SET settings = $1 WHERE account_id = $2 AND id = $3", '{"b": [1, "ü"]}', 1, 2),
                await run("UPDATE vaults SET blob = $1, rank = rank + 1 WHERE id = $2 RETURNING *", b"\0\1\xfe", 3), await connection.execute("UPDATE vaults SET secret = NULL WHERE id = $1", 4),
                await connection.execute("UPDATE vaults SET secret = $1 WHERE id = $2", "x", 999), await run("SELECT * FROM vaults ORDER BY id")]

    async def upsert():
        return await run(f"{INSERT} ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret, raw = EXCLUDED.raw RETURNING id, secret, raw", *sent(row(2, "upserted")))

    async def transaction():
        seen = []
        outer = connection.transaction()
        await outer.start()
        await connection.execute("UPDATE vaults SET secret = $1 WHERE id = 2", "rolled back")
        seen.append(await run("SELECT secret FROM vaults WHERE id = 2"))
        await outer.rollback()
        async with connection.transaction():
            await connection.execute("UPDATE vaults SET secret = $1 WHERE id = 3", "kept")
            inner = connection.transaction()
            await inner.start()
            seen.append(await fails(connection.execute("INSERT INTO vaults (id, account_id, label, secret) VALUES (1, 1, 'x', $1)", "y")))
            seen.append(await fails(connection.fetch("SELECT secret FROM vaults")))
            await inner.rollback()
        return [seen, await run("SELECT id, secret FROM vaults WHERE id IN (2, 3) ORDER BY id")]

    async def errors():
        return [await fails(connection.execute(sql, *values)) for sql, *values in [
            (INSERT, *sent(row(1, "again"))), ("SELECT secret, nothing FROM vaults",), ("SELEC 1",), ("UPDATE vaults SET pin = $1 WHERE id = 1", "x" * 2001),
            ("UPDATE vaults SET settings = $1 WHERE id = 1", "{bad"), ("INSERT INTO vaults (id, account_id, label, secret) VALUES (77, 9, 'l', $1)", "s"), ("SELECT 1/$1::int", 0), ("SELECT * FROM missing",)]]

    async def batch():
        await connection.executemany(INSERT, [sent(values) for values in rows(101)])
        many = await connection.fetchmany(f"{INSERT} RETURNING id, secret", [sent(values) for values in rows(201)])
        failed = await fails(connection.executemany(INSERT, [sent(row(number, "again")) for number in (301, 101, 302)]))
        return [[tuple(record) for record in many], failed, await run("SELECT * FROM vaults WHERE id > 100 ORDER BY id")]

    async def cursor():
        async with connection.transaction():
            seen = [tuple(record) async for record in connection.cursor("SELECT id, secret, settings FROM vaults WHERE id > $1 ORDER BY id", 1, prefetch=3)]
            named = await connection.cursor("SELECT id, secret, blob FROM vaults ORDER BY id")
            return [seen, [tuple(record) for record in await named.fetch(2)], await named.forward(2), tuple(await named.fetchrow())]

    async def copied(table, columns, records):
        done = [await connection.copy_records_to_table(table, records=records, columns=columns)]
        for options in ({}, {"format": "csv", "header": True}, {"format": "binary"}):
            out = io.BytesIO()
            done += [await connection.copy_from_query(f"SELECT {', '.join(columns)} FROM {table} ORDER BY id DESC LIMIT $1", 8, output=out, **options), out.getvalue()]
        return done

    async def copy():
        return await copied("notes", ["id", "body"], [(1, "a"), (2, "b\tc\\"), (3, None), (4, "é\n")])

    async def delete():
        return [await run("DELETE FROM vaults WHERE id = $1 RETURNING secret", 5), await connection.execute("DELETE FROM vaults WHERE id = $1", 5)]

    async def copy_of_the_sealed_table():
        return await copied("vaults", COLUMNS, [sent(values) for values in rows(901)])

    version("asyncpg", asyncpg.__version__)
    for function in (insert, read, update, upsert, transaction, errors, batch, cursor, copy, delete, copy_of_the_sealed_table):
        name = function.__name__.replace("_", " ")
        try:
            say(name, await function())
        except Exception as caught:
            say(name, {"error": error(caught)})
    await connection.close()


asyncio.run(main())
