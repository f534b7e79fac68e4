// Go: database/sql over lib/pq, or pgx itself. Its packages are Debian's, so it is built in GOPATH mode.
package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/lib/pq"
)

const columns = "id, account_id, label, secret, pin, settings, raw, blob"
const insert = "INSERT INTO vaults (" + columns + ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
const upsert = insert + " ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret, raw = EXCLUDED.raw RETURNING id, secret, raw"

var texts []string
var ctx = context.Background()

type list = []interface{}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// The row of a text: one value of it in a column of each type.
func row(id int, text *string) list {
	if text == nil {
		return list{id, 1 + id%2, fmt.Sprintf("row %d", id), nil, nil, nil, nil, nil}
	}
	document, err := json.Marshal(map[string]interface{}{"value": *text, "list": list{1, true, nil}})
	check(err)
	pin := []rune(*text)
	if len(pin) > 40 {
		pin = pin[:40]
	}
	return list{id, 1 + id%2, fmt.Sprintf("row %d", id), *text, string(pin), string(document), string(document), append([]byte(*text), 255, 0, 39)}
}

func rows(first int) (all []list) {
	for index := range texts {
		all = append(all, row(first+index, &texts[index]))
	}
	return append(all, row(first+len(texts), nil))
}

func named(id int, text string) list { return row(id, &text) }

// Go's types are part of the answer.
func shown(value interface{}) interface{} {
	switch inner := value.(type) {
	case nil, string, bool:
		return inner
	case []byte:
		return map[string]string{"bytes": hex.EncodeToString(inner)}
	case list:
		all := list{}
		for _, one := range inner {
			all = append(all, shown(one))
		}
		return all
	case error:
		return failure(inner)
	}
	return fmt.Sprintf("%T %v", value, value)
}

func failure(err error) interface{} {
	var fromPgx *pgconn.PgError
	var fromPq *pq.Error
	switch {
	case errors.As(err, &fromPgx):
		return list{fromPgx.Code, fromPgx.Message, fromPgx.Position}
	case errors.As(err, &fromPq):
		return list{string(fromPq.Code), fromPq.Message, fromPq.Position}
	}
	return list{err.Error()}
}

// What a program of this file does; a step panics with the error that it did not expect.
type driver interface {
	run(sql string, values ...interface{}) list
	tx(work func(), commit bool)
	steps()
}

func step(name string, work func() interface{}) {
	line := map[string]interface{}{"step": name}
	func() {
		defer func() {
			if caught := recover(); caught != nil {
				err, ok := caught.(error)
				if !ok {
					panic(caught)
				}
				told := failure(err).(list)
				line["got"] = map[string]interface{}{"error": map[string]interface{}{"state": told[0], "message": fmt.Sprint(told)}}
			}
		}()
		line["got"] = shown(work())
	}()
	check(json.NewEncoder(os.Stdout).Encode(line))
}

func fails(work func()) (got interface{}) {
	defer func() {
		if caught := recover(); caught != nil {
			got = failure(caught.(error))
		}
	}()
	work()
	return "no error"
}

func common(d driver) {
	step("insert", func() interface{} {
		done := list{}
		for _, values := range rows(1) {
			done = append(done, d.run(insert, values...))
		}
		return done
	})
	step("read", func() interface{} {
		return list{
			d.run("SELECT * FROM vaults ORDER BY id"), d.run("SELECT v.secret AS s, settings, a.name FROM vaults v JOIN accounts a ON a.id = v.account_id WHERE v.id = $1", 2),
			d.run("SELECT blob, raw FROM vaults WHERE label LIKE $1 ORDER BY id", "row%"),
		}
	})
	step("update", func() interface{} {
		return list{
			d.run("UPDATE vaults SET secret = $1, pin = $2 WHERE id = $3", "it's \\ new", "1234", 1), d.run("UPDATE vaults SET settings = $1 WHERE account_id = $2 AND id = $3", `{"b": [1, "ü"]}`, 1, 2),
			d.run("UPDATE vaults SET blob = $1, rank = rank + 1 WHERE id = $2 RETURNING *", []byte{0, 1, 254}, 3), d.run("UPDATE vaults SET secret = NULL WHERE id = $1", 4), d.run("UPDATE vaults SET secret = $1 WHERE id = $2", "x", 999),
			d.run("UPDATE vaults SET secret = 'a literal' WHERE id = 6 RETURNING secret"),
		}
	})
	step("upsert", func() interface{} { return d.run(upsert, named(2, "upserted")...) })
	step("transaction", func() interface{} {
		seen := list{}
		d.tx(func() {
			d.run("UPDATE vaults SET secret = $1 WHERE id = 2", "lost")
			seen = append(seen, d.run("SELECT secret FROM vaults WHERE id = 2"))
		}, false)
		d.tx(func() {
			d.run("UPDATE vaults SET secret = $1 WHERE id = 3", "kept")
			d.run("SAVEPOINT a")
			seen = append(seen, fails(func() { d.run(insert, named(1, "again")...) }), fails(func() { d.run("SELECT secret FROM vaults") }))
			d.run("ROLLBACK TO a")
		}, true)
		return append(seen, d.run("SELECT id, secret FROM vaults WHERE id IN (2, 3) ORDER BY id"))
	})
	step("errors", func() interface{} {
		found := list{fails(func() { d.run(insert, named(1, "again")...) }), fails(func() { d.run("UPDATE vaults SET pin = $1 WHERE id = 1", strings.Repeat("x", 2001)) })}
		found = append(found, fails(func() { d.run("UPDATE vaults SET settings = '{bad' WHERE id = 1") }))
		for _, text := range []string{"SELECT secret, nothing FROM vaults", "SELEC 1", "INSERT INTO vaults (id, account_id, label, secret) VALUES (77, 9, 'l', 's')", "SELECT 1/0", "SELECT * FROM missing"} {
			found = append(found, fails(func() { d.run(text) }))
		}
		return found
	})
	d.steps()
	step("delete", func() interface{} {
		return list{d.run("DELETE FROM vaults WHERE id = $1 RETURNING secret", 5), d.run("DELETE FROM vaults WHERE id = $1", 5)}
	})
}

type viaPq struct {
	db     *sql.DB
	within *sql.Tx
}

func (d *viaPq) run(text string, values ...interface{}) list {
	var found *sql.Rows
	var err error
	if d.within != nil {
		found, err = d.within.Query(text, values...)
	} else {
		found, err = d.db.Query(text, values...)
	}
	check(err)
	return scanned(found)
}

func scanned(found *sql.Rows) list {
	defer found.Close()
	all := list{}
	types, err := found.ColumnTypes()
	check(err)
	for _, column := range types {
		all = append(all, list{column.Name(), column.DatabaseTypeName()})
	}
	for found.Next() {
		record := make(list, len(types))
		places := make(list, len(types))
		for index := range record {
			places[index] = &record[index]
		}
		check(found.Scan(places...))
		all = append(all, record)
	}
	check(found.Err())
	return all
}

func (d *viaPq) tx(work func(), commit bool) {
	var err error
	d.within, err = d.db.Begin()
	check(err)
	defer func() { d.within = nil }()
	work()
	if commit {
		check(d.within.Commit())
	} else {
		check(d.within.Rollback())
	}
}

func (d *viaPq) steps() {
	step("prepared", func() interface{} {
		statement, err := d.db.Prepare("SELECT secret, blob FROM vaults WHERE id = $1")
		check(err)
		defer statement.Close()
		done := list{}
		for id := 1; id < 8; id++ {
			found, err := statement.Query(id)
			check(err)
			done = append(done, scanned(found))
		}
		return done
	})
	step("batch", func() interface{} {
		tx, err := d.db.Begin()
		check(err)
		statement, err := tx.Prepare(insert)
		check(err)
		counts := list{}
		for _, values := range rows(101) {
			result, err := statement.Exec(values...)
			check(err)
			count, _ := result.RowsAffected()
			counts = append(counts, count)
		}
		check(tx.Commit())
		return list{counts, d.run("SELECT * FROM vaults WHERE id > 100 ORDER BY id")}
	})
	copied := func(text, table string, names []string, records []list) interface{} {
		tx, err := d.db.Begin()
		check(err)
		defer tx.Rollback()
		statement, err := tx.Prepare(pq.CopyIn(table, names...))
		check(err)
		for _, record := range records {
			_, err := statement.Exec(record...)
			check(err)
		}
		result, err := statement.Exec()
		check(err)
		count, _ := result.RowsAffected()
		check(statement.Close())
		check(tx.Commit())
		return list{count, d.run(text)}
	}
	step("copy", func() interface{} { return copied("SELECT * FROM notes ORDER BY id", "notes", []string{"body"}, []list{{"a"}, {"b\tc\\"}, {nil}}) })
	step("copy of the sealed table", func() interface{} {
		return copied("SELECT * FROM vaults WHERE id > 900 ORDER BY id", "vaults", strings.Split(columns, ", "), rows(901))
	})
}

type viaPgx struct {
	connection *pgx.Conn
}

func (d *viaPgx) run(text string, values ...interface{}) list {
	found, err := d.connection.Query(ctx, text, values...)
	check(err)
	return read(found)
}

func read(found pgx.Rows) list {
	defer found.Close()
	all := list{}
	for found.Next() {
		record, err := found.Values()
		check(err)
		all = append(all, list(record))
	}
	check(found.Err())
	types := list{}
	for _, column := range found.FieldDescriptions() {
		types = append(types, list{string(column.Name), column.DataTypeOID, column.TypeModifier, column.Format})
	}
	return list{found.CommandTag().String(), types, all}
}

func (d *viaPgx) tx(work func(), commit bool) {
	tx, err := d.connection.Begin(ctx)
	check(err)
	work()
	if commit {
		check(tx.Commit(ctx))
	} else {
		check(tx.Rollback(ctx))
	}
}

func (d *viaPgx) steps() {
	step("simple protocol", func() interface{} { return d.run("SELECT id, secret, blob FROM vaults WHERE id < $1 ORDER BY id", pgx.QuerySimpleProtocol(true), 5) })
	step("text results", func() interface{} { return d.run("SELECT secret, settings, blob FROM vaults WHERE id = $1", pgx.QueryResultFormats{pgx.TextFormatCode}, 3) })
	step("batch", func() interface{} {
		batch := &pgx.Batch{}
		for _, values := range rows(101) {
			batch.Queue(insert, values...)
		}
		for id := 101; id < 108; id++ {
			batch.Queue("SELECT id, secret, raw FROM vaults WHERE id = $1", id)
		}
		batch.Queue("UPDATE vaults SET secret = $1 WHERE id = $2 RETURNING secret", "batched", 101)
		results := d.connection.SendBatch(ctx, batch)
		done := list{}
		for count := batch.Len(); count > 0; count-- {
			found, err := results.Query()
			check(err)
			done = append(done, read(found))
		}
		check(results.Close())
		failing := &pgx.Batch{}
		failing.Queue("UPDATE vaults SET secret = $1 WHERE id = 102", "lost")
		failing.Queue(insert, named(1, "again")...)
		return append(done, fails(func() { check(d.connection.SendBatch(ctx, failing).Close()) }), d.run("SELECT secret FROM vaults WHERE id = 102"))
	})
	step("cursor", func() interface{} {
		seen := list{}
		d.tx(func() {
			d.run("DECLARE c CURSOR FOR SELECT id, secret, settings FROM vaults ORDER BY id")
			seen = append(seen, d.run("FETCH 3 FROM c"), d.run("FETCH 100 FROM c"))
		}, true)
		return seen
	})
	copied := func(text, table string, names []string, records [][]interface{}) interface{} {
		count, err := d.connection.CopyFrom(ctx, pgx.Identifier{table}, names, pgx.CopyFromRows(records))
		check(err)
		var out bytes.Buffer
		tag, err := d.connection.PgConn().CopyTo(ctx, &out, "COPY ("+text+") TO STDOUT")
		check(err)
		return list{count, d.run(text), tag.String(), out.String()}
	}
	step("copy", func() interface{} { return copied("SELECT * FROM notes ORDER BY id", "notes", []string{"body"}, [][]interface{}{{"a"}, {"b\tc\\"}, {nil}}) })
	step("copy of the sealed table", func() interface{} {
		records := rows(901)
		for _, record := range records {
			if text, ok := record[5].(string); ok {
				// pgx copies in binary, and takes a text for the bytes.
				var document map[string]interface{}
				check(json.Unmarshal([]byte(text), &document))
				record[5] = document
			}
		}
		return copied("SELECT * FROM vaults WHERE id > 900 ORDER BY id", "vaults", strings.Split(columns, ", "), records)
	})
}

// The version of the Debian package that the driver's source comes from.
func packaged(name string) string {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", name).Output()
	check(err)
	return strings.SplitN(string(out), "-", 2)[0]
}

func main() {
	given, err := io.ReadAll(os.Stdin)
	check(err)
	for _, line := range strings.Split(string(given), "\n") {
		text, err := base64.StdEncoding.DecodeString(line)
		check(err)
		texts = append(texts, string(text))
	}
	fmt.Printf("{\"driver\": %q, \"version\": %q}\n", os.Args[1], packaged(os.Args[2]))
	if os.Args[1] == "lib/pq" {
		db, err := sql.Open("postgres", os.Getenv("DATABASE_URL"))
		check(err)
		db.SetMaxOpenConns(1)
		common(&viaPq{db: db})
		check(db.Close())
	} else {
		connection, err := pgx.Connect(ctx, os.Getenv("DATABASE_URL"))
		check(err)
		common(&viaPgx{connection})
		check(connection.Close(ctx))
	}
}
