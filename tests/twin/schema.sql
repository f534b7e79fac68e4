-- Protected and plain columns of every kind that can be sealed, and every way to find a row's tenant.
CREATE TABLE orgs (id text PRIMARY KEY, title text);
INSERT INTO orgs VALUES ('red', 'Red'), ('green', 'Green'), ('blue', 'Blue');
CREATE TABLE people (
    id int PRIMARY KEY, org text NOT NULL REFERENCES orgs, name text, n int CHECK (n < 100000),
    secret text, code varchar(1000), doc jsonb, raw json, blob bytea, UNIQUE (org, n));
CREATE TABLE notes (id int PRIMARY KEY, person int NOT NULL REFERENCES people ON DELETE CASCADE, title text, body text, meta jsonb);
CREATE TABLE tokens (id int PRIMARY KEY, label text DEFAULT 'none', n int, token text, extra jsonb);
CREATE TABLE events (id int, org text NOT NULL, kind text NOT NULL, payload text, n int, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE events_a PARTITION OF events FOR VALUES IN ('a');
CREATE TABLE events_b (n int, payload text, kind text NOT NULL, org text NOT NULL, id int NOT NULL, PRIMARY KEY (id, kind));
ALTER TABLE events ATTACH PARTITION events_b FOR VALUES IN ('b');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE TABLE staff (grade int, PRIMARY KEY (id)) INHERITS (people);
CREATE TABLE "Odd Table" ("Id" int PRIMARY KEY, "Org" text NOT NULL, "Secret ""Value""" text, "n" int);
CREATE TABLE constants (id int PRIMARY KEY, label text, value bytea, body json);
CREATE TABLE logs (id int PRIMARY KEY, note text, ref int, n int, secret text);
CREATE SCHEMA other;
CREATE TABLE other.people (id int PRIMARY KEY, org text, name text, n int, secret text);
CREATE VIEW active_people AS SELECT id, org, name, secret AS hidden, doc FROM people WHERE n > 20;
CREATE VIEW people_names AS SELECT id, org, upper(name) AS name, n FROM people;
CREATE VIEW notes_and_people AS SELECT t.id, t.title, t.body, p.name, p.secret FROM notes t JOIN people p ON p.id = t.person;
CREATE VIEW deep AS SELECT v.id, v.hidden, v.doc AS d, jsonb_build_object('h', v.hidden, 'd', v.doc) AS j, v.hidden || '!' AS loud FROM active_people v;
CREATE VIEW all_texts AS SELECT id, secret AS words FROM people UNION ALL SELECT id, body FROM notes;
CREATE VIEW deeper AS SELECT d.id, d.hidden, t.words, (SELECT k.token FROM tokens k WHERE k.id = d.id) AS token FROM deep d LEFT JOIN all_texts t ON t.id = d.id + 10;
CREATE TABLE parts (id int, org text NOT NULL, n int NOT NULL, body text, meta jsonb, PRIMARY KEY (id, n)) PARTITION BY RANGE (n);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (50) PARTITION BY LIST (n);
CREATE TABLE parts_low_one PARTITION OF parts_low FOR VALUES IN (1);
CREATE TABLE parts_low_rest PARTITION OF parts_low DEFAULT;
CREATE TABLE parts_high PARTITION OF parts DEFAULT;
CREATE DOMAIN secret_text AS text;
CREATE TABLE accounts (
    id int PRIMARY KEY, org text NOT NULL, email text, login varchar(2000), mark bytea, memo secret_text, n int, UNIQUE (org, email), UNIQUE (login));
CREATE TABLE contacts (id int PRIMARY KEY, org text NOT NULL, mail text, label text DEFAULT 'new');
CREATE TABLE ledgers (id int PRIMARY KEY, org int NOT NULL, memo secret_text, entry jsonb, amount numeric(12, 2), at timestamptz DEFAULT '2026-11-30 12:00Z', tags text[], open bool);
CREATE TABLE replies (id int PRIMARY KEY, note int NOT NULL REFERENCES notes ON DELETE CASCADE, body text, extra json, n int DEFAULT 7);
CREATE VIEW threads AS SELECT r.id, r.note, r.body, t.body AS about, t.person FROM replies r LEFT JOIN notes t ON t.id = r.note;
CREATE VIEW thread_list AS SELECT t.note AS id, json_agg(json_build_object('id', t.id, 'body', t.body, 'about', t.about) ORDER BY t.id) AS replies, count(*)::int AS count FROM threads t GROUP BY t.note;
CREATE VIEW books AS SELECT b.id, b.org, b.memo, b.amount, b.entry FROM (SELECT l.*, row_number() OVER (PARTITION BY l.org ORDER BY l.id) AS r FROM ledgers l) b WHERE b.r < 4;
CREATE VIEW mails AS SELECT id, org, email AS mail FROM accounts UNION ALL SELECT id, org, mail FROM contacts;
