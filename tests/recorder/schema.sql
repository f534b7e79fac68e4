-- Tables that no rule names, in both databases.
CREATE TABLE rec (id int PRIMARY KEY, v text, n int DEFAULT 0);
CREATE TABLE rec_ref (id int REFERENCES rec DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION rec_notice(what text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'says %', what; RETURN 7; END $$;
CREATE FUNCTION rec_fails(what text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fails %', what USING HINT = 'a hint', DETAIL = 'a detail'; END $$;
CREATE FUNCTION rec_refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'shut'; END $$;
CREATE PROCEDURE rec_commits() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO rec VALUES (50, 'fifty'); COMMIT; INSERT INTO rec VALUES (51, 'fifty-one'); END $$;
-- A COPY into it fails before it has read anything.
CREATE TABLE rec_shut (id int);
CREATE TRIGGER rec_shut BEFORE INSERT ON rec_shut EXECUTE FUNCTION rec_refuses();
