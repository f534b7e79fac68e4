-- One table with a sealed column of each type, and one that no rule names. Accounts are the tenants.
CREATE TABLE accounts (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO accounts VALUES (1, 'acme'), (2, 'globex');
CREATE TABLE vaults (
    id integer PRIMARY KEY, account_id integer NOT NULL REFERENCES accounts, label text NOT NULL UNIQUE,
    secret text, pin varchar(2000), settings jsonb, raw json, blob bytea, rank integer NOT NULL DEFAULT 0);
CREATE TABLE notes (id serial PRIMARY KEY, body text);
