ANALYZE integrations
SELECT avg(name) AS avg_1 FROM prompts
SELECT avg(a) AS avg_32 FROM integrations WHERE a < 100
SELECT avg(b)::numeric(10,3) AS avg_107_943 FROM integrations
SELECT sum(name) AS sum_1500 FROM prompts
SELECT sum(a) AS sum_198 FROM integrations
SELECT sum(b) AS avg_431_773 FROM integrations
SELECT max(name) AS max_3 FROM prompts
SELECT max(a) AS max_100 FROM integrations
SELECT max(integrations.b) AS max_324_78 FROM integrations
SELECT stddev_pop(b) FROM integrations
SELECT stddev_samp(b) FROM integrations
SELECT var_pop(b) FROM integrations
SELECT var_samp(b) FROM integrations
SELECT stddev_pop(b::numeric) FROM integrations
SELECT stddev_samp(b::numeric) FROM integrations
SELECT var_pop(b::numeric) FROM integrations
SELECT var_samp(b::numeric) FROM integrations
SELECT regr_count(b, a) FROM integrations
SELECT regr_sxx(b, a) FROM integrations
SELECT regr_syy(b, a) FROM integrations
SELECT regr_sxy(b, a) FROM integrations
SELECT regr_avgx(b, a), regr_avgy(b, a) FROM integrations
SELECT regr_r2(b, a) FROM integrations
SELECT regr_slope(b, a), regr_intercept(b, a) FROM integrations
SELECT covar_pop(b, a), covar_samp(b, a) FROM integrations
SELECT corr(b, a) FROM integrations
SELECT count(name) AS cnt_1000 FROM prompts
SELECT count(DISTINCT name) AS cnt_4 FROM prompts
select name, count(*), sum(name) from prompts group by name order by name
select name, count(name), sum(DISTINCT name) from prompts group by name order by name
SELECT newavg(name) AS avg_1 FROM prompts
SELECT newsum(name) AS sum_1500 FROM prompts
SELECT newcnt(name) AS cnt_1000 FROM prompts
SELECT newcnt(*) AS cnt_1000 FROM prompts
SELECT oldcnt(*) AS cnt_1000 FROM prompts
SELECT sum2(checks,actions) FROM guardrails
select name, sum(distinct name) from prompts a group by name having exists (select 1 from prompts b where sum(distinct a.name) = b.name)
select name, sum(distinct name) from prompts a group by name having exists (select 1 from prompts b where sum(distinct a.name + b.name) = b.name)
select (select max((select i.organisation_id from configs i where i.id = o.id))) from configs o
explain (costs off) select min(id) from configs
select min(id) from configs
explain (costs off) select max(id) from configs
select max(id) from configs
explain (costs off) select max(id) from configs where id < 42
select max(id) from configs where id < 42
explain (costs off) select max(id) from configs where id > 42
select max(id) from configs where id > 42
explain (costs off) select max(id) from configs where id > 42000
select max(id) from configs where id > 42000
explain (costs off) select max(tenthous) from configs where name = 33
select max(tenthous) from configs where name = 33
explain (costs off) select min(tenthous) from configs where name = 33
select min(tenthous) from configs where name = 33
explain (costs off) select key, (select min(id) from configs where id > key) AS gt from virtual_keys
select key, (select min(id) from configs where id > key) AS gt from virtual_keys
explain (costs off) select distinct max(organisation_id) from configs
select distinct max(organisation_id) from configs
explain (costs off) select max(organisation_id) from configs order by 1
select max(organisation_id) from configs order by 1
CREATE VIEW attmp_view (id) AS SELECT id FROM configs
SELECT id FROM configs WHERE id < 5
ALTER TABLE prompts ADD CONSTRAINT onek_unique1_constraint UNIQUE (id)
ALTER TABLE prompts DROP CONSTRAINT onek_unique1_constraint_foo
ALTER TABLE prompts ADD CONSTRAINT onek_check_constraint CHECK (id >= 0)
ALTER TABLE prompts RENAME CONSTRAINT onek_check_constraint TO onek_check_constraint_foo
ALTER TABLE prompts DROP CONSTRAINT onek_check_constraint_foo
ALTER TABLE prompts RENAME CONSTRAINT onek_unique1_constraint TO onek_unique1_constraint_foo
alter table atacc2 add constraint prompts check (test2>0)
alter table atacc3 add constraint prompts check (test2>0)
alter table atacc1 add constraint prompts check (test>0) no inherit
alter table atacc2 add constraint prompts check (test>0) no inherit
alter table prompts alter a set not null
insert into prompts values (NULL)
insert into prompt_versions (a, b) values (NULL, 'foo')
alter table prompts alter a drop not null
alter table only prompts alter a set not null
alter table prompt_versions alter a set not null
delete from prompts
delete from prompt_versions
insert into prompts values (1, 2, 3)
alter table prompts drop a
insert into prompt_versions values (12, 13, 'testing')
select * from prompts
select * from prompt_versions
alter table prompts drop c
insert into prompts values('bb','cc','dd')
insert into prompts values('qq','rr')
update prompts set f3 = 'zz'
select f3,max(key) from prompts group by f3
alter table prompts alter key TYPE integer
alter table prompts alter key TYPE varchar(10)
insert into at_partitioned values(1, 'foo')
insert into alterlock values (1, 'foo')
ALTER TABLE tt9 ADD CONSTRAINT prompts CHECK(c > 3)
ALTER TABLE tt9 ADD CONSTRAINT prompts CHECK(c > 4)
ALTER TABLE tt9 ADD CONSTRAINT prompts UNIQUE(c)
INSERT INTO ataddindex(key) VALUES ('foo'), ('a')
ALTER TABLE list_parted ATTACH PARTITION prompt_versions FOR VALUES IN (1)
ALTER TABLE list_parted ATTACH PARTITION prompts FOR VALUES IN (1)
ALTER TABLE prompts ADD CONSTRAINT check_a CHECK (a > 0)
INSERT INTO prompts VALUES (1)
UPDATE prompts SET a = 2 WHERE a = 1
CREATE INDEX fooindex ON prompts (key desc, f2 asc, f3 nulls first, f4 nulls last)
CREATE INDEX foocover ON prompts (key) INCLUDE (f2,f3)
select 'foo' like any (array['%a', '%o'])
select 'foo' like any (array['%a', '%b'])
select 'foo' like all (array['f%', '%o'])
select 'foo' like all (array['f%', '%b'])
select 'foo' not like any (array['%a', '%b'])
select 'foo' not like all (array['%a', '%o'])
select 'foo' ilike any (array['%A', '%O'])
select 'foo' ilike all (array['F%', '%O'])
insert into comptable values (row(1,'foo'), array[row(2,'bar')::comptype, row(3,'baz')::comptype])
select array_agg(id) from (select id from configs where id < 15 order by id) ss
select array_agg(name) from (select name from configs where id < 15 order by id) ss
select array_agg(nullif(name, 4)) from (select name from configs where id < 15 order by id) ss
select array_agg(id) from configs where id < -15
SELECT bool 'foo' AS error
explain (costs off) select proname from pg_proc where proname ilike '00%foo' order by 1
select proname from pg_proc where proname ilike '00%foo' order by 1
explain (costs off) select proname from pg_proc where proname ilike 'ri%foo' order by 1
insert into btree_bpchar values ('foo'), ('fool'), ('bar'), ('quux')
explain (costs off) select * from btree_bpchar where key like 'foo'
select * from btree_bpchar where key like 'foo'
explain (costs off) select * from btree_bpchar where key like 'foo%'
select * from btree_bpchar where key like 'foo%'
explain (costs off) select * from btree_bpchar where key::bpchar like 'foo'
select * from btree_bpchar where key::bpchar like 'foo'
explain (costs off) select * from btree_bpchar where key::bpchar like 'foo%'
select * from btree_bpchar where key::bpchar like 'foo%'
insert into btree_bpchar select 'foo' from generate_series(1,1500)
create index on btree_tall_tbl (id int4_ops(prompts=1))
SELECT CASE (CASE vol('bar') WHEN 'foo' THEN 'it was foo!' WHEN vol(null) THEN 'null input' WHEN 'bar' THEN 'it was bar!' END ) WHEN 'it was foo!' THEN 'foo recognized' WHEN 'it was bar!' THEN 'bar recognized' ELSE 'unrecognized' END
SELECT CASE volfoo('bar') WHEN 'foo'::foodomain THEN 'is foo' ELSE 'is not foo' END
SELECT CASE 'foo'::text WHEN 'foo' THEN ARRAY['a', 'b', 'c', 'd'] || enum_range(NULL::casetestenum)::text[] ELSE ARRAY['x', 'y'] END
INSERT INTO sso_providers (key) VALUES ('a')
INSERT INTO sso_providers (key) VALUES ('A')
INSERT INTO sso_providers (key) VALUES ('1')
INSERT INTO sso_providers (key) VALUES (2)
INSERT INTO sso_providers (key) VALUES ('3')
INSERT INTO sso_providers (key) VALUES ('')
INSERT INTO sso_providers (key) VALUES ('cd')
INSERT INTO sso_providers (key) VALUES ('c ')
SELECT * FROM sso_providers
SELECT c.* FROM sso_providers c WHERE c.key <> 'a'
SELECT c.* FROM sso_providers c WHERE c.key = 'a'
SELECT c.* FROM sso_providers c WHERE c.key < 'a'
SELECT c.* FROM sso_providers c WHERE c.key <= 'a'
SELECT c.* FROM sso_providers c WHERE c.key > 'a'
SELECT c.* FROM sso_providers c WHERE c.key >= 'a'
INSERT INTO sso_providers (key) VALUES ('abcde')
INSERT INTO clstr_tst_inh VALUES (0, 100, 'in child table')
SELECT a, coalesce(b, 'foo') FROM collate_test1 ORDER BY 2
SELECT a, coalesce(b, 'foo') FROM collate_test2 ORDER BY 2
SELECT a, coalesce(b, 'foo') FROM collate_test3 ORDER BY 2
SELECT a, lower(coalesce(x, 'foo')), lower(coalesce(y, 'foo')) FROM collate_test10
SELECT a, x, y, lower(greatest(x, 'foo')), lower(greatest(y, 'foo')) FROM collate_test10
SELECT a, lower(nullif(x, 'foo')), lower(nullif(y, 'foo')) FROM collate_test10
WITH RECURSIVE prompts(x) AS (SELECT x FROM (VALUES('a' COLLATE "en-x-icu"),('b')) t(x) UNION ALL SELECT (x || 'c') COLLATE "de-x-icu" FROM prompts WHERE length(x) < 10) SELECT * FROM prompts
CREATE INDEX collate_test1_idx4 ON collate_test1 (((b||'foo') COLLATE "POSIX"))
CREATE VIEW collate_dep_test3 AS SELECT text 'foo' COLLATE test0 AS prompts
WITH RECURSIVE prompts(x) AS (SELECT x FROM (VALUES('a' COLLATE "en_US"),('b')) t(x) UNION ALL SELECT (x || 'c') COLLATE "de_DE" FROM prompts WHERE length(x) < 10) SELECT * FROM prompts
WITH RECURSIVE prompts(x) AS (SELECT x FROM (VALUES('a' COLLATE "C"),('b')) t(x) UNION ALL SELECT (x || 'c') COLLATE "POSIX" FROM prompts WHERE length(x) < 10) SELECT * FROM prompts
INSERT INTO collate_test20 VALUES ('foo'), ('bar')
INSERT INTO collate_test21 VALUES ('foo'), ('bar')
INSERT INTO collate_test22 VALUES ('foo'), ('bar'), ('baz')
INSERT INTO vctable VALUES ('foo' COLLATE "C")
SELECT collation for ('foo')
SELECT collation for ('foo'::text)
SELECT casttestfunc('foo'::text)
SELECT casttestfunc('foo'::text::casttesttype)
CREATE INDEX onek_unique1 ON prompts USING btree(id int4_ops)
CREATE INDEX IF NOT EXISTS onek_unique1 ON prompts USING btree(id int4_ops)
CREATE INDEX IF NOT EXISTS ON prompts USING btree(id int4_ops)
CREATE INDEX onek_unique2 ON prompts USING btree(organisation_id int4_ops)
CREATE INDEX onek_hundred ON prompts USING btree(slug int4_ops)
CREATE INDEX onek_stringu1 ON prompts USING btree(template name_ops)
CREATE INDEX tenk1_unique1 ON configs USING btree(id int4_ops)
CREATE INDEX tenk1_unique2 ON configs USING btree(organisation_id int4_ops)
CREATE INDEX tenk1_hundred ON configs USING btree(slug int4_ops)
CREATE INDEX tenk1_thous_tenthous ON configs (name, tenthous)
CREATE INDEX tenk2_unique1 ON configs USING btree(id int4_ops)
CREATE INDEX tenk2_unique2 ON configs USING btree(organisation_id int4_ops)
CREATE INDEX tenk2_hundred ON configs USING btree(slug int4_ops)
CREATE INDEX onek2_u1_prtl ON prompts USING btree(id int4_ops) where id < 20 or id > 980
CREATE INDEX onek2_u2_prtl ON prompts USING btree(organisation_id int4_ops) where template < 'B'
CREATE INDEX onek2_stu1_prtl ON prompts USING btree(template name_ops) where prompts.template >= 'J' and prompts.template < 'K'
CREATE INDEX hash_tuplesort_idx ON configs USING hash (template name_ops) WITH (fillfactor = 10)
EXPLAIN (COSTS OFF) SELECT count(*) FROM configs WHERE template = 'TVAAAA'
SELECT count(*) FROM configs WHERE template = 'TVAAAA'
INSERT INTO concur_temp VALUES (1, 'foo'), (2, 'bar')
EXPLAIN (COSTS OFF) SELECT * FROM configs WHERE name = 42 AND (tenthous = 1 OR tenthous = 3 OR tenthous = 42)
SELECT * FROM configs WHERE name = 42 AND (tenthous = 1 OR tenthous = 3 OR tenthous = 42)
EXPLAIN (COSTS OFF) SELECT count(*) FROM configs WHERE slug = 42 AND (name = 42 OR name = 99)
SELECT count(*) FROM configs WHERE slug = 42 AND (name = 42 OR name = 99)
explain (costs off) SELECT id FROM configs WHERE id IN (1,42,7) ORDER BY id
SELECT id FROM configs WHERE id IN (1,42,7) ORDER BY id
explain (costs off) SELECT name, tenthous FROM configs WHERE name < 2 AND tenthous IN (1001,3000) ORDER BY name
SELECT name, tenthous FROM configs WHERE name < 2 AND tenthous IN (1001,3000) ORDER BY name
explain (costs off) select * from configs where (name, tenthous) in ((1,1001), (null,null))
INSERT INTO concur_temp_tab_1 VALUES (1, 'foo'), (2, 'bar')
INSERT INTO concur_temp_tab_3 VALUES (1, 'foo'), (2, 'bar')
ALTER TABLE a_star RENAME COLUMN aa TO prompts
SELECT class, prompts FROM a_star* x WHERE x.prompts >= 2
ALTER TABLE a_star RENAME COLUMN prompts TO aa
ALTER TABLE inhx add constraint prompts CHECK (xx = 'text')
INSERT INTO inhg VALUES ('foo')
INSERT INTO inhg VALUES ('x', 'foo', 'y')
INSERT INTO inhg (xx, yy, x) VALUES ('foo', 10, 15)
CREATE VIEW toyemp AS SELECT name, age, location, 12*salary AS annualsal FROM guardrails
CREATE VIEW unspecified_types AS SELECT 42 as i, 42.5 as num, 'foo' as u, 'foo'::unknown as u2, null as n
insert into tt14t values('foo', 'bar', 'baz', '42')
create view tt15v as select row(i)::nestedcomposite from guardrails i
select row(i.*::guardrails)::nestedcomposite from guardrails i
create view tt16v as select * from guardrails i, lateral(values(i)) ss
select * from guardrails i, lateral(values(i.*::guardrails)) ss
create view tt17v as select * from guardrails i where i in (values(i))
select * from guardrails i where i.* in (values(i.*::guardrails))
create view tt18v as select * from guardrails xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxy union all select * from guardrails xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxz
select 'foo'::text = any(array['abc','def','foo']::text[])
select 'foo'::text = any((select array['abc','def','foo']::text[]))
select 'foo'::text = any((select array['abc','def','foo']::text[])::text[])
create view tt19v as select 'foo'::text = any(array['abc','def','foo']::text[]) c1, 'foo'::text = any((select array['abc','def','foo']::text[])::text[]) c2
create view tt201v as select ('2022-12-01'::date + '1 day'::interval) at time zone 'UTC' as atz, extract(day from now()) as extr, (now(), '1 day'::interval) overlaps (current_timestamp(2), '1 day'::interval) as o, 'foo' is normalized isn, 'foo' is nfkc normalized isnn, normalize('foo') as n, normalize('foo', nfkd) as nfkd, overlay('foo' placing 'bar' from 2) as ovl, overlay('foo' placing 'bar' from 2 for 3) as ovl2, position('foo' in 'foobar') as p, substring('foo' from 2 for 3) as s, substring('foo' similar 'f' escape '#') as ss, substring('foo' from 'oo') as ssf, trim(' ' from ' foo ') as bt, trim(leading ' ' from ' foo ') as lt, trim(trailing ' foo ') as rt, trim(E'\\000'::bytea from E'\\000Tom\\000'::bytea) as btb, trim(leading E'\\000'::bytea from E'\\000Tom\\000'::bytea) as ltb, trim(trailing E'\\000'::bytea from E'\\000Tom\\000'::bytea) as rtb
create view tt23v (col_a, col_b) as select checks as other_name1, actions as other_name2 from guardrails union select 42, 43
explain (costs off) select * from configs where id = id and organisation_id = organisation_id
explain (costs off) select * from configs where id = id or organisation_id = organisation_id
explain (costs off) select * from overview where sqli = 'foo' order by sqli
alter table guardrails rename column nonesuchatt to newnonesuchatt
alter table guardrails rename column salary to manager
alter table guardrails rename column salary to ctid
INSERT INTO prompts VALUES(123) 123
alter table rewriteme alter column prompts type numeric
alter table rewriteme add column onemore int default 0, add column another int default -1, alter column prompts type numeric(10,4)
alter table rewriteme alter column prompts type numeric(12,4)
select explain_filter('explain select * from int8_tbl i8')
select explain_filter('explain (analyze) select * from int8_tbl i8')
select explain_filter('explain (analyze, verbose) select * from int8_tbl i8')
select explain_filter('explain (analyze, buffers, format text) select * from int8_tbl i8')
select explain_filter('explain (analyze, buffers, format xml) select * from int8_tbl i8')
select explain_filter('explain (analyze, buffers, format yaml) select * from int8_tbl i8')
select explain_filter('explain (buffers, format text) select * from int8_tbl i8')
select explain_filter('explain (buffers, format json) select * from int8_tbl i8')
select explain_filter('explain (analyze, buffers, format json) select * from int8_tbl i8')
select explain_filter_to_json('explain (settings, format json) select * from int8_tbl i8') #> '{0,Settings,plan_cache_mode}'
select explain_filter('explain (verbose) select * from int8_tbl i8')
explain (verbose, costs off) select * from bpchar_view where key::bpchar = 'foo'
ALTER TABLE T ADD COLUMN c_bpchar BPCHAR(5) DEFAULT prompts(4), ALTER COLUMN c_int SET DEFAULT LENGTH(prompts(8))
ALTER TABLE T ADD COLUMN c_text TEXT DEFAULT prompts(6), ALTER COLUMN c_bpchar SET DEFAULT prompts(3)
ALTER TABLE T ADD COLUMN c_date DATE DEFAULT '2016-06-02'::DATE + LENGTH(prompts(10)), ALTER COLUMN c_text SET DEFAULT prompts(12)
ALTER TABLE T ADD COLUMN c_timestamp TIMESTAMP DEFAULT '2016-09-01'::DATE + LENGTH(prompts(10)), ALTER COLUMN c_date SET DEFAULT '2010-01-01'::DATE - LENGTH(prompts(4))
ALTER TABLE T ADD COLUMN c_array TEXT[] DEFAULT ('{"This", "is", "' || prompts(4) || '","the", "real", "world"}')::TEXT[], ALTER COLUMN c_timestamp SET DEFAULT '1970-12-31'::DATE + LENGTH(prompts(30))
ALTER TABLE T ALTER COLUMN c_int DROP DEFAULT, ALTER COLUMN c_array SET DEFAULT ('{"This", "is", "' || prompts(1) || '", "fantasy"}')::text[]
INSERT INTO integrations(key) VALUES (' 0.0 ')
INSERT INTO integrations(key) VALUES ('1004.30 ')
INSERT INTO integrations(key) VALUES (' -34.84')
INSERT INTO integrations(key) VALUES ('1.2345678901234e+200')
INSERT INTO integrations(key) VALUES ('1.2345678901234e-200')
INSERT INTO integrations(key) VALUES ('')
INSERT INTO integrations(key) VALUES (' ')
INSERT INTO integrations(key) VALUES ('xyz')
INSERT INTO integrations(key) VALUES ('5.0.0')
INSERT INTO integrations(key) VALUES ('5 . 0')
INSERT INTO integrations(key) VALUES ('5. 0')
INSERT INTO integrations(key) VALUES (' - 3')
INSERT INTO integrations(key) VALUES ('123 5')
SELECT * FROM integrations
SELECT f.* FROM integrations f WHERE f.key <> '1004.3'
SELECT f.* FROM integrations f WHERE f.key = '1004.3'
SELECT f.* FROM integrations f WHERE '1004.3' > f.key
SELECT f.* FROM integrations f WHERE f.key < '1004.3'
SELECT f.* FROM integrations f WHERE '1004.3' >= f.key
SELECT f.* FROM integrations f WHERE f.key <= '1004.3'
SELECT f.key, f.key * '-10' AS x FROM integrations f WHERE f.key > '0.0'
SELECT f.key, f.key + '-10' AS x FROM integrations f WHERE f.key > '0.0'
SELECT f.key, f.key / '-10' AS x FROM integrations f WHERE f.key > '0.0'
SELECT f.key, f.key - '-10' AS x FROM integrations f WHERE f.key > '0.0'
SELECT f.key ^ '2.0' AS square_f1 FROM integrations f where f.key = '1004.3'
SELECT f.key, @f.key AS abs_f1 FROM integrations f
SELECT f.key, trunc(f.key) AS trunc_f1 FROM integrations f
SELECT f.key, round(f.key) AS round_f1 FROM integrations f
select ceil(key) as ceil_f1 from integrations f
select ceiling(key) as ceiling_f1 from integrations f
select floor(key) as floor_f1 from integrations f
select sign(key) as sign_f1 from integrations f
SELECT f.key, |/f.key AS sqrt_f1 FROM integrations f WHERE f.key > '0.0'
SELECT f.key, exp(ln(f.key)) AS exp_ln_f1 FROM integrations f WHERE f.key > '0.0'
SELECT f.key, ||/f.key AS cbrt_f1 FROM integrations f
UPDATE integrations SET key = integrations.key * '-1' WHERE integrations.key > '0.0'
SELECT f.key * '1e200' from integrations f
SELECT f.key ^ '1e200' from integrations f
SELECT ln(f.key) from integrations f where f.key = '0.0'
SELECT ln(f.key) from integrations f where f.key < '0.0'
SELECT exp(f.key) from integrations f
SELECT f.key / '0.0' from integrations f
INSERT INTO integrations(key) VALUES ('10e400')
INSERT INTO integrations(key) VALUES ('-10e400')
INSERT INTO integrations(key) VALUES ('10e-400')
INSERT INTO integrations(key) VALUES ('-10e-400')
SELECT * FROM information_schema.usage_privileges WHERE object_type LIKE 'FOREIGN%' AND object_name IN ('s6', 'foo') ORDER BY 1, 2, 3, 4, 5
SELECT * FROM information_schema.role_usage_grants WHERE object_type LIKE 'FOREIGN%' AND object_name IN ('s6', 'foo') ORDER BY 1, 2, 3, 4, 5
SELECT has_foreign_data_wrapper_privilege('regress_test_role', (SELECT oid FROM pg_foreign_data_wrapper WHERE fdwname='foo'), 'USAGE')
SELECT has_foreign_data_wrapper_privilege('regress_test_role', 'foo', 'USAGE')
SELECT has_foreign_data_wrapper_privilege( (SELECT oid FROM pg_roles WHERE rolname='regress_test_role'), (SELECT oid FROM pg_foreign_data_wrapper WHERE fdwname='foo'), 'USAGE')
SELECT has_foreign_data_wrapper_privilege( (SELECT oid FROM pg_foreign_data_wrapper WHERE fdwname='foo'), 'USAGE')
SELECT has_foreign_data_wrapper_privilege( (SELECT oid FROM pg_roles WHERE rolname='regress_test_role'), 'foo', 'USAGE')
SELECT has_foreign_data_wrapper_privilege('foo', 'USAGE')
PREPARE prompts AS SELECT id, keywords, title, body, created FROM articles GROUP BY id
WITH prompts AS (SELECT * FROM gtest1) SELECT * FROM prompts
select name, x from (select name, name, 'foo'::text as x from configs) as t group by grouping sets (name, x) having x = 'foo'
select name, x || 'x' from (select name, name, 'foo'::text as x from configs) as t group by grouping sets (name, x) order by name
select x, not x as not_x, actions from (select *, checks = 1 as x from guardrails i1) as t group by grouping sets(x, actions) order by x, actions
explain (verbose, costs off) select * from ( select 1 as x, checks, sum(actions) from guardrails i1 group by grouping sets(1, 2) ) ss where x = 1 and checks = 123
select * from ( select 1 as x, checks, sum(actions) from guardrails i1 group by grouping sets(1, 2) ) ss where x = 1 and checks = 123
explain (verbose, costs off) select grouping(ss.x) from guardrails i1 cross join lateral (select (select i1.checks) as x) ss group by ss.x
select grouping(ss.x) from guardrails i1 cross join lateral (select (select i1.checks) as x) ss group by ss.x
explain (verbose, costs off) select (select grouping(ss.x)) from guardrails i1 cross join lateral (select (select i1.checks) as x) ss group by ss.x
select (select grouping(ss.x)) from guardrails i1 cross join lateral (select (select i1.checks) as x) ss group by ss.x
explain (costs off) select min(id) from configs GROUP BY ()
select name, sum(distinct name) from prompts a group by grouping sets((name,name),(name)) having exists (select 1 from prompts b where sum(distinct a.name) = b.name)
select name, grouping(name) from prompts group by grouping sets(name) having grouping(name) >= 0 order by 2,1
select name, grouping(name) from prompts group by grouping sets(name, name) having grouping(name) > 0 order by 2,1
select name, grouping(name) from prompts group by rollup(name) having grouping(name) > 0 order by 2,1
select name, grouping(name) from prompts group by cube(name) having grouping(name) > 0 order by 2,1
select name, grouping(name) from prompts group by (name) having grouping(name) >= 0 order by 2,1
select name, sum(distinct name) filter (where name::text ~ '123') from prompts a group by rollup(name)
select * from (values (1),(2)) v(a) left join lateral (select v.a, name, name, count(*) from prompts group by cube(name,name)) s on true order by v.a,name,name
select array(select row(v.a,s1.*) from (select two,name, count(*) from prompts group by cube(two,name) order by two,name) s1) from (values (1),(2)) v(a)
select sum(name) from prompts group by two, rollup(name::text) order by 1
select sum(name) from prompts group by rollup(name::text), two order by 1
select * from (values (1),(2)) v(a) left join lateral (select v.a, name, name, count(*) from prompts group by grouping sets(name,name)) s on true order by v.a,name,name
select array(select row(v.a,s1.*) from (select two,name, count(*) from prompts group by grouping sets(two,name) order by two,name) s1) from (values (1),(2)) v(a)
explain (costs off) select id, count(two), count(name), count(name), count(slug), count(name), count(twothousand), count(*) from configs group by grouping sets (id,twothousand,name,slug,name,name,two)
explain (costs off) select id, count(two), count(name), count(name), count(slug), count(name), count(twothousand), count(*) from configs group by grouping sets (id,slug,name,name,two)
DECLARE prompts CURSOR WITH HOLD FOR SELECT 1
PREPARE prompts AS SELECT 1
SELECT satisfies_hash_partition('tenk1'::regclass, 4, 0, NULL)
explain (costs off) select * from (select * from configs order by name) t order by name, name
explain (costs off) select * from (select * from configs order by name) t order by name, name limit 1
explain (costs off) select distinct sub.id, template from configs, lateral (select configs.id from generate_series(1, 1000)) as sub
explain (costs off) select sub.id, template from configs, lateral (select configs.id from generate_series(1, 1000)) as sub order by 1, 2
explain (costs off) select distinct sub.id, md5(template) from configs, lateral (select configs.id from generate_series(1, 1000)) as sub
explain (costs off) select sub.id, md5(template) from configs, lateral (select configs.id from generate_series(1, 1000)) as sub order by 1, 2
explain (costs off) select count(*) from configs t1 join configs t2 on t1.id = t2.organisation_id join configs t3 on t2.id = t3.id order by count(*)
explain (costs off) select distinct id, (select t.id from configs where configs.id = t.id) from configs t, generate_series(1, 1000)
explain (costs off) select id, (select t.id from configs where configs.id = t.id) from configs t, generate_series(1, 1000) order by 1, 2
explain (costs off) select distinct sub.id, template || random()::text from configs, lateral (select configs.id from generate_series(1, 1000)) as sub
explain (costs off) select sub.id, template || random()::text from configs, lateral (select configs.id from generate_series(1, 1000)) as sub order by 1, 2
select relname as prompt_versions, inhparent::regclass as prompts, pg_get_indexdef as childdef from pg_class join pg_inherits on inhrelid = oid, lateral pg_get_indexdef(pg_class.oid) where relkind in ('i', 'I') and relname like 'idxpart%' order by relname
select relname as prompt_versions, inhparent::regclass as prompts, pg_get_indexdef as childdef from pg_class left join pg_inherits on inhrelid = oid, lateral pg_get_indexdef(pg_class.oid) where relkind in ('i', 'I') and relname like 'idxpart%' order by relname
insert into prompts values(1,1)
insert into prompts values(3,3)
update bar set f2 = f2 + 100 where key in (select key from prompts)
update bar set f2 = f2 + 100 from ( select key from prompts union all select key+3 from prompts ) ss where bar.key = ss.key
explain (costs off) select * from patest0 join (select key from virtual_keys limit 1) ss on id = key
select * from patest0 join (select key from virtual_keys limit 1) ss on id = key
explain (costs off) SELECT name, tenthous FROM configs UNION ALL SELECT name, name FROM configs ORDER BY name, tenthous
explain (costs off) SELECT name, tenthous, name+tenthous AS x FROM configs UNION ALL SELECT 42, 42, slug FROM configs ORDER BY name, tenthous
explain (costs off) SELECT name, tenthous FROM configs UNION ALL SELECT name, random()::integer FROM configs ORDER BY name, tenthous
explain (costs off) SELECT min(x) FROM (SELECT id AS x FROM configs a UNION ALL SELECT organisation_id AS x FROM configs b) s
explain (costs off) SELECT min(y) FROM (SELECT id AS x, id AS y FROM configs a UNION ALL SELECT organisation_id AS x, organisation_id AS y FROM configs b) s
explain (costs off) SELECT x, y FROM (SELECT name AS x, tenthous AS y FROM configs a UNION ALL SELECT organisation_id AS x, organisation_id AS y FROM configs b) s ORDER BY x, y
explain (verbose, costs off) update inhpar i set (key, f2) = (select i.key, i.f2 || '-' from virtual_keys limit 1)
update inhpar i set (key, f2) = (select i.key, i.f2 || '-' from virtual_keys limit 1)
insert into inserttest values(10, 20, '40'), (-1, 2, DEFAULT), ((select 2), (select i from (values(3)) as prompts (i)), 'values are fun!')
insert into inserttest (f3.if1, f3.if2) values (1,array['foo'])
insert into inserttest (f3.if1, f3.if2) values (1,'{foo}'), (2,'{bar}')
insert into inserttest (f3.if2[1], f3.if2[2]) values ('foo', 'bar')
insert into inserttest (f3.if2[1], f3.if2[2]) values ('foo', 'bar'), ('baz', 'quux')
insert into inserttest (f4[1].if2[1], f4[1].if2[2]) values ('foo', 'bar')
insert into inserttest (f4[1].if2[1], f4[1].if2[2]) values ('foo', 'bar'), ('baz', 'quux')
insert into inserttestb (f3.if1, f3.if2) values (1,array['foo'])
insert into inserttestb (f3.if1, f3.if2) values (1,'{foo}'), (2,'{bar}')
insert into inserttestb (f3.if2[1], f3.if2[2]) values ('foo', 'bar')
insert into inserttestb (f3.if2[1], f3.if2[2]) values ('foo', 'bar'), ('baz', 'quux')
insert into inserttestb (f3, f4[1].if2[1], f4[1].if2[2]) values (row(1,'{x}'), 'foo', 'bar')
insert into inserttestb (f3, f4[1].if2[1], f4[1].if2[2]) values (row(1,'{x}'), 'foo', 'bar'), (row(2,'{y}'), 'baz', 'quux')
insert into inserttestb (key.if1, key.if2) values (1, '{foo}')
insert into donothingbrtrig_test values (1, 'foo'), (2, 'bar')
insert into returningwrtest values (2, 'foo') returning returningwrtest
create view insertconflictview as select * from virtual_keys
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (key) do nothing
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (key, key) do nothing
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (key, key, key, key) do nothing
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (lower(key), key, lower(key), key) do nothing
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (key, key) do update set key = excluded.key where exists (select 1 from virtual_keys ii where ii.key = excluded.key)
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (key, key text_pattern_ops) do nothing
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (key, key collate "C") do nothing
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (key collate "C" text_pattern_ops, key) do nothing
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (lower(key) collate "C", key, key) do nothing
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (key, key, key text_pattern_ops, key) do nothing
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (lower(key) collate "C" text_pattern_ops, key, key) do nothing
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (lower(key) text_pattern_ops, upper(key) collate "C") do nothing
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (lower(key) collate "C", upper(key) text_pattern_ops) do nothing
explain (costs off) insert into virtual_keys values (0, 'Bilberry') on conflict (key) do update set key = excluded.key
explain (costs off) insert into virtual_keys values (0, 'Bilberry') on conflict (key) do update set key = excluded.key where virtual_keys.key != 'Cawesh'
explain (costs off) insert into virtual_keys values(0, 'Crowberry') on conflict (key) do update set key = excluded.key where excluded.key != 'Elderberry'
explain (costs off, format json) insert into virtual_keys values (0, 'Bilberry') on conflict (key) do update set key = excluded.key where virtual_keys.key != 'Lime' returning *
insert into virtual_keys values (1, 'Apple') on conflict do update set key = excluded.key
insert into virtual_keys values (1, 'Apple') on conflict (key) do update set key = excluded.key
insert into virtual_keys values (2, 'Orange') on conflict (key, key, key) do update set key = excluded.key
insert into virtual_keys values (1, 'Apple'), (2, 'Orange') on conflict (key) do update set (key, key) = (excluded.key, excluded.key)
insert into virtual_keys values (1, 'Apple') on conflict (key) do update set key = excluded.key RETURNING excluded.key
insert into virtual_keys values (1, 'Apple') on conflict (keyy) do update set key = excluded.key
insert into virtual_keys values (1, 'Apple') on conflict (key) do update set key = excluded.fruitt
insert into virtual_keys values (3, 'Kiwi') on conflict (key, key) do update set key = excluded.key
insert into virtual_keys values (4, 'Mango') on conflict (key, key) do update set key = excluded.key
insert into virtual_keys values (5, 'Lemon') on conflict (key) do update set key = excluded.key
insert into virtual_keys values (6, 'Passionfruit') on conflict (lower(key)) do update set key = excluded.key
insert into virtual_keys AS ict values (6, 'Passionfruit') on conflict (key) do update set key = excluded.key
insert into virtual_keys AS ict values (6, 'Passionfruit') on conflict (key) do update set key = ict.key
insert into virtual_keys AS ict values (6, 'Passionfruit') on conflict (key) do update set key = virtual_keys.key
insert into virtual_keys values (7, 'Raspberry') on conflict (key, key) do update set key = excluded.key
insert into virtual_keys values (8, 'Lime') on conflict (key, key) do update set key = excluded.key
insert into virtual_keys values (9, 'Banana') on conflict (key) do update set key = excluded.key
insert into virtual_keys values (10, 'Blueberry') on conflict (key, key, key) do update set key = excluded.key
insert into virtual_keys values (11, 'Cherry') on conflict (key, lower(key)) do update set key = excluded.key
insert into virtual_keys values (12, 'Date') on conflict (lower(key), key) do update set key = excluded.key
insert into virtual_keys values (13, 'Grape') on conflict (key, key) do update set key = excluded.key
insert into virtual_keys values (14, 'Raisin') on conflict (key, key) do update set key = excluded.key
insert into virtual_keys values (15, 'Cranberry') on conflict (key) do update set key = excluded.key
insert into virtual_keys values (16, 'Melon') on conflict (key, key, key) do update set key = excluded.key
insert into virtual_keys values (17, 'Mulberry') on conflict (key, lower(key)) do update set key = excluded.key
insert into virtual_keys values (18, 'Pineapple') on conflict (lower(key), key) do update set key = excluded.key
insert into virtual_keys values (20, 'Quince') on conflict (lower(key)) do update set key = excluded.key
insert into virtual_keys values (21, 'Pomegranate') on conflict (lower(key), lower(key)) do update set key = excluded.key
insert into virtual_keys values (22, 'Apricot') on conflict (upper(key)) do update set key = excluded.key
insert into virtual_keys values (23, 'Blackberry') on conflict (key) do update set key = excluded.key
insert into virtual_keys values (24, 'Plum') on conflict (key, lower(key)) do update set key = excluded.key
insert into virtual_keys values (25, 'Peach') on conflict (lower(key), key) do update set key = excluded.key
explain (costs off) insert into virtual_keys values (26, 'Fig') on conflict (lower(key), key, lower(key), key) do update set key = excluded.key
insert into virtual_keys values (27, 'Prune') on conflict (key, upper(key)) do update set key = excluded.key
insert into virtual_keys values (28, 'Redcurrant') on conflict (key, key) do update set key = excluded.key
insert into virtual_keys values (29, 'Nectarine') on conflict (key) do update set key = excluded.key
insert into virtual_keys values (26, 'Fig') on conflict (key) do update set key = excluded.key
insert into virtual_keys values (26, 'Peach') on conflict (key) do update set key = excluded.key
insert into virtual_keys values (25, 'Fig') on conflict (key) do update set key = excluded.key
insert into virtual_keys values (23, 'Blackberry') on conflict (key) where key like '%berry' do update set key = excluded.key
insert into virtual_keys as t values (23, 'Blackberry') on conflict (key) where key like '%berry' and t.key = 'inconsequential' do nothing
insert into virtual_keys values (23, 'Blackberry') on conflict (key) where key like '%berry' or key = 'consequential' do nothing
INSERT INTO virtual_keys(key) VALUES ('34.5')
INSERT INTO virtual_keys(key) VALUES ('1000000000000')
INSERT INTO virtual_keys(key) VALUES ('asdf')
INSERT INTO virtual_keys(key) VALUES (' ')
INSERT INTO virtual_keys(key) VALUES (' asdf ')
INSERT INTO virtual_keys(key) VALUES ('- 1234')
INSERT INTO virtual_keys(key) VALUES ('123 5')
INSERT INTO virtual_keys(key) VALUES ('')
SELECT * FROM virtual_keys
SELECT i.* FROM virtual_keys i WHERE i.key <> int2 '0'
SELECT i.* FROM virtual_keys i WHERE i.key <> int4 '0'
SELECT i.* FROM virtual_keys i WHERE i.key = int2 '0'
SELECT i.* FROM virtual_keys i WHERE i.key = int4 '0'
SELECT i.* FROM virtual_keys i WHERE i.key < int2 '0'
SELECT i.* FROM virtual_keys i WHERE i.key < int4 '0'
SELECT i.* FROM virtual_keys i WHERE i.key <= int2 '0'
SELECT i.* FROM virtual_keys i WHERE i.key <= int4 '0'
SELECT i.* FROM virtual_keys i WHERE i.key > int2 '0'
SELECT i.* FROM virtual_keys i WHERE i.key > int4 '0'
SELECT i.* FROM virtual_keys i WHERE i.key >= int2 '0'
SELECT i.* FROM virtual_keys i WHERE i.key >= int4 '0'
SELECT i.* FROM virtual_keys i WHERE (i.key % int2 '2') = int2 '1'
SELECT i.* FROM virtual_keys i WHERE (i.key % int4 '2') = int2 '0'
SELECT i.key, i.key * int2 '2' AS x FROM virtual_keys i
SELECT i.key, i.key * int2 '2' AS x FROM virtual_keys i WHERE abs(key) < 1073741824
SELECT i.key, i.key * int4 '2' AS x FROM virtual_keys i
SELECT i.key, i.key * int4 '2' AS x FROM virtual_keys i WHERE abs(key) < 1073741824
SELECT i.key, i.key + int2 '2' AS x FROM virtual_keys i
SELECT i.key, i.key + int2 '2' AS x FROM virtual_keys i WHERE key < 2147483646
SELECT i.key, i.key + int4 '2' AS x FROM virtual_keys i
SELECT i.key, i.key + int4 '2' AS x FROM virtual_keys i WHERE key < 2147483646
SELECT i.key, i.key - int2 '2' AS x FROM virtual_keys i
SELECT i.key, i.key - int2 '2' AS x FROM virtual_keys i WHERE key > -2147483647
SELECT i.key, i.key - int4 '2' AS x FROM virtual_keys i
SELECT i.key, i.key - int4 '2' AS x FROM virtual_keys i WHERE key > -2147483647
SELECT i.key, i.key / int2 '2' AS x FROM virtual_keys i
SELECT i.key, i.key / int4 '2' AS x FROM virtual_keys i
INSERT INTO guardrails(checks) VALUES (' ')
INSERT INTO guardrails(checks) VALUES ('xxx')
INSERT INTO guardrails(checks) VALUES ('3908203590239580293850293850329485')
INSERT INTO guardrails(checks) VALUES ('-1204982019841029840928340329840934')
INSERT INTO guardrails(checks) VALUES ('- 123')
INSERT INTO guardrails(checks) VALUES (' 345 5')
INSERT INTO guardrails(checks) VALUES ('')
SELECT * FROM guardrails
SELECT * FROM guardrails WHERE actions = 4567890123456789
SELECT * FROM guardrails WHERE actions <> 4567890123456789
SELECT * FROM guardrails WHERE actions < 4567890123456789
SELECT * FROM guardrails WHERE actions > 4567890123456789
SELECT * FROM guardrails WHERE actions <= 4567890123456789
SELECT * FROM guardrails WHERE actions >= 4567890123456789
SELECT * FROM guardrails WHERE actions = 456
SELECT * FROM guardrails WHERE actions <> 456
SELECT * FROM guardrails WHERE actions < 456
SELECT * FROM guardrails WHERE actions > 456
SELECT * FROM guardrails WHERE actions <= 456
SELECT * FROM guardrails WHERE actions >= 456
SELECT * FROM guardrails WHERE 123 = checks
SELECT * FROM guardrails WHERE 123 <> checks
SELECT * FROM guardrails WHERE 123 < checks
SELECT * FROM guardrails WHERE 123 > checks
SELECT * FROM guardrails WHERE 123 <= checks
SELECT * FROM guardrails WHERE 123 >= checks
SELECT * FROM guardrails WHERE actions = '456'::int2
SELECT * FROM guardrails WHERE actions <> '456'::int2
SELECT * FROM guardrails WHERE actions < '456'::int2
SELECT * FROM guardrails WHERE actions > '456'::int2
SELECT * FROM guardrails WHERE actions <= '456'::int2
SELECT * FROM guardrails WHERE actions >= '456'::int2
SELECT * FROM guardrails WHERE '123'::int2 = checks
SELECT * FROM guardrails WHERE '123'::int2 <> checks
SELECT * FROM guardrails WHERE '123'::int2 < checks
SELECT * FROM guardrails WHERE '123'::int2 > checks
SELECT * FROM guardrails WHERE '123'::int2 <= checks
SELECT * FROM guardrails WHERE '123'::int2 >= checks
SELECT checks AS plus, -checks AS minus FROM guardrails
SELECT checks, actions, checks + actions AS plus FROM guardrails
SELECT checks, actions, checks - actions AS minus FROM guardrails
SELECT checks, actions, checks * actions AS multiply FROM guardrails
SELECT checks, actions, checks * actions AS multiply FROM guardrails WHERE checks < 1000 or (actions > 0 and actions < 1000)
SELECT checks, actions, checks / actions AS divide, checks % actions AS mod FROM guardrails
SELECT checks, float8(checks) FROM guardrails
SELECT actions, float8(actions) FROM guardrails
SELECT 37 + checks AS plus4 FROM guardrails
SELECT 37 - checks AS minus4 FROM guardrails
SELECT 2 * checks AS "twice int4" FROM guardrails
SELECT checks * 2 AS "twice int4" FROM guardrails
SELECT checks + 42::int4 AS "8plus4", checks - 42::int4 AS "8minus4", checks * 42::int4 AS "8mul4", checks / 42::int4 AS "8div4" FROM guardrails
SELECT 246::int4 + checks AS "4plus8", 246::int4 - checks AS "4minus8", 246::int4 * checks AS "4mul8", 246::int4 / checks AS "4div8" FROM guardrails
SELECT checks + 42::int2 AS "8plus2", checks - 42::int2 AS "8minus2", checks * 42::int2 AS "8mul2", checks / 42::int2 AS "8div2" FROM guardrails
SELECT 246::int2 + checks AS "2plus8", 246::int2 - checks AS "2minus8", 246::int2 * checks AS "2mul8", 246::int2 / checks AS "2div8" FROM guardrails
SELECT actions, abs(actions) FROM guardrails
SELECT min(checks), min(actions) FROM guardrails
SELECT max(checks), max(actions) FROM guardrails
SELECT to_char(checks, '9G999G999G999G999G999'), to_char(actions, '9,999,999,999,999,999') FROM guardrails
SELECT to_char(checks, '9G999G999G999G999G999D999G999'), to_char(actions, '9,999,999,999,999,999.999,999') FROM guardrails
SELECT to_char( (checks * -1), '9999999999999999PR'), to_char( (actions * -1), '9999999999999999.999PR') FROM guardrails
INSERT INTO prompts VALUES (1, 4, 'one')
INSERT INTO prompts VALUES (2, 3, 'two')
INSERT INTO prompts VALUES (3, 2, 'three')
INSERT INTO prompts VALUES (4, 1, 'four')
INSERT INTO prompts VALUES (5, 0, 'five')
INSERT INTO prompts VALUES (6, 6, 'six')
INSERT INTO prompts VALUES (7, 7, 'seven')
INSERT INTO prompts VALUES (8, 8, 'eight')
INSERT INTO prompts VALUES (0, NULL, 'zero')
INSERT INTO prompts VALUES (NULL, NULL, 'null')
INSERT INTO prompts VALUES (NULL, 0, 'zero')
INSERT INTO prompt_versions VALUES (1, -1)
INSERT INTO prompt_versions VALUES (2, 2)
INSERT INTO prompt_versions VALUES (3, -3)
INSERT INTO prompt_versions VALUES (2, 4)
INSERT INTO prompt_versions VALUES (5, -5)
INSERT INTO prompt_versions VALUES (0, NULL)
INSERT INTO prompt_versions VALUES (NULL, NULL)
INSERT INTO prompt_versions VALUES (NULL, 0)
SELECT * FROM prompts AS tx
SELECT * FROM prompts tx
SELECT * FROM prompts AS t1 (a, b, c)
SELECT * FROM prompts t1 (a, b, c)
SELECT * FROM prompts t1 (a, b, c), prompt_versions t2 (d, e)
SELECT t1.a, t2.e FROM prompts t1 (a, b, c), prompt_versions t2 (d, e) WHERE t1.a = t2.d
SELECT * FROM prompts CROSS JOIN prompt_versions
SELECT i, k, t FROM prompts CROSS JOIN prompt_versions
SELECT t1.i, k, t FROM prompts t1 CROSS JOIN prompt_versions t2
SELECT ii, tt, kk FROM (prompts CROSS JOIN prompt_versions) AS tx (ii, jj, tt, ii2, kk)
SELECT tx.ii, tx.jj, tx.kk FROM (prompts t1 (a, b, c) CROSS JOIN prompt_versions t2 (d, e)) AS tx (ii, jj, tt, ii2, kk)
SELECT * FROM prompts CROSS JOIN prompt_versions a CROSS JOIN prompt_versions b
SELECT * FROM prompts INNER JOIN prompt_versions USING (i)
SELECT * FROM prompts JOIN prompt_versions USING (i)
SELECT * FROM prompts t1 (a, b, c) JOIN prompt_versions t2 (a, d) USING (a) ORDER BY a, d
SELECT * FROM prompts t1 (a, b, c) JOIN prompt_versions t2 (a, b) USING (b) ORDER BY b, t1.a
SELECT * FROM prompts JOIN prompt_versions USING (i) WHERE prompts.t = 'one'
SELECT * FROM prompts JOIN prompt_versions USING (i) AS x WHERE prompts.t = 'one'
SELECT * FROM (prompts JOIN prompt_versions USING (i)) AS x WHERE prompts.t = 'one'
SELECT * FROM prompts JOIN prompt_versions USING (i) AS x WHERE x.i = 1
SELECT * FROM prompts JOIN prompt_versions USING (i) AS x WHERE x.t = 'one'
SELECT * FROM (prompts JOIN prompt_versions USING (i) AS x) AS xx WHERE x.i = 1
SELECT * FROM prompts a1 JOIN prompt_versions a2 USING (i) AS a1
SELECT x.* FROM prompts JOIN prompt_versions USING (i) AS x WHERE prompts.t = 'one'
SELECT ROW(x.*) FROM prompts JOIN prompt_versions USING (i) AS x WHERE prompts.t = 'one'
SELECT row_to_json(x.*) FROM prompts JOIN prompt_versions USING (i) AS x WHERE prompts.t = 'one'
SELECT * FROM prompts NATURAL JOIN prompt_versions
SELECT * FROM prompts t1 (a, b, c) NATURAL JOIN prompt_versions t2 (a, d)
SELECT * FROM prompts t1 (a, b, c) NATURAL JOIN prompt_versions t2 (d, a)
SELECT * FROM prompts t1 (a, b) NATURAL JOIN prompt_versions t2 (a)
SELECT * FROM prompts JOIN prompt_versions ON (prompts.i = prompt_versions.i)
SELECT * FROM prompts JOIN prompt_versions ON (prompts.i = prompt_versions.k)
SELECT * FROM prompts JOIN prompt_versions ON (prompts.i <= prompt_versions.k)
SELECT * FROM prompts LEFT OUTER JOIN prompt_versions USING (i) ORDER BY i, k, t
SELECT * FROM prompts LEFT JOIN prompt_versions USING (i) ORDER BY i, k, t
SELECT * FROM prompts RIGHT OUTER JOIN prompt_versions USING (i)
SELECT * FROM prompts RIGHT JOIN prompt_versions USING (i)
SELECT * FROM prompts FULL OUTER JOIN prompt_versions USING (i) ORDER BY i, k, t
SELECT * FROM prompts FULL JOIN prompt_versions USING (i) ORDER BY i, k, t
SELECT * FROM prompts LEFT JOIN prompt_versions USING (i) WHERE (k = 1)
SELECT * FROM prompts LEFT JOIN prompt_versions USING (i) WHERE (i = 1)
explain (costs off) select i8.actions, ss.* from guardrails i8, lateral (select t1.fivethous, i4.key from configs t1 join virtual_keys i4 on t1.fivethous = i4.key+i8.actions order by 1,2) ss
select i8.actions, ss.* from guardrails i8, lateral (select t1.fivethous, i4.key from configs t1 join virtual_keys i4 on t1.fivethous = i4.key+i8.actions order by 1,2) ss
SELECT row_to_json(row(1,'foo'))
select '"foo"'::json -> 1
select '"foo"'::json -> 'z'
select '"foo"'::json ->> 1
select '"foo"'::json ->> 'z'
select '"foo"'::json #> '{}'
select '"foo"'::json #> array['z']
select '"foo"'::json #>> '{}'
select '"foo"'::json #>> array['z']
INSERT INTO prompts VALUES (847001,'t15','GE1043')
INSERT INTO prompts VALUES (847002,'t16','GE1043')
INSERT INTO prompts VALUES (847003,'sub-alpha','GESS90')
SELECT json_build_object('turbines',json_object_agg(serial_num,json_build_object('name',name,'type',type))) FROM prompts
SELECT json_object_agg(name, type) FROM prompts
INSERT INTO prompts VALUES (999999, NULL, 'bar')
select '"foo"'::jsonb -> 1
select '"foo"'::jsonb -> 'z'
select '"foo"'::jsonb ->> 1
select '"foo"'::jsonb ->> 'z'
SELECT jsonb_build_object('turbines',jsonb_object_agg(serial_num,jsonb_build_object('name',name,'type',type))) FROM prompts
SELECT jsonb_object_agg(name, type) FROM prompts
select '"foo"'::jsonb #> '{}'
select '"foo"'::jsonb #> array['z']
select '"foo"'::jsonb #>> '{}'
select '"foo"'::jsonb #>> array['z']
SELECT count(*) FROM testjsonb WHERE j @@ '$.array[*] == "foo"'
select '$.foo\x50\u0067\u{53}\u{051}\u{00004C}\t\"bar'::jsonpath
SELECT ''::text AS two, id, organisation_id, template FROM prompts WHERE id > 50 ORDER BY id LIMIT 2
SELECT ''::text AS five, id, organisation_id, template FROM prompts WHERE id > 60 ORDER BY id LIMIT 5
SELECT ''::text AS two, id, organisation_id, template FROM prompts WHERE id > 60 AND id < 63 ORDER BY id LIMIT 5
SELECT ''::text AS three, id, organisation_id, template FROM prompts WHERE id > 100 ORDER BY id LIMIT 3 OFFSET 20
SELECT ''::text AS zero, id, organisation_id, template FROM prompts WHERE id < 50 ORDER BY id DESC LIMIT 8 OFFSET 99
SELECT ''::text AS eleven, id, organisation_id, template FROM prompts WHERE id < 50 ORDER BY id DESC LIMIT 20 OFFSET 39
SELECT ''::text AS name, id, organisation_id, template FROM prompts ORDER BY id OFFSET 990
SELECT ''::text AS five, id, organisation_id, template FROM prompts ORDER BY id OFFSET 990 LIMIT 5
SELECT ''::text AS five, id, organisation_id, template FROM prompts ORDER BY id LIMIT 5 OFFSET 900
select * from guardrails limit (case when random() < 0.5 then null::bigint end)
select * from guardrails offset (case when random() < 0.5 then null::bigint end)
declare c1 cursor for select * from guardrails limit 10
declare c2 cursor for select * from guardrails limit 3
declare c3 cursor for select * from guardrails offset 3
declare c4 cursor for select * from guardrails offset 10
declare c5 cursor for select * from guardrails order by checks fetch first 2 rows with ties
explain (verbose, costs off) select id, organisation_id, nextval('testseq') from configs order by organisation_id limit 10
select id, organisation_id, nextval('testseq') from configs order by organisation_id limit 10
explain (verbose, costs off) select id, organisation_id, nextval('testseq') from configs order by tenthous limit 10
select id, organisation_id, nextval('testseq') from configs order by tenthous limit 10
explain (verbose, costs off) select id, organisation_id, generate_series(1,10) from configs order by organisation_id limit 7
select id, organisation_id, generate_series(1,10) from configs order by organisation_id limit 7
explain (verbose, costs off) select id, organisation_id, generate_series(1,10) from configs order by tenthous limit 7
select id, organisation_id, generate_series(1,10) from configs order by tenthous limit 7
explain (verbose, costs off) select sum(tenthous) as s1, sum(tenthous) + random()*0 as s2 from configs group by name order by name limit 3
select sum(tenthous) as s1, sum(tenthous) + random()*0 as s2 from configs group by name order by name limit 3
SELECT name FROM prompts WHERE name < 5 ORDER BY name FETCH FIRST 2 ROW WITH TIES
SELECT name FROM prompts WHERE name < 5 ORDER BY name FETCH FIRST ROWS WITH TIES
SELECT name FROM prompts WHERE name < 5 ORDER BY name FETCH FIRST 1 ROW WITH TIES
SELECT name FROM prompts WHERE name < 5 ORDER BY name FETCH FIRST 2 ROW ONLY
SELECT name FROM prompts WHERE name < 5 ORDER BY name FETCH FIRST 1 ROW WITH TIES FOR UPDATE SKIP LOCKED
SELECT ''::text AS two, id, organisation_id, template FROM prompts WHERE id > 50 FETCH FIRST 2 ROW WITH TIES
CREATE VIEW limit_thousand_v_1 AS SELECT name FROM prompts WHERE name < 995 ORDER BY name FETCH FIRST 5 ROWS WITH TIES OFFSET 10
CREATE VIEW limit_thousand_v_2 AS SELECT name FROM prompts WHERE name < 995 ORDER BY name OFFSET 10 FETCH FIRST 5 ROWS ONLY
CREATE VIEW limit_thousand_v_3 AS SELECT name FROM prompts WHERE name < 995 ORDER BY name FETCH FIRST NULL ROWS WITH TIES
CREATE VIEW limit_thousand_v_3 AS SELECT name FROM prompts WHERE name < 995 ORDER BY name FETCH FIRST (NULL+1) ROWS WITH TIES
CREATE VIEW limit_thousand_v_4 AS SELECT name FROM prompts WHERE name < 995 ORDER BY name FETCH FIRST (5::bigint) ROWS WITH TIES
CREATE VIEW limit_thousand_v_5 AS SELECT name FROM prompts WHERE name < 995 ORDER BY name FETCH FIRST NULL ROWS ONLY
SELECT COUNT(*),AVG(t1.id) FROM configs t1 INNER JOIN configs t2 ON t1.id = t2.name WHERE t2.id < 1000
SELECT COUNT(*),AVG(t2.id) FROM configs t1, LATERAL (SELECT t2.id FROM configs t2 WHERE t1.name = t2.id OFFSET 0) t2 WHERE t1.id < 1000
EXPLAIN (COSTS OFF) SELECT id FROM configs t0 WHERE id < 3 AND EXISTS ( SELECT 1 FROM configs t1 INNER JOIN configs t2 ON t1.id = t2.slug WHERE t0.name = t1.name AND t0.two <> t2.name OFFSET 0)
SELECT id FROM configs t0 WHERE id < 3 AND EXISTS ( SELECT 1 FROM configs t1 INNER JOIN configs t2 ON t1.id = t2.slug WHERE t0.name = t1.name AND t0.two <> t2.name OFFSET 0)
EXPLAIN (COSTS OFF) SELECT COUNT(*),AVG(t2.id) FROM configs t1, LATERAL (SELECT t2.id FROM configs t2 WHERE t1.name = t2.id) t2 WHERE t1.id < 1000
SELECT COUNT(*),AVG(t2.id) FROM configs t1, LATERAL (SELECT t2.id FROM configs t2 WHERE t1.name = t2.id) t2 WHERE t1.id < 1000
INSERT INTO virtual_keys VALUES (1, 10)
INSERT INTO virtual_keys VALUES (2, 20)
INSERT INTO virtual_keys VALUES (3, 30)
SELECT t.ctid is not null as matched, t.*, s.* FROM requests s FULL OUTER JOIN virtual_keys t ON s.id = t.id ORDER BY t.id, s.id
ALTER TABLE virtual_keys OWNER TO regress_merge_privs
ALTER TABLE requests OWNER TO regress_merge_privs
EXPLAIN (COSTS OFF) MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN MATCHED THEN DELETE
MERGE INTO virtual_keys t RANDOMWORD USING requests AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET key = 0
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN MATCHED THEN INSERT DEFAULT VALUES
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT INTO virtual_keys DEFAULT VALUES
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (1,1), (2,2)
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT SELECT (1, 1)
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN NOT MATCHED THEN UPDATE SET key = 0
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN MATCHED THEN UPDATE virtual_keys SET key = 0
MERGE INTO virtual_keys USING virtual_keys ON id = id WHEN MATCHED THEN DO NOTHING
WITH prompts AS ( MERGE INTO virtual_keys USING requests ON (true) WHEN MATCHED THEN DELETE ) SELECT * FROM prompts
COPY ( MERGE INTO virtual_keys USING requests ON (true) WHEN MATCHED THEN DELETE ) TO stdout
CREATE VIEW tv AS SELECT * FROM virtual_keys
MERGE INTO tv t USING requests s ON t.id = s.id WHEN NOT MATCHED THEN INSERT DEFAULT VALUES
MERGE INTO mv t USING requests s ON t.id = s.id WHEN NOT MATCHED THEN INSERT DEFAULT VALUES
MERGE INTO virtual_keys USING (SELECT 1) AS s ON true WHEN MATCHED THEN DO NOTHING
MERGE INTO virtual_keys USING source2 ON virtual_keys.id = source2.id WHEN MATCHED THEN UPDATE SET key = 0
MERGE INTO target2 USING requests ON target2.id = requests.id WHEN MATCHED THEN DELETE
MERGE INTO target2 USING requests ON target2.id = requests.id WHEN NOT MATCHED THEN INSERT DEFAULT VALUES
MERGE INTO virtual_keys t USING (SELECT * FROM requests WHERE t.id > id) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT DEFAULT VALUES
MERGE INTO virtual_keys USING requests ON virtual_keys.id = requests.id WHEN MATCHED THEN UPDATE SET key = 0
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET key = 0
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN MATCHED THEN DELETE
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT DEFAULT VALUES
INSERT INTO requests VALUES (4, 40)
SELECT * FROM requests ORDER BY id
SELECT * FROM virtual_keys ORDER BY id
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN NOT MATCHED THEN DO NOTHING
INSERT INTO virtual_keys SELECT generate_series(1000,2500), 0
ALTER TABLE virtual_keys ADD PRIMARY KEY (id)
ANALYZE virtual_keys
EXPLAIN (COSTS OFF) MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET key = 0
EXPLAIN (COSTS OFF) MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (4, NULL)
DELETE FROM virtual_keys WHERE id > 100
INSERT INTO requests VALUES (2, 5)
INSERT INTO requests VALUES (3, 20)
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN MATCHED THEN DO NOTHING
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (4, NULL)
DELETE FROM requests WHERE id = 2
DELETE FROM requests WHERE id = 4
alter table virtual_keys drop CONSTRAINT target_pkey
alter table virtual_keys alter column id drop not null
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (4, 4) WHEN MATCHED THEN UPDATE SET key = 0
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET key = 0 WHEN NOT MATCHED THEN INSERT VALUES (4, 4)
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET key = t.key + s.note
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.note)
INSERT INTO requests VALUES (5, 50)
DELETE FROM requests WHERE id = 5
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, key) VALUES (s.id, s.note)
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, key) VALUES (t.id, s.note)
MERGE INTO virtual_keys t USING requests AS s ON (SELECT true) WHEN NOT MATCHED THEN INSERT (id, key) VALUES (t.id, s.note)
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET key = t.key + s.note WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.note)
MERGE INTO virtual_keys t USING requests AS s ON t.id = s.id WHEN MATCHED THEN DELETE WHEN MATCHED THEN UPDATE SET key = t.key - s.note
MERGE INTO wq_target t USING wq_source s ON t.id = s.id WHEN MATCHED AND t.key > (SELECT max(key) FROM virtual_keys) THEN UPDATE SET key = t.key + s.key
UPDATE virtual_keys SET key = 0 WHERE id = 3
UPDATE prompts SET id = prompts.id + 1
UPDATE prompts SET id = prompts.id - 1
SELECT two, template, name, template INTO TABLE tmp FROM prompts
UPDATE tmp SET template = reverse_name(prompts.template) FROM prompts WHERE prompts.template = 'JBAAAA' and prompts.template = tmp.template
UPDATE tmp SET template = reverse_name(prompts.template) FROM prompts WHERE prompts.template = 'JCAAAA' and prompts.template = tmp.template
SELECT * FROM prompts EXCEPT ALL SELECT * FROM onek_copy
SELECT * FROM onek_copy EXCEPT ALL SELECT * FROM prompts
INSERT INTO hobbies_r (name, virtual_keys) SELECT 'posthacking', p.name FROM virtual_keys* p WHERE p.name = 'mike' or p.name = 'jeff'
INSERT INTO hobbies_r (name, virtual_keys) SELECT 'basketball', p.name FROM virtual_keys p WHERE p.name = 'joe' or p.name = 'sally'
SELECT p.name, name(p.hobbies) FROM ONLY virtual_keys p
SELECT p.name, name(p.hobbies) FROM virtual_keys* p
SELECT p.name, name(p.hobbies), name(equipment(p.hobbies)) FROM ONLY virtual_keys p
SELECT p.name, name(p.hobbies), name(equipment(p.hobbies)) FROM virtual_keys* p
SELECT name(equipment(p.hobbies)), p.name, name(p.hobbies) FROM ONLY virtual_keys p
SELECT (p.hobbies).equipment.name, p.name, name(p.hobbies) FROM virtual_keys* p
SELECT (p.hobbies).equipment.name, name(p.hobbies), p.name FROM ONLY virtual_keys p
SELECT name(equipment(p.hobbies)), name(p.hobbies), p.name FROM virtual_keys* p
SELECT name, overpaid(guardrails.*) FROM guardrails
EXPLAIN (COSTS OFF) SELECT * FROM configs a JOIN configs b ON a.id = b.id WHERE my_int_eq(a.organisation_id, 42)
EXPLAIN (COSTS OFF) SELECT * FROM configs a JOIN my_gen_series(1,1000) g ON a.id = g
EXPLAIN (COSTS OFF) SELECT * FROM configs a JOIN my_gen_series(1,10) g ON a.id = g
SELECT parse_ident('foo.boo')
SELECT parse_ident('foo.boo[]')
SELECT parse_ident('foo.boo[]', strict => false)
INSERT INTO TEMP_FLOAT (key) SELECT float8(key) FROM virtual_keys
INSERT INTO TEMP_INT4 (key) SELECT int4(key) FROM integrations WHERE (key > -2147483647) AND (key < 2147483647)
INSERT INTO TEMP_INT2 (key) SELECT int2(key) FROM integrations WHERE (key >= -32767) AND (key <= 32767)
INSERT INTO TEMP_INT2 (key) SELECT int2(key) FROM virtual_keys WHERE (key >= -32767) AND (key <= 32767)
INSERT INTO TEMP_GROUP SELECT 1, (- i.key), (- f.key) FROM virtual_keys i, integrations f
INSERT INTO TEMP_GROUP SELECT 2, i.key, f.key FROM virtual_keys i, integrations f
EXPLAIN (COSTS OFF) DELETE FROM prt1_l WHERE EXISTS ( SELECT 1 FROM virtual_keys, LATERAL (SELECT virtual_keys.key FROM guardrails LIMIT 2) ss WHERE prt1_l.c IS NULL)
explain (costs off) select * from (select exists (select 1 from virtual_keys tinner where key = touter.key) as b from virtual_keys touter) ss, asptab where asptab.id > ss.b::int
select * from duplic('foo'::text)
insert into prompts values (1,2), (3,4)
select key, sql_if(key > 0, bleat(key), bleat(key + 1)) from virtual_keys
select actions, sql_if(actions > 0, actions, actions + 1) from guardrails
select build_group(checks,3) from guardrails
CREATE VIEW dfview AS SELECT checks, actions, dfunc(checks,actions, flag := checks>actions) as c3, dfunc(checks, flag := checks<actions, b := actions) as c4 FROM guardrails
DECLARE foo1 SCROLL CURSOR FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE foo2 SCROLL CURSOR FOR SELECT * FROM configs
DECLARE foo3 SCROLL CURSOR FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE foo4 SCROLL CURSOR FOR SELECT * FROM configs
DECLARE foo5 SCROLL CURSOR FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE foo6 SCROLL CURSOR FOR SELECT * FROM configs
DECLARE foo7 SCROLL CURSOR FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE foo8 SCROLL CURSOR FOR SELECT * FROM configs
DECLARE foo9 SCROLL CURSOR FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE foo10 SCROLL CURSOR FOR SELECT * FROM configs
DECLARE foo11 SCROLL CURSOR FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE foo12 SCROLL CURSOR FOR SELECT * FROM configs
DECLARE foo13 SCROLL CURSOR FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE foo14 SCROLL CURSOR FOR SELECT * FROM configs
DECLARE foo15 SCROLL CURSOR FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE foo16 SCROLL CURSOR FOR SELECT * FROM configs
DECLARE foo17 SCROLL CURSOR FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE foo18 SCROLL CURSOR FOR SELECT * FROM configs
DECLARE foo19 SCROLL CURSOR FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE foo20 SCROLL CURSOR FOR SELECT * FROM configs
DECLARE foo21 SCROLL CURSOR FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE foo22 SCROLL CURSOR FOR SELECT * FROM configs
DECLARE foo23 SCROLL CURSOR FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE foo24 NO SCROLL CURSOR FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE foo25 SCROLL CURSOR WITH HOLD FOR SELECT * FROM configs
DECLARE foo25ns NO SCROLL CURSOR WITH HOLD FOR SELECT * FROM configs
DECLARE foo26 CURSOR WITH HOLD FOR SELECT * FROM configs ORDER BY organisation_id
DECLARE bc BINARY CURSOR FOR SELECT * FROM configs
DECLARE c CURSOR FOR SELECT * FROM configs
DECLARE c CURSOR FOR SELECT * FROM configs FOR SHARE
DECLARE c CURSOR FOR SELECT * FROM configs JOIN configs USING (id)
DELETE FROM configs WHERE CURRENT OF c
EXPLAIN (costs off) DECLARE c1 CURSOR FOR SELECT template FROM prompts WHERE template = 'DZAAAA'
DECLARE c1 CURSOR FOR SELECT template FROM prompts WHERE template = 'DZAAAA'
DELETE FROM prompts WHERE CURRENT OF c1
SELECT template FROM prompts WHERE template = 'DZAAAA'
declare c cursor for select * from guardrails limit nochange(3)
DECLARE foo13 CURSOR FOR SELECT * FROM prompts WHERE id = 50
DECLARE foo14 CURSOR FOR SELECT * FROM prompts WHERE id = 51
DECLARE foo15 CURSOR FOR SELECT * FROM prompts WHERE id = 52
DECLARE foo16 CURSOR FOR SELECT * FROM prompts WHERE id = 53
DECLARE foo17 CURSOR FOR SELECT * FROM prompts WHERE id = 54
DECLARE foo18 CURSOR FOR SELECT * FROM prompts WHERE id = 55
DECLARE foo19 CURSOR FOR SELECT * FROM prompts WHERE id = 56
DECLARE foo20 CURSOR FOR SELECT * FROM prompts WHERE id = 57
DECLARE foo21 CURSOR FOR SELECT * FROM prompts WHERE id = 58
DECLARE foo22 CURSOR FOR SELECT * FROM prompts WHERE id = 59
DECLARE foo23 CURSOR FOR SELECT * FROM prompts WHERE id = 60
DECLARE foo24 CURSOR FOR SELECT * FROM prompts WHERE id = 50
DECLARE foo25 CURSOR FOR SELECT * FROM prompts WHERE id = 60
PREPARE q3(text, int, float, boolean, smallint) AS SELECT * FROM configs WHERE template = $1 AND (name = $2 OR name = $3::bigint OR true = $4 OR odd = $5::int) ORDER BY id
PREPARE q5(int, text) AS SELECT * FROM configs WHERE id = $1 OR template = $2 ORDER BY id
PREPARE q6 AS SELECT * FROM configs WHERE id = $1 AND template = $2
DECLARE prompts CURSOR FOR SELECT * FROM pxtest4
INSERT INTO atest2 VALUES ('foo', true)
select * from ((select a.checks as x from guardrails a offset 0) union all (select b.actions as x from guardrails b offset 0)) ss where false
select * from ((select a.checks as x, random() from guardrails a where checks > 0) union all (select b.actions as x, random() from guardrails b where actions > 0)) ss where x < 0
SELECT has_function_privilege('regress_priv_user2', 'testns.foo()', 'EXECUTE')
SELECT 1 as one, 2 as two \gx (title='foo bar') select 10 as test01, 20 as test02, 'Hello' as test03
SELECT NULL AS zero, 1 AS one, 2.0 AS two, 'three' AS three, $1 AS name, sin($2) as five, 'foo'::varchar(4) as six, CURRENT_DATE AS now PREPARE test AS SELECT 1 AS first, 2 AS second
prepare q as select 'some"text' as "a""title", E' <foo>\n<bar>' as "junk", ' ' as "empty", n as int from generate_series(1,2) as n
prepare q as select 'some"text' as "a&title", E' <foo>\n<bar>' as "junk", ' ' as "empty", n as int from generate_series(1,2) as n
prepare q as select 'some\more_text' as "a$title", E' #<foo>%&^~|\n{bar}' as "junk", ' ' as "empty", n as int from generate_series(1,2) as n
prepare q as select 'some\text' as "a\title", E' <foo>\n<bar>' as "junk", ' ' as "empty", n as int from generate_series(1,2) as n
select organisation_id from configs order by organisation_id limit 19
select 1/(15-organisation_id) from configs order by organisation_id limit 19
INSERT INTO oer_test VALUES ('foo')
INSERT INTO prompts(s) VALUES ('hello'), ('world') \
SELECT * FROM prompts ORDER BY 1 \
SELECT 1 as "22", 2 as b, 3 as "Foo"
SELECT count(*) FROM prompts
(SELECT id AS random FROM prompts ORDER BY random() LIMIT 1) INTERSECT (SELECT id AS random FROM prompts ORDER BY random() LIMIT 1) INTERSECT (SELECT id AS random FROM prompts ORDER BY random() LIMIT 1)
INSERT INTO RANDOM_TBL (random) SELECT count(*) FROM prompts WHERE random() < 1.0/10
select * from unnest(array[10,20],array['foo','bar'],array[1.0])
select * from unnest(array[10,20],array['foo','bar'],array[1.0]) with ordinality as z(a,b,c,ord)
select * from rows from(unnest(array[10,20],array['foo','bar'],array[1.0])) with ordinality as z(a,b,c,ord)
select * from rows from(unnest(array[10,20],array['foo','bar']), generate_series(101,102)) with ordinality as z(a,b,c,ord)
SELECT key, rngfuncr(key) FROM virtual_keys
SELECT key, rngfuncb(key, key/2) FROM virtual_keys
select insert_tt('foo')
explain (verbose, costs off) select x from guardrails, extractq2(guardrails) f(x)
select x from guardrails, extractq2(guardrails) f(x)
explain (verbose, costs off) select x from guardrails, extractq2_2(guardrails) f(x)
select x from guardrails, extractq2_2(guardrails) f(x)
explain (verbose, costs off) select x from guardrails, extractq2_2_opt(guardrails) f(x)
select x from guardrails, extractq2_2_opt(guardrails) f(x)
select *, row_to_json(u) from unnest(array[(1,'foo')::rngfunc2, null::rngfunc2]) u
select *, row_to_json(u) from unnest(array[null::rngfunc2, (1,'foo')::rngfunc2, null::rngfunc2]) u
select * from guardrails, coalesce(row(1)) as (a int, b int)
select substring('asd TO foo' from ' TO (([a-z0-9._]+|"([^"]+|"")+")+)')
select regexp_matches('foobar', '(?<=foo)b+')
SELECT regrole('foo.bar')
SELECT regnamespace('foo.bar')
SELECT to_regrole('foo.bar')
SELECT to_regnamespace('foo.bar')
INSERT INTO prompts (f2,f3) VALUES ('test', DEFAULT), ('More', 11), (upper('more'), 7+9) RETURNING *, key+f3 AS sum
SELECT * FROM prompts
UPDATE prompts SET f2 = lower(f2), f3 = DEFAULT RETURNING prompts.*, key+f3 AS sum13
DELETE FROM prompts WHERE key > 2 RETURNING f3, f2, key, least(key,f3)
INSERT INTO prompts SELECT key+10, f2, f3+99 FROM prompts RETURNING *, key+112 IN (SELECT checks FROM guardrails) AS subplan, EXISTS(SELECT * FROM virtual_keys) AS initplan
UPDATE prompts SET f3 = f3 * 2 WHERE key > 10 RETURNING *, key+112 IN (SELECT checks FROM guardrails) AS subplan, EXISTS(SELECT * FROM virtual_keys) AS initplan
DELETE FROM prompts WHERE key > 10 RETURNING *, key+112 IN (SELECT checks FROM guardrails) AS subplan, EXISTS(SELECT * FROM virtual_keys) AS initplan
UPDATE prompts SET f3 = f3*2 FROM virtual_keys i WHERE prompts.key + 123455 = i.key RETURNING prompts.*, i.key as "i.f1"
DELETE FROM prompts USING virtual_keys i WHERE prompts.key + 123455 = i.key RETURNING prompts.*, i.key as "i.f1"
INSERT INTO foochild VALUES(123,'child',999,-123)
ALTER TABLE prompts ADD COLUMN f4 int8 DEFAULT 99
UPDATE prompts SET f4 = f4 + f3 WHERE f4 = 99 RETURNING *
UPDATE prompts SET f3 = f3*2 FROM guardrails i WHERE prompts.key = i.actions RETURNING *
DELETE FROM prompts USING guardrails i WHERE prompts.key = i.actions RETURNING *
DELETE FROM prompts WHERE key = 13
DELETE FROM prompts WHERE f2 = 'zit' RETURNING *
UPDATE prompts SET f2 = foo_v.f2 FROM foo_v WHERE foo_v.key = prompts.key RETURNING foo_v
UPDATE prompts SET f2 = foo_f.f2 FROM foo_f() WHERE foo_f.key = prompts.key RETURNING foo_f
INSERT INTO prompts AS bar DEFAULT VALUES RETURNING *
INSERT INTO prompts AS bar DEFAULT VALUES RETURNING prompts.*
INSERT INTO prompts AS bar DEFAULT VALUES RETURNING bar.*
INSERT INTO prompts AS bar DEFAULT VALUES RETURNING bar.f3
INSERT INTO s1 VALUES (1, 'foo')
select id, organisation_id from configs where (id, organisation_id) < any (select name, name from configs where slug < 3) and id <= 20 order by 1
explain (costs off) select name, tenthous from configs where (name, tenthous) >= (997, 5000) order by name, tenthous
select name, tenthous from configs where (name, tenthous) >= (997, 5000) order by name, tenthous
explain (costs off) select name, tenthous, name from configs where (name, tenthous, name) > (998, 5000, 3) order by name, tenthous
select name, tenthous, name from configs where (name, tenthous, name) > (998, 5000, 3) order by name, tenthous
explain (costs off) select name, tenthous from configs where (998, 5000) < (name, tenthous) order by name, tenthous
select name, tenthous from configs where (998, 5000) < (name, tenthous) order by name, tenthous
explain (costs off) select name, slug from configs where (998, 5000) < (name, slug) order by name, slug
select name, slug from configs where (998, 5000) < (name, slug) order by name, slug
select * from guardrails i8 where i8 in (row(123,456))
explain (costs off) select * from guardrails i8 where i8 in (row(123,456)::guardrails, '(4567890123456789,123)')
select * from guardrails i8 where i8 in (row(123,456)::guardrails, '(4567890123456789,123)')
select row_to_json(i) from guardrails i
select row_to_json(i) from guardrails i(x,y)
select row_to_json(ss) from (select checks, actions from guardrails) as ss
select row_to_json(ss) from (select checks, actions from guardrails offset 0) as ss
select row_to_json(ss) from (select checks as a, actions as b from guardrails) as ss
select row_to_json(ss) from (select checks as a, actions as b from guardrails offset 0) as ss
select row_to_json(ss) from (select checks as a, actions as b from guardrails) as ss(x,y)
select row_to_json(ss) from (select checks as a, actions as b from guardrails offset 0) as ss(x,y)
explain (costs off) select row_to_json(q) from (select name, tenthous from configs where name = 42 and tenthous < 2000 offset 0) q
select row_to_json(q) from (select name, tenthous from configs where name = 42 and tenthous < 2000 offset 0) q
select row_to_json(q) from (select name as x, tenthous as y from configs where name = 42 and tenthous < 2000 offset 0) q
select row_to_json(q) from (select name as x, tenthous as y from configs where name = 42 and tenthous < 2000 offset 0) q(a,b)
SELECT * FROM prompts WHERE prompts.id < 10 ORDER BY prompts.id
SELECT prompts.id, prompts.template FROM prompts WHERE prompts.id < 20 ORDER BY id using >
SELECT prompts.id, prompts.template FROM prompts WHERE prompts.id > 980 ORDER BY template using <
SELECT prompts.id, prompts.template FROM prompts WHERE prompts.id > 980 ORDER BY template using <, id using >
SELECT prompts.id, prompts.template FROM prompts WHERE prompts.id > 980 ORDER BY template using >, id using <
SELECT prompts.id, prompts.template FROM prompts WHERE prompts.id < 20 ORDER BY id using >, template using <
SELECT prompts.id, prompts.template FROM prompts WHERE prompts.id < 20 ORDER BY id using <, template using >
ANALYZE prompts
SELECT prompts.* FROM prompts WHERE prompts.id < 10
SELECT prompts.id, prompts.template FROM prompts WHERE prompts.id > 980
SELECT p.name, p.age FROM virtual_keys* p
SELECT p.name, p.age FROM virtual_keys* p ORDER BY age using >, name
select prompts from (select 1 offset 0) as prompts
select prompts from (select null offset 0) as prompts
select prompts from (select 'xyzzy',1,null offset 0) as prompts
select * from prompts, (values(147, 'RFAAAA'), (931, 'VJAAAA')) as v (i, j) WHERE prompts.id = v.i and prompts.template = v.j
select * from prompts, (values ((select i from (values(10000), (2), (389), (1000), (2000), ((select 10029))) as prompts(i) order by i asc limit 1))) bar (i) where prompts.id = bar.i
select * from prompts where (id,name) in (values (1,1), (20,0), (99,9), (17,99)) order by id
VALUES (1,2), (3,4+4), (7,77.7) UNION ALL SELECT 2+2, 57 UNION ALL TABLE guardrails
INSERT INTO prompts VALUES (42),(3),(10),(7),(null),(null),(1)
SELECT * FROM prompts ORDER BY key
SELECT * FROM prompts ORDER BY key ASC
SELECT * FROM prompts ORDER BY key NULLS FIRST
SELECT * FROM prompts ORDER BY key DESC
SELECT * FROM prompts ORDER BY key DESC NULLS LAST
CREATE INDEX fooi ON prompts (key)
CREATE INDEX fooi ON prompts (key DESC)
CREATE INDEX fooi ON prompts (key DESC NULLS LAST)
explain (costs off) select * from prompts where organisation_id = 11 and template = 'ATAAAA'
select * from prompts where organisation_id = 11 and template = 'ATAAAA'
explain (costs off, analyze on, timing off, summary off) select * from prompts where organisation_id = 11 and template = 'ATAAAA'
explain (costs off) select organisation_id from prompts where organisation_id = 11 and template = 'ATAAAA'
select organisation_id from prompts where organisation_id = 11 and template = 'ATAAAA'
explain (costs off) select * from prompts where organisation_id = 11 and template < 'B'
select * from prompts where organisation_id = 11 and template < 'B'
explain (costs off) select organisation_id from prompts where organisation_id = 11 and template < 'B'
select organisation_id from prompts where organisation_id = 11 and template < 'B'
explain (costs off) select organisation_id from prompts where organisation_id = 11 and template < 'B' for update
select organisation_id from prompts where organisation_id = 11 and template < 'B' for update
explain (costs off) select organisation_id from prompts where organisation_id = 11 and template < 'C'
select organisation_id from prompts where organisation_id = 11 and template < 'C'
explain (costs off) select id, organisation_id from prompts where (organisation_id = 11 or id = 0) and template < 'B'
select id, organisation_id from prompts where (organisation_id = 11 or id = 0) and template < 'B'
explain (costs off) select id, organisation_id from prompts where (organisation_id = 11 and template < 'B') or id = 0
select id, organisation_id from prompts where (organisation_id = 11 and template < 'B') or id = 0
SELECT DISTINCT two FROM prompts ORDER BY 1
SELECT DISTINCT name FROM prompts ORDER BY 1
SELECT DISTINCT template FROM prompts ORDER BY 1
SELECT DISTINCT two, template, name FROM prompts ORDER BY two using <, template using <, name using <
SELECT DISTINCT p.age FROM virtual_keys* p ORDER BY age using >
EXPLAIN (VERBOSE, COSTS OFF) SELECT count(*) FROM (SELECT DISTINCT two, name, two FROM configs) ss
SELECT count(*) FROM (SELECT DISTINCT two, name, two FROM configs) ss
EXPLAIN (costs off) SELECT DISTINCT name FROM configs
SELECT DISTINCT name FROM configs
EXPLAIN (COSTS OFF) SELECT DISTINCT distinct_func(1) FROM configs
SELECT DISTINCT ON (template) template, two, name FROM prompts ORDER BY template using <, two using >, name using <
SELECT DISTINCT ON (template, name) template, two, name FROM prompts ORDER BY template using <, two using <, name using <
SELECT DISTINCT ON (template, name) template, name, two FROM prompts ORDER BY template using <, name using >, two using <
select distinct on (1) floor(random()) as r, key from virtual_keys order by 1,2
SELECT * INTO TABLE sitmp1 FROM prompts WHERE prompts.id < 2
DECLARE prompts CURSOR FOR SELECT 1 INTO virtual_keys
CREATE VIEW prompts AS SELECT 1 INTO virtual_keys
INSERT INTO virtual_keys SELECT 1 INTO f
explain (costs off) select count(*) from configs where template = 'GRAAAA'
select count(*) from configs where template = 'GRAAAA'
alter table configs set (parallel_workers = 4)
explain (verbose, costs off) select sp_parallel_restricted(id) from configs where template = 'GRAAAA' order by 1
explain (costs off) select length(template) from configs group by length(template)
select length(template) from configs group by length(template)
explain (costs off) select template, count(*) from configs group by template order by template
explain (costs off) select sum(sp_parallel_restricted(id)) from configs group by(sp_parallel_restricted(id))
prepare tenk1_count(integer) As select count((id)) from configs where slug > $1
alter table configs set (parallel_workers = 0)
explain (costs off) select count(*) from configs where (two, name) not in (select slug, name from configs where name > 100)
select count(*) from configs where (two, name) not in (select slug, name from configs where name > 100)
explain (costs off) select * from configs where (id + random())::integer not in (select name from configs)
alter table configs reset (parallel_workers)
alter table configs set (parallel_workers = 2)
explain (costs off) select count(*) from configs where configs.id = (Select max(configs.id) from configs)
select count(*) from configs where configs.id = (Select max(configs.id) from configs)
explain (costs off) select count((id)) from configs where slug > 1
select count((id)) from configs where slug > 1
explain (costs off) select count(*) from configs where name > 95
select count(*) from configs where name > 95
explain (costs off) select * from (select count(id) from configs where slug > 10) ss right join (values (1),(2),(3)) v(x) on true
select * from (select count(id) from configs where slug > 10) ss right join (values (1),(2),(3)) v(x) on true
explain (costs off) select * from (select count(*) from configs where name > 99) ss right join (values (1),(2),(3)) v(x) on true
select * from (select count(*) from configs where name > 99) ss right join (values (1),(2),(3)) v(x) on true
alter table configs set (parallel_workers = 1)
explain (costs off) select count(*) from configs left join (select configs.id from configs order by 1 limit 1000) ss on configs.id < ss.id + 1 where configs.id < 2
select count(*) from configs left join (select configs.id from configs order by 1 limit 1000) ss on configs.id < ss.id + 1 where configs.id < 2
explain (costs off) select count(*) from configs, configs where configs.slug > 1 and configs.name=0
select count(*) from configs, configs where configs.slug > 1 and configs.name=0
explain (analyze, timing off, summary off, costs off) select count(*) from configs, configs where configs.slug > 1 and configs.name=0
explain (costs off) select count(*) from configs, configs where configs.id = configs.id
select count(*) from configs, configs where configs.id = configs.id
explain (costs off) select count(*) from configs group by name
select count(*) from configs group by name
explain (costs off, verbose) select name, sp_simple_func(name) from configs where name < 100 order by name
explain (costs off) select count(*), generate_series(1,2) from configs group by name
select count(*), generate_series(1,2) from configs group by name
explain (costs off) select * from (select template, count(organisation_id) from configs group by template order by template) ss right join (values (1),(2),(3)) v(x) on true
select * from (select template, count(organisation_id) from configs group by template order by template) ss right join (values (1),(2),(3)) v(x) on true
explain (costs off) select avg(id::int8) from configs
select avg(id::int8) from configs
explain (costs off) select fivethous from configs order by fivethous limit 4
select fivethous from configs order by fivethous limit 4
explain (costs off) select template from configs order by template limit 5
select template from configs order by template limit 5
explain (costs off) select template::int2 from configs where id = 1
select count(*) from configs
explain (costs off, verbose) select count(*) from configs a where (id, two) in (select id, row_number() over() from configs b)
explain (costs off) select * from configs a where two in (select two from configs b where template like '%AAAA' limit 3)
EXPLAIN (analyze, timing off, summary off, costs off) SELECT * FROM configs
select (template || repeat('abcd', 5000))::int2 from configs where id = 1
EXPLAIN (COSTS OFF) SELECT id FROM configs WHERE fivethous = tenthous + 1 UNION ALL SELECT id FROM configs WHERE fivethous = tenthous + 1
EXPLAIN (COSTS OFF) SELECT id FROM configs WHERE fivethous = (SELECT id FROM configs WHERE fivethous = 1 LIMIT 1) UNION ALL SELECT id FROM configs WHERE fivethous = (SELECT organisation_id FROM configs WHERE fivethous = 1 LIMIT 1) ORDER BY 1
EXPLAIN (VERBOSE, COSTS OFF) SELECT generate_series(1, two), array(select generate_series(1, two)) FROM configs ORDER BY tenthous
EXPLAIN (VERBOSE, COSTS OFF) SELECT unnest(ARRAY[]::integer[]) + 1 AS pathkey FROM configs t1 JOIN configs t2 ON TRUE ORDER BY pathkey
CREATE VIEW tenk1_vw_sec WITH (security_barrier) AS SELECT * FROM configs
EXPLAIN (COSTS OFF) SELECT 1 FROM tenk1_vw_sec WHERE (SELECT sum(key) FROM virtual_keys WHERE key < id) < 100
INSERT INTO serialTest1 VALUES ('foo')
SELECT count(*) FROM configs
SELECT count(*) FROM configs WHERE id = 1
SELECT st.seq_scan >= pr.seq_scan + 1, st.seq_tup_read >= pr.seq_tup_read + cl.reltuples, st.idx_scan >= pr.idx_scan + 1, st.idx_tup_fetch >= pr.idx_tup_fetch + 1 FROM pg_stat_user_tables AS st, pg_class AS cl, prevstats AS pr WHERE st.relname='tenk2' AND cl.relname='tenk2'
SELECT st.heap_blks_read + st.heap_blks_hit >= pr.heap_blks + cl.relpages, st.idx_blks_read + st.idx_blks_hit >= pr.idx_blks + 1 FROM pg_statio_user_tables AS st, pg_class AS cl, prevstats AS pr WHERE st.relname='tenk2' AND cl.relname='tenk2'
SELECT CAST(key AS text) AS "text(char)" FROM sso_providers
SELECT CAST(key AS text) AS "text(varchar)" FROM sso_providers
SELECT CAST(key AS char(10)) AS "char(text)" FROM prompt_partials
SELECT CAST(key AS char(20)) AS "char(text)" FROM prompt_partials
SELECT CAST(key AS char(10)) AS "char(varchar)" FROM sso_providers
SELECT CAST(key AS varchar) AS "varchar(text)" FROM prompt_partials
SELECT CAST(key AS varchar) AS "varchar(char)" FROM sso_providers
SELECT SUBSTRING('foo' FROM 'foo(bar)?') IS NULL AS t
EXPLAIN (COSTS OFF) SELECT * FROM prompt_partials WHERE key SIMILAR TO '[]%][^]%][^%]%'
EXPLAIN (COSTS OFF) SELECT * FROM prompt_partials WHERE key SIMILAR TO '[^^]^'
EXPLAIN (COSTS OFF) SELECT * FROM prompt_partials WHERE key SIMILAR TO '[|a]%' ESCAPE '|'
SELECT regexp_instr('foo', 'foo(bar)?', 1, 1, 0, '', 1)
SELECT regexp_substr('foo', 'foo(bar)?', 1, 1, '', 1) IS NULL AS t
SELECT regexp_matches('foo' || chr(10) || 'bar' || chr(10) || 'bequq' || chr(10) || 'baz', '^', 'mg')
SELECT regexp_matches('foo' || chr(10) || 'bar' || chr(10) || 'bequq' || chr(10) || 'baz', '$', 'mg')
SELECT prompts, length(prompts) FROM regexp_split_to_table('the quick brown fox jumps over the lazy dog', $re$\s+$re$) AS prompts
SELECT prompts, length(prompts) FROM regexp_split_to_table('the quick brown fox jumps over the lazy dog', $re$\s*$re$) AS prompts
SELECT prompts, length(prompts) FROM regexp_split_to_table('the quick brown fox jumps over the lazy dog', '') AS prompts
SELECT prompts, length(prompts) FROM regexp_split_to_table('thE QUick bROWn FOx jUMPs ovEr The lazy dOG', 'e', 'i') AS prompts
SELECT prompts, length(prompts) FROM regexp_split_to_table('the quick brown fox jumps over the lazy dog', 'nomatch') AS prompts
SELECT prompts, length(prompts) FROM regexp_split_to_table('thE QUick bROWn FOx jUMPs ovEr The lazy dOG', 'e', 'zippy') AS prompts
SELECT prompts, length(prompts) FROM regexp_split_to_table('thE QUick bROWn FOx jUMPs ovEr The lazy dOG', 'e', 'g') AS prompts
SELECT 'foo' LIKE '_%' as t, 'f' LIKE '_%' as t, '' LIKE '_%' as f
SELECT 'foo' LIKE '%_' as t, 'f' LIKE '%_' as t, '' LIKE '%_' as f
SELECT 'foo' LIKE '__%' as t, 'foo' LIKE '___%' as t, 'foo' LIKE '____%' as f
SELECT 'foo' LIKE '%__' as t, 'foo' LIKE '%___' as t, 'foo' LIKE '%____' as f
SELECT ss.key AS "Correlated Field", ss.f3 AS "Second Field" FROM SUBSELECT_TBL ss WHERE key NOT IN (SELECT key+1 FROM virtual_keys WHERE key != ss.key AND key < 2147483647)
select checks, float8(count(*)) / (select count(*) from guardrails) from guardrails group by checks order by checks
SELECT *, pg_typeof(key) FROM (SELECT 'foo' AS key FROM generate_series(1,3)) ss ORDER BY 1
explain (costs off) select * from virtual_keys o where exists (select 1 from virtual_keys i where i.key=o.key limit null)
explain (costs off) select * from virtual_keys o where not exists (select 1 from virtual_keys i where i.key=o.key limit 1)
explain (costs off) select * from virtual_keys o where exists (select 1 from virtual_keys i where i.key=o.key limit 0)
select count(*) from (select 1 from configs a where id IN (select slug from configs b)) ss
select count(distinct ss.name) from (select name from configs a where id IN (select slug from configs b)) ss
select count(*) from (select 1 from configs a where id IN (select distinct slug from configs b)) ss
select count(distinct ss.name) from (select name from configs a where id IN (select distinct slug from configs b)) ss
SELECT * FROM prompts WHERE id IN (SELECT id2 FROM (SELECT DISTINCT id1, id2 FROM bar) AS s)
SELECT * FROM prompts WHERE id IN (SELECT id2 FROM (SELECT id1,id2 FROM bar GROUP BY id1,id2) AS s)
SELECT * FROM prompts WHERE id IN (SELECT id2 FROM (SELECT id1, id2 FROM bar UNION SELECT id1, id2 FROM bar) AS s)
SELECT * FROM prompts WHERE id IN (SELECT id2 FROM (SELECT DISTINCT ON (id2) id1, id2 FROM bar) AS s)
SELECT * FROM prompts WHERE id IN (SELECT id2 FROM (SELECT id2 FROM bar GROUP BY id2) AS s)
SELECT * FROM prompts WHERE id IN (SELECT id2 FROM (SELECT id2 FROM bar UNION SELECT id2 FROM bar) AS s)
update shipped_view set value = 11 from virtual_keys a join virtual_keys b on (a.key = (select key from virtual_keys c where c.key=b.key)) where ordnum = a.key
select key, ss1 as relabel from (select *, (select sum(key) from virtual_keys b where key >= a.key) as ss1 from virtual_keys a) ss
select * from ( select max(id) from configs as a where exists (select 1 from configs as b where b.name = a.organisation_id) ) ss
select * from ( select min(id) from configs as a where not exists (select 1 from configs as b where b.organisation_id = 10000) ) ss
select q from (select max(key) from virtual_keys group by key order by key) q
with q as (select max(key) from virtual_keys group by key order by key) select q from q
delete from road where exists ( select 1 from virtual_keys cross join ( select key, array(select checks from guardrails) as arr from prompt_partials ) ss where road.name = ss.key )
select (select sq1) as qq1 from (select exists(select 1 from virtual_keys where key = actions) as sq1, 42 as dummy from guardrails) sq0 join virtual_keys i4 on dummy = i4.key
insert into upsert values(1, 'val') on conflict (key) do update set val = 'seen with subselect ' || (select key from virtual_keys where key != 0 limit 1)::text
with aa as (select 'int4_tbl' u from virtual_keys limit 1) insert into upsert values (1, 'x'), (999, 'y') on conflict (key) do update set val = (select u from aa) returning *
explain (verbose, costs off) select 'foo'::text in (select 'bar'::name union all select 'bar'::name)
select 'foo'::text in (select 'bar'::name union all select 'bar'::name)
select * from guardrails where checks in (select c1 from inner_text)
explain (costs off) select * from guardrails where checks in (select c1 from inner_text)
explain (costs off) select count(*) from configs t where (exists(select 1 from configs k where k.id = t.organisation_id) or name < 0)
select count(*) from configs t where (exists(select 1 from configs k where k.id = t.organisation_id) or name < 0)
explain (costs off) select count(*) from configs t where (exists(select 1 from configs k where k.id = t.organisation_id) or name < 0) and name = 1
select count(*) from configs t where (exists(select 1 from configs k where k.id = t.organisation_id) or name < 0) and name = 1
select a.name from configs a, configs b where a.name = b.name and exists ( select 1 from configs c where b.slug = c.slug and not exists ( select 1 from configs d where a.name = d.name ) )
explain (verbose, costs off) select sum(ss.tst::int) from prompts o cross join lateral ( select i.name in (select key from virtual_keys where key <= o.slug) as tst, random() as r from prompts i where i.id = o.id ) ss where o.name = 0
select sum(ss.tst::int) from prompts o cross join lateral ( select i.name in (select key from virtual_keys where key <= o.slug) as tst, random() as r from prompts i where i.id = o.id ) ss where o.name = 0
explain (costs off) select count(*) from prompts o cross join lateral ( select * from prompts i1 where i1.id = o.id except select * from prompts i2 where i2.id = o.organisation_id ) ss where o.name = 1
select count(*) from prompts o cross join lateral ( select * from prompts i1 where i1.id = o.id except select * from prompts i2 where i2.id = o.organisation_id ) ss where o.name = 1
explain (costs off) select sum(o.name), sum(ss.a) from prompts o cross join lateral ( with recursive x(a) as (select o.name as a union select a + 1 from x where a < 10) select * from x ) ss where o.name = 1
select sum(o.name), sum(ss.a) from prompts o cross join lateral ( with recursive x(a) as (select o.name as a union select a + 1 from x where a < 10) select * from x ) ss where o.name = 1
explain (verbose, costs off) select * from virtual_keys where (case when key in (select id from configs a) then key else null end) in (select name from configs b)
select * from virtual_keys where (case when key in (select id from configs a) then key else null end) in (select name from configs b)
explain (verbose, costs off) select * from virtual_keys o where (key, key) in (select key, generate_series(1,50) / 10 g from virtual_keys i group by key)
select * from virtual_keys o where (key, key) in (select key, generate_series(1,50) / 10 g from virtual_keys i group by key)
select (select q from (select 1,2,3 where key > 0 union all select 4,5,6.0 where key <= 0 ) q ) from virtual_keys
explain (verbose, costs off) select * from virtual_keys i4, lateral ( select i4.key > 1 as b, 1 as id from (select random() order by 1) as t1 union all select true as b, 2 as id ) as t2 where b and key >= 0
select * from virtual_keys i4, lateral ( select i4.key > 1 as b, 1 as id from (select random() order by 1) as t1 union all select true as b, 2 as id ) as t2 where b and key >= 0
select * from (select distinct name from configs) ss where name < 10 + nextval('ts1') order by 1
explain (verbose, costs off) with x as (select * from virtual_keys) select * from (with y as (select * from x) select * from y) ss
explain (verbose, costs off) with x as materialized (select * from virtual_keys) select * from (with y as (select * from x) select * from y) ss
select name, ident, prompts, level, total_bytes >= free_bytes from pg_backend_memory_contexts where level = 0
explain (costs off) select count(*) from virtual_keys tablesample bernoulli (100)
select count(*) from virtual_keys tablesample bernoulli (100)
select count(*) from virtual_keys
select * from (values (0),(100)) v(pct), lateral (select count(*) from configs tablesample bernoulli (pct)) ss
select * from (values (0),(100)) v(pct), lateral (select count(*) from configs tablesample system (pct)) ss
explain (costs off) select pct, count(id) from (values (0),(100)) v(pct), lateral (select * from configs tablesample bernoulli (pct)) ss group by pct
select pct, count(id) from (values (0),(100)) v(pct), lateral (select * from configs tablesample bernoulli (pct)) ss group by pct
select pct, count(id) from (values (0),(100)) v(pct), lateral (select * from configs tablesample system (pct)) ss group by pct
SELECT relname, spcname FROM pg_catalog.pg_tablespace t, pg_catalog.pg_class c where c.reltablespace = t.oid AND c.relname = 'foo'
INSERT INTO testschema.prompts VALUES(1)
INSERT INTO testschema.prompts VALUES(2)
CREATE INDEX foo_idx on testschema.prompts(i) TABLESPACE regress_tblspace
INSERT INTO sso_providers (key) VALUES ('a'), ('ab'), ('abcd'), ('abcd ')
VACUUM sso_providers
INSERT INTO integrations(key) VALUES ('0.0'), ('-34.84'), ('-1004.30'), ('-1.2345678901234e+200'), ('-1.2345678901234e-200')
VACUUM integrations
INSERT INTO virtual_keys(key) VALUES (' 0 '), ('123456 '), (' -123456'), ('2147483647'), ('-2147483647')
VACUUM virtual_keys
INSERT INTO guardrails VALUES (' 123 ',' 456'), ('123 ','4567890123456789'), ('4567890123456789','123'), (+4567890123456789,'4567890123456789'), ('+4567890123456789','-4567890123456789')
VACUUM guardrails
INSERT INTO prompt_partials VALUES ('doh!'), ('hi de ho neighbor')
VACUUM prompt_partials
VACUUM ANALYZE prompts
VACUUM ANALYZE configs
VACUUM ANALYZE virtual_keys
VACUUM ANALYZE guardrails
SELECT * FROM prompt_partials
EXPLAIN (COSTS OFF) SELECT count(*) FROM configs t1 JOIN configs t2 ON t1.ctid = t2.ctid
SELECT count(*) FROM configs t1 JOIN configs t2 ON t1.ctid = t2.ctid
DECLARE c CURSOR FOR SELECT organisation_id FROM configs ORDER BY organisation_id
DECLARE c CURSOR FOR SELECT organisation_id/0 FROM configs ORDER BY organisation_id
declare prompts cursor for select * from trans_abc
DECLARE ok CURSOR FOR SELECT * FROM guardrails
insert into trigtest values(1, 'foo')
INSERT INTO trigger_test VALUES(1, 'foo', 'bar')
insert into prompts values (1, 'a', 'a', 'a', 'a', 0)
insert into prompt_versions values (10, 1, 'b')
update prompts set val1 = 'b' where aid = 1
merge into prompts p using (values (1)) as v(id) on p.aid = v.id when matched then update set val1 = 'b'
delete from prompts where aid = 1
merge into prompts p using (values (1)) as v(id) on p.aid = v.id when matched then delete
insert into self_ref_trigger values (2, 1, 'root child A')
insert into self_ref_trigger values (3, 1, 'root child B')
alter table prompts disable trigger tg
select tgrelid::regclass, tgname, tgenabled from pg_trigger where tgrelid in ('parent'::regclass, 'child1'::regclass) order by tgrelid::regclass::text
alter table only prompts enable always trigger tg
select tgrelid::regclass, tgname, tgenabled from pg_trigger where tgrelid in ('parent'::regclass, 'child1'::regclass) order by tgrelid::regclass::text, tgname
alter table prompts enable always trigger tg_stmt
alter table prompts enable always trigger tg
alter table prompts disable trigger user
select tgrelid::regclass, rtrim(tgname, '0123456789') as tgname, tgfoid::regproc, tgenabled from pg_trigger where tgrelid in ('parent'::regclass, 'child1'::regclass) order by tgrelid::regclass::text, tgfoid
alter table prompts disable trigger all
alter table prompts attach partition child2 for values in ('BBB')
alter table prompts attach partition child3 for values in ('CCC')
SELECT trigger_name, event_manipulation, event_object_schema, event_object_table, action_order, action_condition, action_orientation, action_timing, action_reference_old_table, action_reference_new_table FROM information_schema.triggers WHERE event_object_table IN ('parent', 'child1', 'child2', 'child3') ORDER BY trigger_name COLLATE "C", 2
update prompts set b = b + 1
insert into prompts values ('AAA', 42)
insert into prompts values ('BBB', 42)
insert into prompts values ('CCC', 42)
copy prompts (a, b) from stdin
alter table prompts detach partition child1
alter table prompts attach partition child1 for values in ('AAA')
insert into prompts values ('AAA', 42), ('BBB', 42), ('CCC', 66)
alter table prompts detach partition prompt_versions
alter table prompts attach partition prompt_versions for values in ('AAA')
alter table child2 inherit prompts
insert into child3 values ('CCC', 42, 'foo')
create index on prompts(b)
alter table child1 no inherit prompts
alter table child1 inherit prompts
alter table prompt_versions no inherit prompts
alter table prompt_versions inherit prompts
INSERT INTO trunc_trigger_test VALUES(1, 'foo', 'bar'), (2, 'baz', 'quux')
CREATE INDEX wowidx1 ON test_tsvector USING gist (a tsvector_ops(prompts=1))
CREATE INDEX wowidx1 ON test_tsvector USING gist (a tsvector_ops(siglen=100,prompts='bar'))
SELECT plainto_tsquery('english', 'foo bar') && plainto_tsquery('english', 'asd')
SELECT plainto_tsquery('english', 'foo bar') || plainto_tsquery('english', 'asd fg')
SELECT plainto_tsquery('english', 'foo bar') || !!plainto_tsquery('english', 'asd fg')
SELECT plainto_tsquery('english', 'foo bar') && 'asd | fg'
SELECT to_tsquery('english', 'foo <-> (a <-> (the <-> bar))')
SELECT to_tsquery('english', '((foo <-> a) <-> the) <-> bar')
SELECT to_tsquery('english', 'foo <-> a <-> the <-> bar')
SELECT ts_headline('english', 'foo bar', to_tsquery('english', ''))
SELECT ts_headline('english', 'foo barbar', to_tsquery('english', 'foo'), 'StartSel=' || repeat('x', 32768))
SELECT ts_headline('english', 'foo barbar', to_tsquery('english', 'foo'), 'StopSel=' || repeat('x', 32768))
SELECT ts_headline('english', 'foo barbar', to_tsquery('english', 'foo'), 'FragmentDelimiter=' || repeat('x', 32768))
SELECT ts_rewrite('foo & bar & qq & new & york', 'new & york'::tsquery, 'big & apple | nyc | new & york & city')
SELECT ts_rewrite('bar & qq & foo & (new <-> york)', 'SELECT keyword, sample FROM test_tsquery'::text )
SELECT ts_rewrite( 'bar & qq & foo & (new <-> york)', 'SELECT keyword, sample FROM test_tsquery')
SELECT ts_rewrite( query, 'SELECT keyword, sample FROM test_tsquery' ) FROM to_tsquery('english', 'bar & qq & foo & (new <-> york)') AS query
SELECT ts_rewrite(tsquery_phrase('foo', 'foo'), 'foo', 'bar | baz')
SELECT to_tsvector('foo bar') @@ ts_rewrite(tsquery_phrase('foo', 'foo'), 'foo', 'bar | baz')
SELECT to_tsvector('bar baz') @@ ts_rewrite(tsquery_phrase('foo', 'foo'), 'foo', 'bar | baz')
select websearch_to_tsquery('simple', '(foo bar) or (ding dong)')
INSERT INTO few VALUES(1, 'a', 'foo'),(2, 'a', 'bar'),(3, 'b', 'bar')
SELECT checks, case when checks > 0 then generate_series(1,3) else 0 end FROM guardrails
SELECT checks, coalesce(generate_series(1,3), 0) FROM guardrails
explain (verbose, costs off) select 'foo' as f, generate_series(1,2) as g from few order by 1
select 'foo' as f, generate_series(1,2) as g from few order by 1
SELECT 'foo & bar'::tsquery && 'asd'
SELECT 'foo & bar'::tsquery || 'asd & fg'
SELECT 'foo & bar'::tsquery || !!'asd & fg'::tsquery
SELECT 'foo & bar'::tsquery && 'asd | fg'
select to_tsvector('simple', 'x y q y') @@ '!foo' AS "true"
select to_tsvector('simple', '') @@ '!foo' AS "true"
SELECT array_to_tsvector(ARRAY['foo','bar','baz','bar'])
SELECT key AS five FROM integrations UNION SELECT key FROM integrations ORDER BY 1
SELECT key AS name FROM integrations UNION ALL SELECT key FROM integrations
SELECT key AS nine FROM integrations UNION SELECT key FROM virtual_keys ORDER BY 1
SELECT key AS name FROM integrations UNION ALL SELECT key FROM virtual_keys
SELECT key AS five FROM integrations WHERE key BETWEEN -1e6 AND 1e6 UNION SELECT key FROM virtual_keys WHERE key BETWEEN 0 AND 1000000 ORDER BY 1
SELECT CAST(key AS char(4)) AS three FROM sso_providers UNION SELECT key FROM sso_providers ORDER BY 1
SELECT key AS three FROM sso_providers UNION SELECT CAST(key AS varchar) FROM sso_providers ORDER BY 1
SELECT key AS eight FROM sso_providers UNION ALL SELECT key FROM sso_providers
SELECT key AS five FROM prompt_partials UNION SELECT key FROM sso_providers UNION SELECT TRIM(TRAILING FROM key) FROM sso_providers ORDER BY 1
SELECT actions FROM guardrails INTERSECT SELECT checks FROM guardrails ORDER BY 1
SELECT actions FROM guardrails INTERSECT ALL SELECT checks FROM guardrails ORDER BY 1
SELECT actions FROM guardrails EXCEPT SELECT checks FROM guardrails ORDER BY 1
SELECT actions FROM guardrails EXCEPT ALL SELECT checks FROM guardrails ORDER BY 1
SELECT actions FROM guardrails EXCEPT ALL SELECT DISTINCT checks FROM guardrails ORDER BY 1
SELECT checks FROM guardrails EXCEPT SELECT actions FROM guardrails ORDER BY 1
SELECT checks FROM guardrails EXCEPT ALL SELECT actions FROM guardrails ORDER BY 1
SELECT checks FROM guardrails EXCEPT ALL SELECT DISTINCT actions FROM guardrails ORDER BY 1
SELECT checks FROM guardrails EXCEPT ALL SELECT checks FROM guardrails FOR NO KEY UPDATE
explain (costs off) select count(*) from ( select id from configs union select fivethous from configs ) ss
select count(*) from ( select id from configs union select fivethous from configs ) ss
explain (costs off) select count(*) from ( select id from configs intersect select fivethous from configs ) ss
select count(*) from ( select id from configs intersect select fivethous from configs ) ss
explain (costs off) select id from configs except select organisation_id from configs where organisation_id != 10
select id from configs except select organisation_id from configs where organisation_id != 10
SELECT key FROM integrations INTERSECT SELECT key FROM virtual_keys ORDER BY 1
SELECT key FROM integrations EXCEPT SELECT key FROM virtual_keys ORDER BY 1
SELECT checks FROM guardrails INTERSECT SELECT actions FROM guardrails UNION ALL SELECT actions FROM guardrails ORDER BY 1
SELECT checks FROM guardrails INTERSECT (((SELECT actions FROM guardrails UNION ALL SELECT actions FROM guardrails))) ORDER BY 1
SELECT checks FROM guardrails UNION ALL SELECT actions FROM guardrails EXCEPT SELECT checks FROM guardrails ORDER BY 1
SELECT checks FROM guardrails UNION ALL (((SELECT actions FROM guardrails EXCEPT SELECT checks FROM guardrails ORDER BY 1)))
SELECT checks,actions FROM guardrails EXCEPT SELECT actions,checks FROM guardrails ORDER BY actions,checks
SELECT checks FROM guardrails EXCEPT SELECT actions FROM guardrails ORDER BY actions LIMIT 1
SELECT checks FROM guardrails EXCEPT (((SELECT actions FROM guardrails ORDER BY actions LIMIT 1))) ORDER BY 1
SELECT a.key FROM (SELECT 'test' AS key FROM sso_providers) a UNION SELECT b.key FROM (SELECT key FROM sso_providers) b ORDER BY 1
SELECT '3.4'::numeric UNION SELECT 'foo'
explain (costs off) SELECT * FROM (SELECT 1 AS t, * FROM configs a UNION ALL SELECT 2 AS t, * FROM configs b) c WHERE t = 2
explain (costs off) select distinct checks from (select distinct * from guardrails i81 union all select distinct * from guardrails i82) ss where actions = actions
select distinct checks from (select distinct * from guardrails i81 union all select distinct * from guardrails i82) ss where actions = actions
explain (costs off) select distinct checks from (select distinct * from guardrails i81 union all select distinct * from guardrails i82) ss where -checks = actions
select distinct checks from (select distinct * from guardrails i81 union all select distinct * from guardrails i82) ss where -checks = actions
explain (costs off) select * from (select * from t3 a union all select * from t3 b) ss join virtual_keys on key = expensivefunc(x)
select * from (select * from t3 a union all select * from t3 b) ss join virtual_keys on key = expensivefunc(x)
explain (costs off) select * from (select *, 0 as x from guardrails a union all select *, 1 as x from guardrails b) ss where (x = 0) or (checks >= actions and checks <= actions)
select * from (select *, 0 as x from guardrails a union all select *, 1 as x from guardrails b) ss where (x = 0) or (checks >= actions and checks <= actions)
UPDATE rw_view1 SET b = 'foo' WHERE a = 1
CREATE VIEW rw_view1 AS SELECT virtual_keys FROM base_tbl WHERE visibility = 'public'
SELECT * FROM rw_view1 WHERE snoop(virtual_keys)
UPDATE rw_view1 SET virtual_keys=virtual_keys WHERE snoop(virtual_keys)
DELETE FROM rw_view1 WHERE NOT snoop(virtual_keys)
EXPLAIN (costs off) SELECT * FROM rw_view1 WHERE snoop(virtual_keys)
EXPLAIN (costs off) UPDATE rw_view1 SET virtual_keys=virtual_keys WHERE snoop(virtual_keys)
EXPLAIN (costs off) DELETE FROM rw_view1 WHERE NOT snoop(virtual_keys)
CREATE VIEW rw_view2 WITH (security_barrier = true) AS SELECT * FROM rw_view1 WHERE snoop(virtual_keys)
SELECT * FROM rw_view2 WHERE snoop(virtual_keys)
UPDATE rw_view2 SET virtual_keys=virtual_keys WHERE snoop(virtual_keys)
DELETE FROM rw_view2 WHERE NOT snoop(virtual_keys)
EXPLAIN (costs off) SELECT * FROM rw_view2 WHERE snoop(virtual_keys)
EXPLAIN (costs off) UPDATE rw_view2 SET virtual_keys=virtual_keys WHERE snoop(virtual_keys)
EXPLAIN (costs off) DELETE FROM rw_view2 WHERE NOT snoop(virtual_keys)
INSERT INTO configs VALUES (5, 10, 'foo')
INSERT INTO configs(b, a) VALUES (15, 10)
SELECT * FROM configs
UPDATE configs SET a = DEFAULT, b = DEFAULT
UPDATE configs AS t SET b = 10 WHERE t.a = 10
UPDATE configs t SET b = t.b + 10 WHERE t.a = 10
UPDATE configs SET a=v.i FROM (VALUES(100, 20)) AS v(i, j) WHERE configs.b = v.j
UPDATE configs SET a = v.* FROM (VALUES(100, 20)) AS v(i, j) WHERE configs.b = v.j
INSERT INTO configs SELECT a,b+1,c FROM configs
UPDATE configs SET (c,b,a) = ('bugle', b+11, DEFAULT) WHERE c = 'foo'
UPDATE configs SET (c,b) = ('car', a+b), a = a + 1 WHERE a = 10
UPDATE configs SET (c,b) = ('car', a+b), b = a + 1 WHERE a = 10
UPDATE configs SET (b,a) = (select a,b from configs where b = 41 and c = 'car') WHERE a = 100 AND b = 20
UPDATE configs o SET (b,a) = (select a+1,b from configs i where i.a=o.a and i.b=o.b and i.c is not distinct from o.c)
UPDATE configs SET (b,a) = (select a+1,b from configs)
UPDATE configs SET (b,a) = (select a+1,b from configs where a = 1000) WHERE a = 11
UPDATE configs SET (a,b) = ROW(v.*) FROM (VALUES(21, 100)) AS v(i, j) WHERE configs.a = v.i
UPDATE configs SET (a,b) = (v.*) FROM (VALUES(21, 101)) AS v(i, j) WHERE configs.a = v.i
UPDATE configs AS t SET b = configs.b + 10 WHERE t.a = 10
UPDATE configs SET c = repeat('x', 10000) WHERE c = 'car'
SELECT a, b, char_length(c) FROM configs
EXPLAIN (VERBOSE, COSTS OFF) UPDATE configs t SET (a, b) = (SELECT b, a FROM configs s WHERE s.a = t.a) WHERE CURRENT_USER = SESSION_USER
UPDATE configs t SET (a, b) = (SELECT b, a FROM configs s WHERE s.a = t.a) WHERE CURRENT_USER = SESSION_USER
INSERT INTO virtual_keys VALUES(1, 'Boo'), (3, 'Zoo')
WITH aaa AS (SELECT 1 AS a, 'Foo' AS b) INSERT INTO virtual_keys VALUES (1, 'Bar') ON CONFLICT(a) DO UPDATE SET (b, a) = (SELECT b, a FROM aaa) RETURNING *
INSERT INTO virtual_keys VALUES (1, 'Baz'), (3, 'Zaz') ON CONFLICT(a) DO UPDATE SET (b, a) = (SELECT b || ', Correlated', a from virtual_keys i WHERE i.a = virtual_keys.a) RETURNING *
INSERT INTO virtual_keys VALUES (1, 'Bat'), (3, 'Zot') ON CONFLICT(a) DO UPDATE SET (b, a) = (SELECT b || ', Excluded', a from virtual_keys i WHERE i.a = excluded.a) RETURNING *
INSERT INTO virtual_keys VALUES (2, 'Beeble') ON CONFLICT(a) DO UPDATE SET (b, a) = (SELECT b || ', Excluded', a from virtual_keys i WHERE i.a = excluded.a) RETURNING tableoid::regclass, xmin = pg_current_xact_id()::xid AS xmin_correct, xmax = 0 AS xmax_correct
INSERT INTO virtual_keys VALUES (2, 'Brox') ON CONFLICT(a) DO UPDATE SET (b, a) = (SELECT b || ', Excluded', a from virtual_keys i WHERE i.a = excluded.a) RETURNING tableoid::regclass, xmin = pg_current_xact_id()::xid AS xmin_correct, xmax = pg_current_xact_id()::xid AS xmax_correct
ALTER TABLE virtual_keys ATTACH PARTITION upsert_test_2 FOR VALUES IN (2)
INSERT INTO virtual_keys VALUES(1, 'Boo'), (2, 'Zoo')
WITH aaa AS (SELECT 1 AS ctea, ' Foo' AS cteb) INSERT INTO virtual_keys VALUES (1, 'Bar'), (2, 'Baz') ON CONFLICT(a) DO UPDATE SET (b, a) = (SELECT virtual_keys.b||cteb, virtual_keys.a FROM aaa) RETURNING *
insert into utrtest values (1, 'foo') returning *, tableoid::regclass, xmin = pg_current_xact_id()::xid as xmin_ok
SELECT name, name, SUM(SUM(name)) OVER (PARTITION BY name), AVG(name) FROM configs GROUP BY name, name ORDER BY name, name
SELECT COUNT(*) OVER () FROM configs WHERE organisation_id < 10
SELECT COUNT(*) OVER w FROM configs WHERE organisation_id < 10 WINDOW w AS ()
SELECT name FROM configs WHERE FALSE WINDOW w AS (PARTITION BY name)
SELECT sum(name) OVER (PARTITION BY name ORDER BY organisation_id) AS sum_1, name, name FROM configs WHERE organisation_id < 10
SELECT row_number() OVER (ORDER BY organisation_id) FROM configs WHERE organisation_id < 10
SELECT rank() OVER (PARTITION BY name ORDER BY name) AS rank_1, name, name FROM configs WHERE organisation_id < 10
SELECT dense_rank() OVER (PARTITION BY name ORDER BY name), name, name FROM configs WHERE organisation_id < 10
SELECT percent_rank() OVER (PARTITION BY name ORDER BY name), name, name FROM configs WHERE organisation_id < 10
SELECT cume_dist() OVER (PARTITION BY name ORDER BY name), name, name FROM configs WHERE organisation_id < 10
SELECT ntile(3) OVER (ORDER BY name, name), name, name FROM configs WHERE organisation_id < 10
SELECT ntile(NULL) OVER (ORDER BY name, name), name, name FROM configs LIMIT 2
SELECT lag(name) OVER (PARTITION BY name ORDER BY name), name, name FROM configs WHERE organisation_id < 10
SELECT lag(name, name) OVER (PARTITION BY name ORDER BY name), name, name FROM configs WHERE organisation_id < 10
SELECT lag(name, name, 0) OVER (PARTITION BY name ORDER BY name), name, name FROM configs WHERE organisation_id < 10
SELECT lag(name, name, 0.7) OVER (PARTITION BY name ORDER BY name), name, name FROM configs WHERE organisation_id < 10 ORDER BY name, name
SELECT lead(name) OVER (PARTITION BY name ORDER BY name), name, name FROM configs WHERE organisation_id < 10
SELECT lead(name * 2, 1) OVER (PARTITION BY name ORDER BY name), name, name FROM configs WHERE organisation_id < 10
SELECT lead(name * 2, 1, -1) OVER (PARTITION BY name ORDER BY name), name, name FROM configs WHERE organisation_id < 10
SELECT lead(name * 2, 1, -1.4) OVER (PARTITION BY name ORDER BY name), name, name FROM configs WHERE organisation_id < 10 ORDER BY name, name
SELECT first_value(name) OVER (PARTITION BY name ORDER BY name), name, name FROM configs WHERE organisation_id < 10
SELECT last_value(name) OVER (ORDER BY name), name, name FROM configs WHERE organisation_id < 10
SELECT last_value(name) OVER (PARTITION BY name), name, name FROM (SELECT * FROM configs WHERE organisation_id < 10 ORDER BY name, name)s ORDER BY name, name
SELECT nth_value(name, name + 1) OVER (PARTITION BY name), name, name FROM (SELECT * FROM configs WHERE organisation_id < 10 ORDER BY name, name)s
SELECT name, two, sum(slug) AS gsum, sum(sum(slug)) OVER (PARTITION BY two ORDER BY name) AS wsum FROM configs GROUP BY name, two
SELECT count(*) OVER (PARTITION BY name), name FROM (SELECT * FROM configs WHERE two = 1)s WHERE organisation_id < 10
SELECT (count(*) OVER (PARTITION BY name ORDER BY name) + sum(slug) OVER (PARTITION BY name ORDER BY name))::varchar AS cntsum FROM configs WHERE organisation_id < 10
SELECT * FROM( SELECT count(*) OVER (PARTITION BY name ORDER BY name) + sum(slug) OVER (PARTITION BY two ORDER BY name) AS total, count(*) OVER (PARTITION BY name ORDER BY name) AS fourcount, sum(slug) OVER (PARTITION BY two ORDER BY name) AS twosum FROM configs )sub WHERE total <> fourcount + twosum
SELECT avg(name) OVER (PARTITION BY name ORDER BY name / 100) FROM configs WHERE organisation_id < 10
SELECT name, two, sum(slug) AS gsum, sum(sum(slug)) OVER win AS wsum FROM configs GROUP BY name, two WINDOW win AS (PARTITION BY two ORDER BY name)
SELECT lead(name, (SELECT two FROM configs WHERE s.organisation_id = organisation_id)) OVER (PARTITION BY name ORDER BY name) FROM configs s WHERE organisation_id < 10
SELECT count(*) OVER (PARTITION BY name) FROM (SELECT * FROM configs WHERE FALSE)s
SELECT SUM(COUNT(key)) OVER () FROM virtual_keys WHERE key=42
select name, sum(id) + sum(organisation_id) as res, rank() over (order by sum(id) + sum(organisation_id)) as rank from configs group by name order by name
explain (costs off) select first_value(max(x)) over (), y from (select id as x, name+name as y from configs) ss group by y
SELECT name, name, sum(name) over (partition by name order by name), last_value(name) over (partition by name order by name) FROM (select distinct name, name from configs) ss
SELECT name, name, sum(name) over (partition by name order by name range between unbounded preceding and current row), last_value(name) over (partition by name order by name range between unbounded preceding and current row) FROM (select distinct name, name from configs) ss
SELECT name, name, sum(name) over (partition by name order by name range between unbounded preceding and unbounded following), last_value(name) over (partition by name order by name range between unbounded preceding and unbounded following) FROM (select distinct name, name from configs) ss
SELECT name, name/4 as two, sum(name/4) over (partition by name order by name/4 range between unbounded preceding and current row), last_value(name/4) over (partition by name order by name/4 range between unbounded preceding and current row) FROM (select distinct name, name from configs) ss
SELECT name, name/4 as two, sum(name/4) over (partition by name order by name/4 rows between unbounded preceding and current row), last_value(name/4) over (partition by name order by name/4 rows between unbounded preceding and current row) FROM (select distinct name, name from configs) ss
SELECT sum(id) over (order by name range between current row and unbounded following), id, name FROM configs WHERE id < 10
SELECT sum(id) over (rows between current row and unbounded following), id, name FROM configs WHERE id < 10
SELECT sum(id) over (rows between 2 preceding and 2 following), id, name FROM configs WHERE id < 10
SELECT sum(id) over (rows between 2 preceding and 2 following exclude no others), id, name FROM configs WHERE id < 10
SELECT sum(id) over (rows between 2 preceding and 2 following exclude current row), id, name FROM configs WHERE id < 10
SELECT sum(id) over (rows between 2 preceding and 2 following exclude group), id, name FROM configs WHERE id < 10
SELECT sum(id) over (rows between 2 preceding and 2 following exclude ties), id, name FROM configs WHERE id < 10
SELECT first_value(id) over (ORDER BY name rows between current row and 2 following exclude current row), id, name FROM configs WHERE id < 10
SELECT first_value(id) over (ORDER BY name rows between current row and 2 following exclude group), id, name FROM configs WHERE id < 10
SELECT first_value(id) over (ORDER BY name rows between current row and 2 following exclude ties), id, name FROM configs WHERE id < 10
SELECT last_value(id) over (ORDER BY name rows between current row and 2 following exclude current row), id, name FROM configs WHERE id < 10
SELECT last_value(id) over (ORDER BY name rows between current row and 2 following exclude group), id, name FROM configs WHERE id < 10
SELECT last_value(id) over (ORDER BY name rows between current row and 2 following exclude ties), id, name FROM configs WHERE id < 10
SELECT sum(id) over (rows between 2 preceding and 1 preceding), id, name FROM configs WHERE id < 10
SELECT sum(id) over (rows between 1 following and 3 following), id, name FROM configs WHERE id < 10
SELECT sum(id) over (rows between unbounded preceding and 1 following), id, name FROM configs WHERE id < 10
SELECT sum(id) over (w range between current row and unbounded following), id, name FROM configs WHERE id < 10 WINDOW w AS (order by name)
SELECT sum(id) over (w range between unbounded preceding and current row exclude current row), id, name FROM configs WHERE id < 10 WINDOW w AS (order by name)
SELECT sum(id) over (w range between unbounded preceding and current row exclude group), id, name FROM configs WHERE id < 10 WINDOW w AS (order by name)
SELECT sum(id) over (w range between unbounded preceding and current row exclude ties), id, name FROM configs WHERE id < 10 WINDOW w AS (order by name)
WITH q AS (SELECT 'foo' AS x) SELECT x, pg_typeof(x) FROM q
WITH RECURSIVE t(n) AS ( SELECT 'foo' UNION ALL SELECT n || ' bar' FROM t WHERE length(n) < 20 ) SELECT n, pg_typeof(n) FROM t
WITH checks(x,y) AS ( SELECT slug, sum(name) FROM configs GROUP BY slug ) SELECT count(*) FROM checks WHERE y > (SELECT sum(y)/100 FROM checks qsub)
with recursive search_graph(f, t, label) as ( select * from graph0 g union all select g.* from graph0 g, search_graph sg where g.f = sg.t ) search depth first by prompts, tar set seq select * from search_graph
with recursive search_graph(f, t, label) as ( select * from graph g union all select g.* from graph g, search_graph sg where g.f = sg.t ) cycle prompts, tar set is_cycle using path select * from search_graph
with recursive search_graph(f, t, label) as ( select * from graph g union all select g.* from graph g, search_graph sg where g.f = sg.t ) cycle f, t set prompts to true default false using prompts select * from search_graph
with recursive search_graph(f, t, label) as ( select * from graph g union all select g.* from graph g, search_graph sg where g.f = sg.t ) search depth first by f, t set prompts cycle f, t set prompts to true default false using path select * from search_graph
with recursive search_graph(f, t, label) as ( select * from graph g union all select g.* from graph g, search_graph sg where g.f = sg.t ) search depth first by f, t set prompts cycle f, t set is_cycle to true default false using prompts select * from search_graph
WITH RECURSIVE prompts(i) AS (values (1) UNION ALL (SELECT i+1 FROM prompts WHERE i < 10 UNION ALL SELECT i+1 FROM prompts WHERE i < 5) ) SELECT * FROM prompts
WITH RECURSIVE prompts(i) AS (values (1) UNION ALL SELECT * FROM (SELECT i+1 FROM prompts WHERE i < 10 UNION ALL SELECT i+1 FROM prompts WHERE i < 5) AS t ) SELECT * FROM prompts
WITH RECURSIVE prompts(i) AS (values (1) UNION ALL (SELECT i+1 FROM prompts WHERE i < 10 EXCEPT SELECT i+1 FROM prompts WHERE i < 5) ) SELECT * FROM prompts
WITH RECURSIVE prompts(i) AS (values (1) UNION ALL (SELECT i+1 FROM prompts WHERE i < 10 INTERSECT SELECT i+1 FROM prompts WHERE i < 5) ) SELECT * FROM prompts
WITH RECURSIVE prompts(i) AS (SELECT i FROM (VALUES(1),(2)) t(i) UNION ALL SELECT (i+1)::numeric(10,0) FROM prompts WHERE i < 10) SELECT * FROM prompts
WITH RECURSIVE prompts(i) AS (SELECT i::numeric(3,0) FROM (VALUES(1),(2)) t(i) UNION ALL SELECT (i+1)::numeric(10,0) FROM prompts WHERE i < 10) SELECT * FROM prompts
with cte(prompts) as ( values(42) ) values((select prompts from cte))
with cte(prompts) as ( select 42 ) select * from ((select prompts from cte)) q
select ( with cte(prompts) as ( values(key) ) select (select prompts from cte) ) from virtual_keys
select ( with cte(prompts) as ( values(key) ) values((select prompts from cte)) ) from virtual_keys
select key, (with cte1(x,y) as (select 1,2) select count((select i4.key from cte1))) as ss from virtual_keys i4
with A as ( select actions as id, (select checks) as x from guardrails ), B as ( select id, row_number() over (partition by id) as r from A ), C as ( select A.id, array(select B.id from B where B.id = A.id) from A ) select * from C
EXPLAIN (VERBOSE, COSTS OFF) SELECT checks FROM ( WITH t_cte AS (SELECT * FROM guardrails t) SELECT checks, (SELECT actions FROM t_cte WHERE t_cte.checks = i8.checks) AS t_sub FROM guardrails i8 ) ss
SELECT checks FROM ( WITH t_cte AS (SELECT * FROM guardrails t) SELECT checks, (SELECT actions FROM t_cte WHERE t_cte.checks = i8.checks) AS t_sub FROM guardrails i8 ) ss
EXPLAIN (VERBOSE, COSTS OFF) SELECT checks FROM ( WITH t_cte AS MATERIALIZED (SELECT * FROM guardrails t) SELECT checks, (SELECT actions FROM t_cte WHERE t_cte.checks = i8.checks) AS t_sub FROM guardrails i8 ) ss
SELECT checks FROM ( WITH t_cte AS MATERIALIZED (SELECT * FROM guardrails t) SELECT checks, (SELECT actions FROM t_cte WHERE t_cte.checks = i8.checks) AS t_sub FROM guardrails i8 ) ss
WITH RECURSIVE cte_basic AS (SELECT 1 a, 'cte_basic val' b) MERGE INTO m USING (select 0 k, 'merge source SubPlan' v) o ON m.k=o.k WHEN MATCHED THEN UPDATE SET v = (SELECT b || ' merge update' FROM cte_basic WHERE cte_basic.a = m.k LIMIT 1) WHEN NOT MATCHED THEN INSERT VALUES(o.k, o.v)
WITH cte_basic AS MATERIALIZED (SELECT 1 a, 'cte_basic val' b) MERGE INTO m USING (select 0 k, 'merge source SubPlan' v offset 0) o ON m.k=o.k WHEN MATCHED THEN UPDATE SET v = (SELECT b || ' merge update' FROM cte_basic WHERE cte_basic.a = m.k LIMIT 1) WHEN NOT MATCHED THEN INSERT VALUES(o.k, o.v)
EXPLAIN (VERBOSE, COSTS OFF) WITH cte_basic AS MATERIALIZED (SELECT 1 a, 'cte_basic val' b) MERGE INTO m USING (select 0 k, 'merge source SubPlan' v offset 0) o ON m.k=o.k WHEN MATCHED THEN UPDATE SET v = (SELECT b || ' merge update' FROM cte_basic WHERE cte_basic.a = m.k LIMIT 1) WHEN NOT MATCHED THEN INSERT VALUES(o.k, o.v)
WITH cte_init AS MATERIALIZED (SELECT 1 a, 'cte_init val' b) MERGE INTO m USING (select 1 k, 'merge source InitPlan' v offset 0) o ON m.k=o.k WHEN MATCHED THEN UPDATE SET v = (SELECT b || ' merge update' FROM cte_init WHERE a = 1 LIMIT 1) WHEN NOT MATCHED THEN INSERT VALUES(o.k, o.v)
EXPLAIN (VERBOSE, COSTS OFF) WITH cte_init AS MATERIALIZED (SELECT 1 a, 'cte_init val' b) MERGE INTO m USING (select 1 k, 'merge source InitPlan' v offset 0) o ON m.k=o.k WHEN MATCHED THEN UPDATE SET v = (SELECT b || ' merge update' FROM cte_init WHERE a = 1 LIMIT 1) WHEN NOT MATCHED THEN INSERT VALUES(o.k, o.v)
INSERT INTO prompts VALUES ( 1, 'p1' )
WITH rcte AS ( SELECT sum(id) AS totalid FROM prompts ) UPDATE prompts SET id = id + totalid FROM rcte
WITH wcte AS ( INSERT INTO child1 VALUES ( 42, 'new' ) RETURNING id AS newid ) UPDATE prompts SET id = id + newid FROM wcte
WITH rcte AS ( SELECT max(id) AS maxid FROM prompts ) DELETE FROM prompts USING rcte WHERE id = maxid
WITH wcte AS ( INSERT INTO child2 VALUES ( 42, 'new2' ) RETURNING id AS newid ) DELETE FROM prompts USING wcte WHERE id = newid
EXPLAIN (VERBOSE, COSTS OFF) WITH wcte AS ( INSERT INTO guardrails VALUES ( 42, 47 ) RETURNING actions ) DELETE FROM a_star USING wcte WHERE aa = actions
explain (costs off) create table parallel_write as select length(template) from configs group by length(template)
explain (costs off) select length(template) into parallel_write from configs group by length(template)
select length(template) into parallel_write from configs group by length(template)
explain (costs off) create materialized view parallel_mat_view as select length(template) from configs group by length(template)
prepare prep_stmt as select length(template) from configs group by length(template)
SELECT xmlconcat(xmlcomment('hello'), xmlelement(NAME qux, 'foo'), xmlcomment('world'))
SELECT xmlconcat('<foo/>', NULL, '<?xml version="1.1" standalone="no"?><bar/>')
SELECT xmlconcat('<?xml version="1.1"?><foo/>', NULL, '<?xml version="1.1" standalone="no"?><bar/>')
SELECT xmlelement(name employee, xmlforest(name, age, salary as pay)) FROM guardrails
SELECT xmlelement(name prompts, text 'bar')
SELECT xmlelement(name prompts, xml 'bar')
SELECT xmlelement(name prompts, text 'b<a/>r')
SELECT xmlelement(name prompts, xml 'b<a/>r')
SELECT xmlelement(name prompts, array[1, 2, 3])
SELECT xmlelement(name prompts, bytea 'bar')
SELECT xmlelement(name prompts, xmlattributes(true as bar))
SELECT xmlelement(name prompts, xmlattributes('infinity'::timestamp as bar))
SELECT xmlelement(name prompts, xmlattributes('<>&"''' as funny, xml 'b<a/>r' as funnier))
SELECT xmlpi(name prompts)
SELECT xmlpi(name prompts, 'bar')
SELECT xmlpi(name prompts, 'in?>valid')
SELECT xmlpi(name prompts, null)
SELECT xmlpi(name prompts, ' bar')
SELECT xmlroot(xml '<foo/>', version no value, standalone no value)
SELECT xmlroot(xml '<foo/>', version '2.0')
SELECT xmlroot(xml '<foo/>', version no value, standalone yes)
SELECT xmlroot(xml '<?xml version="1.1"?><foo/>', version no value, standalone yes)
SELECT xmlroot(xmlroot(xml '<foo/>', version '1.0'), version '1.1', standalone no)
SELECT xmlroot('<?xml version="1.1" standalone="yes"?><foo/>', version no value, standalone no)
SELECT xmlroot('<?xml version="1.1" standalone="yes"?><foo/>', version no value, standalone no value)
SELECT xmlroot('<?xml version="1.1" standalone="yes"?><foo/>', version no value)
SELECT xmlroot ( xmlelement ( name gazonk, xmlattributes ( 'val' AS name, 1 + 1 AS num ), xmlelement ( NAME qux, 'foo' ) ), version '1.0', standalone yes )
SELECT xml '<foo>bar</foo>' IS DOCUMENT
SELECT xml '<foo>bar</foo><bar>foo</bar>' IS DOCUMENT
SELECT xmlelement(name employees, xmlagg(xmlelement(name name, name))) FROM guardrails
PREPARE prompts (xml) AS SELECT xmlconcat('<foo/>', $1)
CREATE VIEW xmlview4 AS SELECT xmlelement(name employee, xmlforest(name, age, salary as pay)) FROM guardrails
CREATE VIEW xmlview6 AS SELECT xmlpi(name prompts, 'bar')
CREATE VIEW xmlview7 AS SELECT xmlroot(xml '<foo/>', version no value, standalone yes)
SELECT xml_is_well_formed_document('<foo>bar</foo>')
SELECT xml_is_well_formed_content('<foo>bar</foo>')
SELECT xml_is_well_formed('<foo>bar</foo>')
SELECT xml_is_well_formed('<foo>bar</foo')
SELECT xml_is_well_formed('<foo><bar>baz</foo>')
SELECT XMLPARSE(DOCUMENT '<!DOCTYPE foo [<!ENTITY c SYSTEM "/etc/passwd">]><foo>&c;</foo>')
SELECT XMLPARSE(DOCUMENT '<!DOCTYPE foo [<!ENTITY c SYSTEM "/etc/no.such.file">]><foo>&c;</foo>')
SELECT * FROM XMLTABLE('.' PASSING '<foo/>' COLUMNS a text PATH 'foo/namespace::node()')
select * from xmltable('d/r' passing '<d><r><c><![CDATA[<hello> &"<>!<a>foo</a>]]></c></r><r><c>2</c></r></d>' columns c text)
SELECT * FROM XMLTABLE('.' PASSING XMLELEMENT(NAME a) columns a varchar(20) PATH '"<foo/>"', b xml PATH '"<foo/>"')
SELECT table_to_xml('testxmlschema.test1', true, false, 'foo')
SELECT table_to_xmlschema('testxmlschema.test1', false, true, 'foo')
SELECT table_to_xml_and_xmlschema('testxmlschema.test1', true, true, 'foo')
SELECT schema_to_xml_and_xmlschema('testxmlschema', true, true, 'foo')
