select version();
insert into "organisations" ("id", "name") values ($1, $2)
insert into "prompts" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4)
insert into "organisations" ("id", "name") values ($1, $2), ($3, $4)
insert into "organisations" ("id", "name") values ($1, $2) returning *
insert into "organisations" ("id", "name") values ($1, $2) returning "id", "name"
insert into "organisations" ("id", "name") values ($1, $2) on conflict ("id") do nothing
insert into "organisations" ("id", "name") values ($1, $2) on conflict ("id") do update set "id" = excluded."id", "name" = excluded."name"
insert into "organisations" ("id", "name") values ($1, $2) on conflict ("id") do update set "name" = excluded."name"
insert into "organisations" ("id", "name") values ($1, $2), ($3, DEFAULT)
select * from "organisations"
select * from "organisations" where "id" = $1 limit $2
select "id", "name" from "organisations" where "id" = $1
select "organisations".* from "organisations" order by "id" desc limit $1 offset $2
select "name" from "organisations" where "id" in ($1, $2)
select count(*) as "n" from "organisations" where "name" is not null
select count("name") from "organisations"
select max("id") from "organisations"
select "id" from "organisations" where "name" is null or "name" = $1
select "name" as "other" from "organisations"
select distinct "id" from "organisations"
select distinct on ("id") * from "organisations" order by "id" asc
select "name", count(*) from "organisations" group by "name"
select * from "organisations" where "name" like $1 and "id" <> $2
select * from "organisations" where "name" ilike $1
update "organisations" set "name" = $1 where "id" = $2
update "organisations" set "name" = $1 where "id" = $2 returning "id", "name"
with "picked" as (select "id", "name" from "organisations") select * from "picked"
select * from "organisations" union all select * from "organisations"
select "x".* from (select * from "organisations") as "x"
select * from "organisations" where exists (select * from "organisations" where true)
BEGIN;
select * from "organisations" where "id" = $1 for update
COMMIT;
select * from "organisations" for share skip locked
select * from information_schema.columns where table_name = $1 and table_catalog = current_database() and table_schema = current_schema()
select * from information_schema.tables where table_name = $1 and table_schema = current_schema()
select * from information_schema.columns where table_name = $1 and column_name = $2 and table_schema = current_schema()
select coalesce("name", $1) as c from "organisations"
select row_number() over (order by id), "name" from "organisations"
select * from "organisations" where "name" = $1
select * from "organisations" order by "name" asc
delete from "organisations" where "id" = $1
delete from "organisations" where "id" = $1 returning "id"
truncate "organisations" restart identity
insert into "configs" ("id", "name", "organisation_id", "slug", "template") values ($1, $2, $3, $4, $5)
insert into "configs" ("id", "name", "organisation_id", "slug", "template") values ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10)
insert into "configs" ("id", "name", "organisation_id", "slug", "template") values ($1, $2, $3, $4, $5) returning *
insert into "configs" ("id", "name", "organisation_id", "slug", "template") values ($1, $2, $3, $4, $5) returning "id", "template"
insert into "configs" ("id", "name", "organisation_id", "slug", "template") values ($1, $2, $3, $4, $5) on conflict ("id") do nothing
insert into "configs" ("id", "name", "organisation_id", "slug", "template") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "id" = excluded."id", "name" = excluded."name", "organisation_id" = excluded."organisation_id", "slug" = excluded."slug", "template" = excluded."template"
insert into "configs" ("id", "name", "organisation_id", "slug", "template") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "template" = excluded."template"
insert into "configs" ("id", "name", "organisation_id", "slug", "template") values ($1, $2, $3, $4, $5), ($6, DEFAULT, $7, DEFAULT, DEFAULT)
select * from "configs"
select * from "configs" where "id" = $1 limit $2
select "id", "template" from "configs" where "id" = $1
select "configs".* from "configs" order by "id" desc limit $1 offset $2
select "template" from "configs" where "id" in ($1, $2)
select count(*) as "n" from "configs" where "template" is not null
select count("template") from "configs"
select max("id") from "configs"
select "id" from "configs" where "template" is null or "slug" = $1
select "template" as "other" from "configs"
select distinct "id" from "configs"
select distinct on ("id") * from "configs" order by "id" asc
select "slug", count(*) from "configs" group by "slug"
select * from "configs" where "slug" like $1 and "id" <> $2
select * from "configs" where "slug" ilike $1
update "configs" set "template" = $1 where "id" = $2
update "configs" set "template" = $1 where "id" = $2 returning "id", "template"
update "configs" set "slug" = $1, "name" = $2, "template" = $3 where "id" = $4
with "picked" as (select "id", "template" from "configs") select * from "picked"
select * from "configs" union all select * from "configs"
select "x".* from (select * from "configs") as "x"
select * from "configs" where exists (select * from "organisations" where true)
select * from "configs" where "id" = $1 for update
select * from "configs" for share skip locked
select coalesce("slug", $1) as c from "configs"
select row_number() over (order by id), "template" from "configs"
select * from "configs" order by "template" asc
select "configs".*, "o"."name" from "configs" inner join "organisations" as "o" on "o"."id" = "configs"."organisation_id"
select "configs"."template" from "configs" left join "organisations" on "organisations"."id" = "organisation_id" where "organisations"."name" = $1
update "configs" set "template" = $1 where "organisation_id" = $2 and "id" = $3
delete from "configs" where "organisation_id" = $1 and "id" = $2
select * from "configs" inner join "organisations" on "organisations"."id" = "configs"."organisation_id" where "organisations"."id" = $1 limit $2
delete from "configs" where "id" = $1
delete from "configs" where "id" = $1 returning "id"
truncate "configs" restart identity
insert into "virtual_keys" ("auth_config", "id", "key", "name", "organisation_id", "slug", "status") values ($1, $2, $3, $4, $5, $6, $7)
insert into "virtual_keys" ("auth_config", "id", "key", "name", "organisation_id", "slug", "status") values ($1, $2, $3, $4, $5, $6, $7), ($8, $9, $10, $11, $12, $13, $14)
insert into "virtual_keys" ("auth_config", "id", "key", "name", "organisation_id", "slug", "status") values ($1, $2, $3, $4, $5, $6, $7) returning *
insert into "virtual_keys" ("auth_config", "id", "key", "name", "organisation_id", "slug", "status") values ($1, $2, $3, $4, $5, $6, $7) returning "id", "status"
insert into "virtual_keys" ("auth_config", "id", "key", "name", "organisation_id", "slug", "status") values ($1, $2, $3, $4, $5, $6, $7) on conflict ("id") do nothing
insert into "virtual_keys" ("auth_config", "id", "key", "name", "organisation_id", "slug", "status") values ($1, $2, $3, $4, $5, $6, $7) on conflict ("id") do update set "auth_config" = excluded."auth_config", "id" = excluded."id", "key" = excluded."key", "name" = excluded."name", "organisation_id" = excluded."organisation_id", "slug" = excluded."slug", "status" = excluded."status"
insert into "virtual_keys" ("auth_config", "id", "key", "name", "organisation_id", "slug", "status") values ($1, $2, $3, $4, $5, $6, $7) on conflict ("id") do update set "status" = excluded."status"
insert into "virtual_keys" ("auth_config", "id", "key", "name", "organisation_id", "slug", "status") values ($1, $2, $3, $4, $5, $6, $7), (DEFAULT, $8, DEFAULT, DEFAULT, $9, DEFAULT, DEFAULT)
select * from "virtual_keys"
select * from "virtual_keys" where "id" = $1 limit $2
select "id", "status" from "virtual_keys" where "id" = $1
select "virtual_keys".* from "virtual_keys" order by "id" desc limit $1 offset $2
select "status" from "virtual_keys" where "id" in ($1, $2)
select count(*) as "n" from "virtual_keys" where "status" is not null
select count("status") from "virtual_keys"
select max("id") from "virtual_keys"
select "id" from "virtual_keys" where "status" is null or "slug" = $1
select "status" as "other" from "virtual_keys"
select distinct "id" from "virtual_keys"
select distinct on ("id") * from "virtual_keys" order by "id" asc
select "slug", count(*) from "virtual_keys" group by "slug"
select * from "virtual_keys" where "slug" like $1 and "id" <> $2
select * from "virtual_keys" where "slug" ilike $1
update "virtual_keys" set "status" = $1 where "id" = $2
update "virtual_keys" set "status" = $1 where "id" = $2 returning "id", "status"
update "virtual_keys" set "slug" = $1, "name" = $2, "key" = $3, "auth_config" = $4, "status" = $5 where "id" = $6
with "picked" as (select "id", "status" from "virtual_keys") select * from "picked"
select * from "virtual_keys" union all select * from "virtual_keys"
select "x".* from (select * from "virtual_keys") as "x"
select * from "virtual_keys" where exists (select * from "organisations" where true)
select * from "virtual_keys" where "id" = $1 for update
select * from "virtual_keys" for share skip locked
select coalesce("slug", $1) as c from "virtual_keys"
select row_number() over (order by id), "status" from "virtual_keys"
select * from "virtual_keys" where "status" = $1
select * from "virtual_keys" order by "status" asc
select "virtual_keys".*, "o"."name" from "virtual_keys" inner join "organisations" as "o" on "o"."id" = "virtual_keys"."organisation_id"
select "virtual_keys"."status" from "virtual_keys" left join "organisations" on "organisations"."id" = "organisation_id" where "organisations"."name" = $1
update "virtual_keys" set "status" = $1 where "organisation_id" = $2 and "id" = $3
delete from "virtual_keys" where "organisation_id" = $1 and "id" = $2
select * from "virtual_keys" inner join "organisations" on "organisations"."id" = "virtual_keys"."organisation_id" where "organisations"."id" = $1 limit $2
delete from "virtual_keys" where "id" = $1
delete from "virtual_keys" where "id" = $1 returning "id"
truncate "virtual_keys" restart identity
insert into "prompts" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4), ($5, $6, $7, $8)
insert into "prompts" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4) returning *
insert into "prompts" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4) returning "id", "template"
insert into "prompts" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4) on conflict ("id") do nothing
insert into "prompts" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4) on conflict ("id") do update set "id" = excluded."id", "name" = excluded."name", "organisation_id" = excluded."organisation_id", "template" = excluded."template"
insert into "prompts" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4) on conflict ("id") do update set "template" = excluded."template"
insert into "prompts" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4), ($5, DEFAULT, $6, DEFAULT)
select * from "prompts"
select * from "prompts" where "id" = $1 limit $2
select "id", "template" from "prompts" where "id" = $1
select "prompts".* from "prompts" order by "id" desc limit $1 offset $2
select "template" from "prompts" where "id" in ($1, $2)
select count(*) as "n" from "prompts" where "template" is not null
select count("template") from "prompts"
select max("id") from "prompts"
select "id" from "prompts" where "template" is null or "name" = $1
select "template" as "other" from "prompts"
select distinct "id" from "prompts"
select distinct on ("id") * from "prompts" order by "id" asc
select "name", count(*) from "prompts" group by "name"
select * from "prompts" where "name" like $1 and "id" <> $2
select * from "prompts" where "name" ilike $1
update "prompts" set "template" = $1 where "id" = $2
update "prompts" set "template" = $1 where "id" = $2 returning "id", "template"
update "prompts" set "name" = $1, "template" = $2 where "id" = $3
with "picked" as (select "id", "template" from "prompts") select * from "picked"
select * from "prompts" union all select * from "prompts"
select "x".* from (select * from "prompts") as "x"
select * from "prompts" where exists (select * from "organisations" where true)
select * from "prompts" where "id" = $1 for update
select * from "prompts" for share skip locked
select coalesce("name", $1) as c from "prompts"
select row_number() over (order by id), "template" from "prompts"
select * from "prompts" where "template" = $1
select * from "prompts" order by "template" asc
select "prompts".*, "o"."name" from "prompts" inner join "organisations" as "o" on "o"."id" = "prompts"."organisation_id"
select "prompts"."template" from "prompts" left join "organisations" on "organisations"."id" = "organisation_id" where "organisations"."name" = $1
update "prompts" set "template" = $1 where "organisation_id" = $2 and "id" = $3
delete from "prompts" where "organisation_id" = $1 and "id" = $2
select * from "prompts" inner join "organisations" on "organisations"."id" = "prompts"."organisation_id" where "organisations"."id" = $1 limit $2
delete from "prompts" where "id" = $1
delete from "prompts" where "id" = $1 returning "id"
truncate "prompts" restart identity
insert into "prompt_versions" ("id", "prompt_id", "template", "template_text", "version") values ($1, $2, $3, $4, $5)
insert into "prompt_versions" ("id", "prompt_id", "template", "template_text", "version") values ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10)
insert into "prompt_versions" ("id", "prompt_id", "template", "template_text", "version") values ($1, $2, $3, $4, $5) returning *
insert into "prompt_versions" ("id", "prompt_id", "template", "template_text", "version") values ($1, $2, $3, $4, $5) returning "id", "template_text"
insert into "prompt_versions" ("id", "prompt_id", "template", "template_text", "version") values ($1, $2, $3, $4, $5) on conflict ("id") do nothing
insert into "prompt_versions" ("id", "prompt_id", "template", "template_text", "version") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "id" = excluded."id", "prompt_id" = excluded."prompt_id", "template" = excluded."template", "template_text" = excluded."template_text", "version" = excluded."version"
insert into "prompt_versions" ("id", "prompt_id", "template", "template_text", "version") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "template_text" = excluded."template_text"
insert into "prompt_versions" ("id", "prompt_id", "template", "template_text", "version") values ($1, $2, $3, $4, $5), ($6, DEFAULT, DEFAULT, DEFAULT, DEFAULT)
select * from "prompt_versions"
select * from "prompt_versions" where "id" = $1 limit $2
select "id", "template_text" from "prompt_versions" where "id" = $1
select "prompt_versions".* from "prompt_versions" order by "id" desc limit $1 offset $2
select "template_text" from "prompt_versions" where "id" in ($1, $2)
select count(*) as "n" from "prompt_versions" where "template_text" is not null
select count("template_text") from "prompt_versions"
select max("id") from "prompt_versions"
select "id" from "prompt_versions" where "template_text" is null or "template_text" = $1
select "template_text" as "other" from "prompt_versions"
select distinct "id" from "prompt_versions"
select distinct on ("id") * from "prompt_versions" order by "id" asc
select "template_text", count(*) from "prompt_versions" group by "template_text"
select * from "prompt_versions" where "template_text" like $1 and "id" <> $2
select * from "prompt_versions" where "template_text" ilike $1
update "prompt_versions" set "template_text" = $1 where "id" = $2
update "prompt_versions" set "template_text" = $1 where "id" = $2 returning "id", "template_text"
update "prompt_versions" set "version" = $1, "template" = $2, "template_text" = $3 where "id" = $4
with "picked" as (select "id", "template_text" from "prompt_versions") select * from "picked"
select * from "prompt_versions" union all select * from "prompt_versions"
select "x".* from (select * from "prompt_versions") as "x"
select * from "prompt_versions" where exists (select * from "organisations" where true)
select * from "prompt_versions" where "id" = $1 for update
select * from "prompt_versions" for share skip locked
select coalesce("template_text", $1) as c from "prompt_versions"
select row_number() over (order by id), "template_text" from "prompt_versions"
select * from "prompt_versions" where "template_text" = $1
select * from "prompt_versions" order by "template_text" asc
delete from "prompt_versions" where "id" = $1
delete from "prompt_versions" where "id" = $1 returning "id"
truncate "prompt_versions" restart identity
insert into "prompt_partials" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4)
insert into "prompt_partials" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4), ($5, $6, $7, $8)
insert into "prompt_partials" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4) returning *
insert into "prompt_partials" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4) returning "id", "template"
insert into "prompt_partials" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4) on conflict ("id") do nothing
insert into "prompt_partials" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4) on conflict ("id") do update set "id" = excluded."id", "name" = excluded."name", "organisation_id" = excluded."organisation_id", "template" = excluded."template"
insert into "prompt_partials" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4) on conflict ("id") do update set "template" = excluded."template"
insert into "prompt_partials" ("id", "name", "organisation_id", "template") values ($1, $2, $3, $4), ($5, DEFAULT, $6, DEFAULT)
select * from "prompt_partials"
select * from "prompt_partials" where "id" = $1 limit $2
select "id", "template" from "prompt_partials" where "id" = $1
select "prompt_partials".* from "prompt_partials" order by "id" desc limit $1 offset $2
select "template" from "prompt_partials" where "id" in ($1, $2)
select count(*) as "n" from "prompt_partials" where "template" is not null
select count("template") from "prompt_partials"
select max("id") from "prompt_partials"
select "id" from "prompt_partials" where "template" is null or "name" = $1
select "template" as "other" from "prompt_partials"
select distinct "id" from "prompt_partials"
select distinct on ("id") * from "prompt_partials" order by "id" asc
select "name", count(*) from "prompt_partials" group by "name"
select * from "prompt_partials" where "name" like $1 and "id" <> $2
select * from "prompt_partials" where "name" ilike $1
update "prompt_partials" set "template" = $1 where "id" = $2
update "prompt_partials" set "template" = $1 where "id" = $2 returning "id", "template"
update "prompt_partials" set "name" = $1, "template" = $2 where "id" = $3
with "picked" as (select "id", "template" from "prompt_partials") select * from "picked"
select * from "prompt_partials" union all select * from "prompt_partials"
select "x".* from (select * from "prompt_partials") as "x"
select * from "prompt_partials" where exists (select * from "organisations" where true)
select * from "prompt_partials" where "id" = $1 for update
select * from "prompt_partials" for share skip locked
select coalesce("name", $1) as c from "prompt_partials"
select row_number() over (order by id), "template" from "prompt_partials"
select * from "prompt_partials" where "template" = $1
select * from "prompt_partials" order by "template" asc
select "prompt_partials".*, "o"."name" from "prompt_partials" inner join "organisations" as "o" on "o"."id" = "prompt_partials"."organisation_id"
select "prompt_partials"."template" from "prompt_partials" left join "organisations" on "organisations"."id" = "organisation_id" where "organisations"."name" = $1
update "prompt_partials" set "template" = $1 where "organisation_id" = $2 and "id" = $3
delete from "prompt_partials" where "organisation_id" = $1 and "id" = $2
select * from "prompt_partials" inner join "organisations" on "organisations"."id" = "prompt_partials"."organisation_id" where "organisations"."id" = $1 limit $2
delete from "prompt_partials" where "id" = $1
delete from "prompt_partials" where "id" = $1 returning "id"
truncate "prompt_partials" restart identity
insert into "guardrails" ("actions", "checks", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5)
insert into "guardrails" ("actions", "checks", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10)
insert into "guardrails" ("actions", "checks", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) returning *
insert into "guardrails" ("actions", "checks", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) returning "id", "actions"
insert into "guardrails" ("actions", "checks", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) on conflict ("id") do nothing
insert into "guardrails" ("actions", "checks", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "actions" = excluded."actions", "checks" = excluded."checks", "id" = excluded."id", "name" = excluded."name", "organisation_id" = excluded."organisation_id"
insert into "guardrails" ("actions", "checks", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "actions" = excluded."actions"
insert into "guardrails" ("actions", "checks", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5), (DEFAULT, DEFAULT, $6, DEFAULT, $7)
select * from "guardrails"
select * from "guardrails" where "id" = $1 limit $2
select "id", "actions" from "guardrails" where "id" = $1
select "guardrails".* from "guardrails" order by "id" desc limit $1 offset $2
select "actions" from "guardrails" where "id" in ($1, $2)
select count(*) as "n" from "guardrails" where "actions" is not null
select count("actions") from "guardrails"
select max("id") from "guardrails"
select "id" from "guardrails" where "actions" is null or "name" = $1
select "actions" as "other" from "guardrails"
select distinct "id" from "guardrails"
select distinct on ("id") * from "guardrails" order by "id" asc
select "name", count(*) from "guardrails" group by "name"
select * from "guardrails" where "name" like $1 and "id" <> $2
select * from "guardrails" where "name" ilike $1
update "guardrails" set "actions" = $1 where "id" = $2
update "guardrails" set "actions" = $1 where "id" = $2 returning "id", "actions"
update "guardrails" set "name" = $1, "checks" = $2, "actions" = $3 where "id" = $4
with "picked" as (select "id", "actions" from "guardrails") select * from "picked"
select * from "guardrails" union all select * from "guardrails"
select "x".* from (select * from "guardrails") as "x"
select * from "guardrails" where exists (select * from "organisations" where true)
select * from "guardrails" where "id" = $1 for update
select * from "guardrails" for share skip locked
select coalesce("name", $1) as c from "guardrails"
select row_number() over (order by id), "actions" from "guardrails"
select * from "guardrails" order by "actions" asc
select "guardrails".*, "o"."name" from "guardrails" inner join "organisations" as "o" on "o"."id" = "guardrails"."organisation_id"
select "guardrails"."actions" from "guardrails" left join "organisations" on "organisations"."id" = "organisation_id" where "organisations"."name" = $1
update "guardrails" set "actions" = $1 where "organisation_id" = $2 and "id" = $3
delete from "guardrails" where "organisation_id" = $1 and "id" = $2
select * from "guardrails" inner join "organisations" on "organisations"."id" = "guardrails"."organisation_id" where "organisations"."id" = $1 limit $2
delete from "guardrails" where "id" = $1
delete from "guardrails" where "id" = $1 returning "id"
truncate "guardrails" restart identity
insert into "integrations" ("certificate", "credentials", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5)
insert into "integrations" ("certificate", "credentials", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10)
insert into "integrations" ("certificate", "credentials", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) returning *
insert into "integrations" ("certificate", "credentials", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) returning "id", "certificate"
insert into "integrations" ("certificate", "credentials", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) on conflict ("id") do nothing
insert into "integrations" ("certificate", "credentials", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "certificate" = excluded."certificate", "credentials" = excluded."credentials", "id" = excluded."id", "name" = excluded."name", "organisation_id" = excluded."organisation_id"
insert into "integrations" ("certificate", "credentials", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "certificate" = excluded."certificate"
insert into "integrations" ("certificate", "credentials", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5), (DEFAULT, DEFAULT, $6, DEFAULT, $7)
select * from "integrations"
select * from "integrations" where "id" = $1 limit $2
select "id", "certificate" from "integrations" where "id" = $1
select "integrations".* from "integrations" order by "id" desc limit $1 offset $2
select "certificate" from "integrations" where "id" in ($1, $2)
select count(*) as "n" from "integrations" where "certificate" is not null
select count("certificate") from "integrations"
select max("id") from "integrations"
select "id" from "integrations" where "certificate" is null or "name" = $1
select "certificate" as "other" from "integrations"
select distinct "id" from "integrations"
select distinct on ("id") * from "integrations" order by "id" asc
select "name", count(*) from "integrations" group by "name"
select * from "integrations" where "name" like $1 and "id" <> $2
select * from "integrations" where "name" ilike $1
update "integrations" set "certificate" = $1 where "id" = $2
update "integrations" set "certificate" = $1 where "id" = $2 returning "id", "certificate"
update "integrations" set "name" = $1, "credentials" = $2, "certificate" = $3 where "id" = $4
with "picked" as (select "id", "certificate" from "integrations") select * from "picked"
select * from "integrations" union all select * from "integrations"
select "x".* from (select * from "integrations") as "x"
select * from "integrations" where exists (select * from "organisations" where true)
select * from "integrations" where "id" = $1 for update
select * from "integrations" for share skip locked
select coalesce("name", $1) as c from "integrations"
select row_number() over (order by id), "certificate" from "integrations"
select * from "integrations" where "certificate" = $1
select * from "integrations" order by "certificate" asc
select "integrations".*, "o"."name" from "integrations" inner join "organisations" as "o" on "o"."id" = "integrations"."organisation_id"
select "integrations"."certificate" from "integrations" left join "organisations" on "organisations"."id" = "organisation_id" where "organisations"."name" = $1
update "integrations" set "certificate" = $1 where "organisation_id" = $2 and "id" = $3
delete from "integrations" where "organisation_id" = $1 and "id" = $2
select * from "integrations" inner join "organisations" on "organisations"."id" = "integrations"."organisation_id" where "organisations"."id" = $1 limit $2
delete from "integrations" where "id" = $1
delete from "integrations" where "id" = $1 returning "id"
truncate "integrations" restart identity
insert into "sso_providers" ("auth_settings", "client_secret", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5)
insert into "sso_providers" ("auth_settings", "client_secret", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10)
insert into "sso_providers" ("auth_settings", "client_secret", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) returning *
insert into "sso_providers" ("auth_settings", "client_secret", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) returning "id", "auth_settings"
insert into "sso_providers" ("auth_settings", "client_secret", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) on conflict ("id") do nothing
insert into "sso_providers" ("auth_settings", "client_secret", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "auth_settings" = excluded."auth_settings", "client_secret" = excluded."client_secret", "id" = excluded."id", "name" = excluded."name", "organisation_id" = excluded."organisation_id"
insert into "sso_providers" ("auth_settings", "client_secret", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "auth_settings" = excluded."auth_settings"
insert into "sso_providers" ("auth_settings", "client_secret", "id", "name", "organisation_id") values ($1, $2, $3, $4, $5), (DEFAULT, DEFAULT, $6, DEFAULT, $7)
select * from "sso_providers"
select * from "sso_providers" where "id" = $1 limit $2
select "id", "auth_settings" from "sso_providers" where "id" = $1
select "sso_providers".* from "sso_providers" order by "id" desc limit $1 offset $2
select "auth_settings" from "sso_providers" where "id" in ($1, $2)
select count(*) as "n" from "sso_providers" where "auth_settings" is not null
select count("auth_settings") from "sso_providers"
select max("id") from "sso_providers"
select "id" from "sso_providers" where "auth_settings" is null or "name" = $1
select "auth_settings" as "other" from "sso_providers"
select distinct "id" from "sso_providers"
select distinct on ("id") * from "sso_providers" order by "id" asc
select "name", count(*) from "sso_providers" group by "name"
select * from "sso_providers" where "name" like $1 and "id" <> $2
select * from "sso_providers" where "name" ilike $1
update "sso_providers" set "auth_settings" = $1 where "id" = $2
update "sso_providers" set "auth_settings" = $1 where "id" = $2 returning "id", "auth_settings"
update "sso_providers" set "name" = $1, "client_secret" = $2, "auth_settings" = $3 where "id" = $4
with "picked" as (select "id", "auth_settings" from "sso_providers") select * from "picked"
select * from "sso_providers" union all select * from "sso_providers"
select "x".* from (select * from "sso_providers") as "x"
select * from "sso_providers" where exists (select * from "organisations" where true)
select * from "sso_providers" where "id" = $1 for update
select * from "sso_providers" for share skip locked
select coalesce("name", $1) as c from "sso_providers"
select row_number() over (order by id), "auth_settings" from "sso_providers"
select * from "sso_providers" order by "auth_settings" asc
select "sso_providers".*, "o"."name" from "sso_providers" inner join "organisations" as "o" on "o"."id" = "sso_providers"."organisation_id"
select "sso_providers"."auth_settings" from "sso_providers" left join "organisations" on "organisations"."id" = "organisation_id" where "organisations"."name" = $1
update "sso_providers" set "auth_settings" = $1 where "organisation_id" = $2 and "id" = $3
delete from "sso_providers" where "organisation_id" = $1 and "id" = $2
select * from "sso_providers" inner join "organisations" on "organisations"."id" = "sso_providers"."organisation_id" where "organisations"."id" = $1 limit $2
delete from "sso_providers" where "id" = $1
delete from "sso_providers" where "id" = $1 returning "id"
truncate "sso_providers" restart identity
insert into "requests" ("id", "note") values ($1, $2)
insert into "requests" ("id", "note") values ($1, $2), ($3, $4)
insert into "requests" ("id", "note") values ($1, $2) returning *
insert into "requests" ("id", "note") values ($1, $2) returning "id", "note"
insert into "requests" ("id", "note") values ($1, $2) on conflict ("id") do nothing
insert into "requests" ("id", "note") values ($1, $2) on conflict ("id") do update set "id" = excluded."id", "note" = excluded."note"
insert into "requests" ("id", "note") values ($1, $2) on conflict ("id") do update set "note" = excluded."note"
insert into "requests" ("id", "note") values ($1, $2), ($3, DEFAULT)
select * from "requests"
select * from "requests" where "id" = $1 limit $2
select "id", "note" from "requests" where "id" = $1
select "requests".* from "requests" order by "id" desc limit $1 offset $2
select "note" from "requests" where "id" in ($1, $2)
select count(*) as "n" from "requests" where "note" is not null
select count("note") from "requests"
select max("id") from "requests"
select "id" from "requests" where "note" is null or "note" = $1
select "note" as "other" from "requests"
select distinct "id" from "requests"
select distinct on ("id") * from "requests" order by "id" asc
select "note", count(*) from "requests" group by "note"
select * from "requests" where "note" like $1 and "id" <> $2
select * from "requests" where "note" ilike $1
update "requests" set "note" = $1 where "id" = $2
update "requests" set "note" = $1 where "id" = $2 returning "id", "note"
with "picked" as (select "id", "note" from "requests") select * from "picked"
select * from "requests" union all select * from "requests"
select "x".* from (select * from "requests") as "x"
select * from "requests" where exists (select * from "organisations" where true)
select * from "requests" where "id" = $1 for update
select * from "requests" for share skip locked
select coalesce("note", $1) as c from "requests"
select row_number() over (order by id), "note" from "requests"
select * from "requests" where "note" = $1
select * from "requests" order by "note" asc
delete from "requests" where "id" = $1
delete from "requests" where "id" = $1 returning "id"
truncate "requests" restart identity
