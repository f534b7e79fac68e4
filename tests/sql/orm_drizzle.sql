insert into "organisations" ("id", "name") values ($1, $2)
insert into "prompts" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4)
insert into "organisations" ("id", "name") values ($1, $2), ($3, $4)
insert into "organisations" ("id", "name") values ($1, $2) returning "id", "name"
insert into "organisations" ("id", "name") values ($1, $2) on conflict do nothing
insert into "organisations" ("id", "name") values ($1, $2) on conflict ("id") do update set "name" = $3
insert into "organisations" ("id", "name") values ($1, $2) on conflict ("id") do update set "name" = excluded."name" returning "id", "name"
select "id", "name" from "organisations"
select "id", "name" from "organisations" where "organisations"."id" = $1
select "id", "name" from "organisations" where "organisations"."id" in ($1, $2) order by "organisations"."id" desc limit $3 offset $4
select count(*) from "organisations"
select count("name"), max("id") from "organisations"
select count(*) as count from "organisations" where "organisations"."name" is not null;
select "id", "name" from "organisations" where ("organisations"."name" = $1 or "organisations"."name" is null)
select "id", "name" from "organisations" where "organisations"."name" ilike $1
select coalesce("name", 'none') from "organisations"
select distinct on ("organisations"."id") "id", "name" from "organisations" order by "organisations"."id"
select "name", count(*) from "organisations" group by "organisations"."name"
select "id", "name" from "organisations" for update skip locked
with "picked" as (select "id", "name" from "organisations") select "id", "name" from "picked"
select "organisations"."id", "organisations"."name", "other"."id", "other"."name" from "organisations" inner join "organisations" "other" on "organisations"."id" = "other"."id"
(select "name" from "organisations") union all (select "name" from "organisations")
select "id", "name" from (select "id", "name" from "organisations") "x"
update "organisations" set "name" = $1 where "organisations"."id" = $2
update "organisations" set "name" = $1 where "organisations"."id" = $2 returning "id", "name"
select "id", "name" from "organisations" "organisations"
select "id", "name" from "organisations" "organisations" where "organisations"."id" = $1 limit $2
select "id", "name" from "organisations" "organisations" order by "organisations"."id" desc limit $1
begin
commit
select * from "organisations" where "organisations"."id" = $1
select "id", "name" from "organisations" where "organisations"."name" = $1
select "name"::text from "organisations"
select "id", "name" from "organisations" order by "organisations"."name"
delete from "organisations" where "organisations"."id" = $1 returning "id"
delete from "organisations"
insert into "configs" ("id", "organisation_id", "slug", "name", "template") values ($1, $2, $3, $4, $5)
insert into "configs" ("id", "organisation_id", "slug", "name", "template") values ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10)
insert into "configs" ("id", "organisation_id", "slug", "name", "template") values ($1, $2, $3, $4, $5) returning "id", "organisation_id", "slug", "name", "template"
insert into "configs" ("id", "organisation_id", "slug", "name", "template") values ($1, $2, $3, $4, $5) returning "id", "template"
insert into "configs" ("id", "organisation_id", "slug", "name", "template") values ($1, $2, $3, $4, $5) on conflict do nothing
insert into "configs" ("id", "organisation_id", "slug", "name", "template") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "template" = $6
insert into "configs" ("id", "organisation_id", "slug", "name", "template") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "template" = excluded."template" returning "id", "organisation_id", "slug", "name", "template"
select "id", "organisation_id", "slug", "name", "template" from "configs"
select "id", "template" from "configs" where "configs"."id" = $1
select "id", "organisation_id", "slug", "name", "template" from "configs" where "configs"."id" in ($1, $2) order by "configs"."id" desc limit $3 offset $4
select count(*) from "configs"
select count("template"), max("id") from "configs"
select count(*) as count from "configs" where "configs"."template" is not null;
select "id", "organisation_id", "slug", "name", "template" from "configs" where ("configs"."slug" = $1 or "configs"."template" is null)
select "id", "organisation_id", "slug", "name", "template" from "configs" where "configs"."slug" ilike $1
select coalesce("slug", 'none') from "configs"
select distinct on ("configs"."id") "id", "organisation_id", "slug", "name", "template" from "configs" order by "configs"."id"
select "slug", count(*) from "configs" group by "configs"."slug"
select "id", "organisation_id", "slug", "name", "template" from "configs" for update skip locked
with "picked" as (select "id", "template" from "configs") select "id", "template" from "picked"
select "configs"."id", "configs"."organisation_id", "configs"."slug", "configs"."name", "configs"."template", "other"."id", "other"."organisation_id", "other"."slug", "other"."name", "other"."template" from "configs" inner join "configs" "other" on "configs"."id" = "other"."id"
(select "template" from "configs") union all (select "template" from "configs")
select "id", "template" from (select "id", "template" from "configs") "x"
update "configs" set "template" = $1 where "configs"."id" = $2
update "configs" set "slug" = $1, "name" = $2, "template" = $3 where "configs"."id" = $4 returning "id", "organisation_id", "slug", "name", "template"
select "id", "organisation_id", "slug", "name", "template" from "configs" "configs"
select "id", "organisation_id", "slug", "name", "template" from "configs" "configs" where "configs"."id" = $1 limit $2
select "id", "template" from "configs" "configs" order by "configs"."id" desc limit $1
select "id", "organisation_id", "slug", "name", "template" from "configs" where "configs"."id" = $1
select * from "configs" where "configs"."id" = $1
select "id", "organisation_id", "slug", "name", "template" from "configs" where "configs"."template" = $1
select "template"::text from "configs"
select "id", "organisation_id", "slug", "name", "template" from "configs" order by "configs"."template"
select "configs"."id", "configs"."organisation_id", "configs"."slug", "configs"."name", "configs"."template", "organisations"."id", "organisations"."name" from "configs" left join "organisations" on "configs"."organisation_id" = "organisations"."id"
select "configs"."id", "configs"."organisation_id", "configs"."slug", "configs"."name", "configs"."template", "configs_org"."data" as "org" from "configs" "configs" left join lateral (select json_build_array("configs_org"."id", "configs_org"."name") as "data" from (select * from "organisations" "configs_org" where "configs_org"."id" = "configs"."organisation_id" limit $1) "configs_org") "configs_org" on true
select "organisations"."id", "organisations"."name", "organisations_configs"."data" as "configs" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_configs"."id", "organisations_configs"."organisation_id", "organisations_configs"."slug", "organisations_configs"."name", "organisations_configs"."template")), '[]'::json) as "data" from "configs" "organisations_configs" where "organisations_configs"."organisation_id" = "organisations"."id") "organisations_configs" on true
select "organisations"."id", "organisations"."name", "organisations_configs"."data" as "configs" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_configs"."id", "organisations_configs"."template") order by "organisations_configs"."id" desc), '[]'::json) as "data" from (select * from "configs" "organisations_configs" where "organisations_configs"."organisation_id" = "organisations"."id" order by "organisations_configs"."id" desc limit $1) "organisations_configs") "organisations_configs" on true limit $2
select "organisations"."id", "organisations_configs"."data" as "configs" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_configs"."id", "organisations_configs"."organisation_id", "organisations_configs"."slug", "organisations_configs"."name", "organisations_configs"."template", "organisations_configs_org"."data")), '[]'::json) as "data" from "configs" "organisations_configs" left join lateral (select json_build_array("organisations_configs_org"."id", "organisations_configs_org"."name") as "data" from (select * from "organisations" "organisations_configs_org" where "organisations_configs_org"."id" = "organisations_configs"."organisation_id" limit $1) "organisations_configs_org") "organisations_configs_org" on true where "organisations_configs"."organisation_id" = "organisations"."id") "organisations_configs" on true
update "configs" set "template" = $1 where ("configs"."organisation_id" = $2 and "configs"."id" = $3)
delete from "configs" where ("configs"."organisation_id" = $1 and "configs"."id" = $2)
update "configs" set "template" = $1 from "organisations" where "configs"."organisation_id" = "organisations"."id"
delete from "configs" where "configs"."id" = $1 returning "id"
delete from "configs"
insert into "virtual_keys" ("id", "organisation_id", "slug", "name", "key", "auth_config", "status") values ($1, $2, $3, $4, $5, $6, $7)
insert into "virtual_keys" ("id", "organisation_id", "slug", "name", "key", "auth_config", "status") values ($1, $2, $3, $4, $5, $6, $7), ($8, $9, $10, $11, $12, $13, $14)
insert into "virtual_keys" ("id", "organisation_id", "slug", "name", "key", "auth_config", "status") values ($1, $2, $3, $4, $5, $6, $7) returning "id", "organisation_id", "slug", "name", "key", "auth_config", "status"
insert into "virtual_keys" ("id", "organisation_id", "slug", "name", "key", "auth_config", "status") values ($1, $2, $3, $4, $5, $6, $7) returning "id", "status"
insert into "virtual_keys" ("id", "organisation_id", "slug", "name", "key", "auth_config", "status") values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing
insert into "virtual_keys" ("id", "organisation_id", "slug", "name", "key", "auth_config", "status") values ($1, $2, $3, $4, $5, $6, $7) on conflict ("id") do update set "status" = $8
insert into "virtual_keys" ("id", "organisation_id", "slug", "name", "key", "auth_config", "status") values ($1, $2, $3, $4, $5, $6, $7) on conflict ("id") do update set "status" = excluded."status" returning "id", "organisation_id", "slug", "name", "key", "auth_config", "status"
select "id", "organisation_id", "slug", "name", "key", "auth_config", "status" from "virtual_keys"
select "id", "status" from "virtual_keys" where "virtual_keys"."id" = $1
select "id", "organisation_id", "slug", "name", "key", "auth_config", "status" from "virtual_keys" where "virtual_keys"."id" in ($1, $2) order by "virtual_keys"."id" desc limit $3 offset $4
select count(*) from "virtual_keys"
select count("status"), max("id") from "virtual_keys"
select count(*) as count from "virtual_keys" where "virtual_keys"."status" is not null;
select "id", "organisation_id", "slug", "name", "key", "auth_config", "status" from "virtual_keys" where ("virtual_keys"."slug" = $1 or "virtual_keys"."status" is null)
select "id", "organisation_id", "slug", "name", "key", "auth_config", "status" from "virtual_keys" where "virtual_keys"."slug" ilike $1
select coalesce("slug", 'none') from "virtual_keys"
select distinct on ("virtual_keys"."id") "id", "organisation_id", "slug", "name", "key", "auth_config", "status" from "virtual_keys" order by "virtual_keys"."id"
select "slug", count(*) from "virtual_keys" group by "virtual_keys"."slug"
select "id", "organisation_id", "slug", "name", "key", "auth_config", "status" from "virtual_keys" for update skip locked
with "picked" as (select "id", "status" from "virtual_keys") select "id", "status" from "picked"
select "virtual_keys"."id", "virtual_keys"."organisation_id", "virtual_keys"."slug", "virtual_keys"."name", "virtual_keys"."key", "virtual_keys"."auth_config", "virtual_keys"."status", "other"."id", "other"."organisation_id", "other"."slug", "other"."name", "other"."key", "other"."auth_config", "other"."status" from "virtual_keys" inner join "virtual_keys" "other" on "virtual_keys"."id" = "other"."id"
(select "status" from "virtual_keys") union all (select "status" from "virtual_keys")
select "id", "status" from (select "id", "status" from "virtual_keys") "x"
update "virtual_keys" set "status" = $1 where "virtual_keys"."id" = $2
update "virtual_keys" set "slug" = $1, "name" = $2, "key" = $3, "auth_config" = $4, "status" = $5 where "virtual_keys"."id" = $6 returning "id", "organisation_id", "slug", "name", "key", "auth_config", "status"
select "id", "organisation_id", "slug", "name", "key", "auth_config", "status" from "virtual_keys" "virtual_keys"
select "id", "organisation_id", "slug", "name", "key", "auth_config", "status" from "virtual_keys" "virtual_keys" where "virtual_keys"."id" = $1 limit $2
select "id", "status" from "virtual_keys" "virtual_keys" order by "virtual_keys"."id" desc limit $1
select "id", "organisation_id", "slug", "name", "key", "auth_config", "status" from "virtual_keys" where "virtual_keys"."id" = $1
select * from "virtual_keys" where "virtual_keys"."id" = $1
select "id", "organisation_id", "slug", "name", "key", "auth_config", "status" from "virtual_keys" where "virtual_keys"."status" = $1
select "status"::text from "virtual_keys"
select "id", "organisation_id", "slug", "name", "key", "auth_config", "status" from "virtual_keys" order by "virtual_keys"."status"
select "virtual_keys"."id", "virtual_keys"."organisation_id", "virtual_keys"."slug", "virtual_keys"."name", "virtual_keys"."key", "virtual_keys"."auth_config", "virtual_keys"."status", "organisations"."id", "organisations"."name" from "virtual_keys" left join "organisations" on "virtual_keys"."organisation_id" = "organisations"."id"
select "virtual_keys"."id", "virtual_keys"."organisation_id", "virtual_keys"."slug", "virtual_keys"."name", "virtual_keys"."key", "virtual_keys"."auth_config", "virtual_keys"."status", "virtual_keys_org"."data" as "org" from "virtual_keys" "virtual_keys" left join lateral (select json_build_array("virtual_keys_org"."id", "virtual_keys_org"."name") as "data" from (select * from "organisations" "virtual_keys_org" where "virtual_keys_org"."id" = "virtual_keys"."organisation_id" limit $1) "virtual_keys_org") "virtual_keys_org" on true
select "organisations"."id", "organisations"."name", "organisations_virtual_keys"."data" as "virtual_keys" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_virtual_keys"."id", "organisations_virtual_keys"."organisation_id", "organisations_virtual_keys"."slug", "organisations_virtual_keys"."name", "organisations_virtual_keys"."key", "organisations_virtual_keys"."auth_config", "organisations_virtual_keys"."status")), '[]'::json) as "data" from "virtual_keys" "organisations_virtual_keys" where "organisations_virtual_keys"."organisation_id" = "organisations"."id") "organisations_virtual_keys" on true
select "organisations"."id", "organisations"."name", "organisations_virtual_keys"."data" as "virtual_keys" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_virtual_keys"."id", "organisations_virtual_keys"."status") order by "organisations_virtual_keys"."id" desc), '[]'::json) as "data" from (select * from "virtual_keys" "organisations_virtual_keys" where "organisations_virtual_keys"."organisation_id" = "organisations"."id" order by "organisations_virtual_keys"."id" desc limit $1) "organisations_virtual_keys") "organisations_virtual_keys" on true limit $2
select "organisations"."id", "organisations_virtual_keys"."data" as "virtual_keys" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_virtual_keys"."id", "organisations_virtual_keys"."organisation_id", "organisations_virtual_keys"."slug", "organisations_virtual_keys"."name", "organisations_virtual_keys"."key", "organisations_virtual_keys"."auth_config", "organisations_virtual_keys"."status", "organisations_virtual_keys_org"."data")), '[]'::json) as "data" from "virtual_keys" "organisations_virtual_keys" left join lateral (select json_build_array("organisations_virtual_keys_org"."id", "organisations_virtual_keys_org"."name") as "data" from (select * from "organisations" "organisations_virtual_keys_org" where "organisations_virtual_keys_org"."id" = "organisations_virtual_keys"."organisation_id" limit $1) "organisations_virtual_keys_org") "organisations_virtual_keys_org" on true where "organisations_virtual_keys"."organisation_id" = "organisations"."id") "organisations_virtual_keys" on true
update "virtual_keys" set "status" = $1 where ("virtual_keys"."organisation_id" = $2 and "virtual_keys"."id" = $3)
delete from "virtual_keys" where ("virtual_keys"."organisation_id" = $1 and "virtual_keys"."id" = $2)
update "virtual_keys" set "status" = $1 from "organisations" where "virtual_keys"."organisation_id" = "organisations"."id"
delete from "virtual_keys" where "virtual_keys"."id" = $1 returning "id"
delete from "virtual_keys"
insert into "prompts" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4), ($5, $6, $7, $8)
insert into "prompts" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4) returning "id", "organisation_id", "name", "template"
insert into "prompts" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4) returning "id", "template"
insert into "prompts" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4) on conflict do nothing
insert into "prompts" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4) on conflict ("id") do update set "template" = $5
insert into "prompts" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4) on conflict ("id") do update set "template" = excluded."template" returning "id", "organisation_id", "name", "template"
select "id", "organisation_id", "name", "template" from "prompts"
select "id", "template" from "prompts" where "prompts"."id" = $1
select "id", "organisation_id", "name", "template" from "prompts" where "prompts"."id" in ($1, $2) order by "prompts"."id" desc limit $3 offset $4
select count(*) from "prompts"
select count("template"), max("id") from "prompts"
select count(*) as count from "prompts" where "prompts"."template" is not null;
select "id", "organisation_id", "name", "template" from "prompts" where ("prompts"."name" = $1 or "prompts"."template" is null)
select "id", "organisation_id", "name", "template" from "prompts" where "prompts"."name" ilike $1
select coalesce("name", 'none') from "prompts"
select distinct on ("prompts"."id") "id", "organisation_id", "name", "template" from "prompts" order by "prompts"."id"
select "name", count(*) from "prompts" group by "prompts"."name"
select "id", "organisation_id", "name", "template" from "prompts" for update skip locked
with "picked" as (select "id", "template" from "prompts") select "id", "template" from "picked"
select "prompts"."id", "prompts"."organisation_id", "prompts"."name", "prompts"."template", "other"."id", "other"."organisation_id", "other"."name", "other"."template" from "prompts" inner join "prompts" "other" on "prompts"."id" = "other"."id"
(select "template" from "prompts") union all (select "template" from "prompts")
select "id", "template" from (select "id", "template" from "prompts") "x"
update "prompts" set "template" = $1 where "prompts"."id" = $2
update "prompts" set "name" = $1, "template" = $2 where "prompts"."id" = $3 returning "id", "organisation_id", "name", "template"
select "id", "organisation_id", "name", "template" from "prompts" "prompts"
select "id", "organisation_id", "name", "template" from "prompts" "prompts" where "prompts"."id" = $1 limit $2
select "id", "template" from "prompts" "prompts" order by "prompts"."id" desc limit $1
select "id", "organisation_id", "name", "template" from "prompts" where "prompts"."id" = $1
select * from "prompts" where "prompts"."id" = $1
select "id", "organisation_id", "name", "template" from "prompts" where "prompts"."template" = $1
select "template"::text from "prompts"
select "id", "organisation_id", "name", "template" from "prompts" order by "prompts"."template"
select "prompts"."id", "prompts"."organisation_id", "prompts"."name", "prompts"."template", "organisations"."id", "organisations"."name" from "prompts" left join "organisations" on "prompts"."organisation_id" = "organisations"."id"
select "prompts"."id", "prompts"."organisation_id", "prompts"."name", "prompts"."template", "prompts_org"."data" as "org" from "prompts" "prompts" left join lateral (select json_build_array("prompts_org"."id", "prompts_org"."name") as "data" from (select * from "organisations" "prompts_org" where "prompts_org"."id" = "prompts"."organisation_id" limit $1) "prompts_org") "prompts_org" on true
select "organisations"."id", "organisations"."name", "organisations_prompts"."data" as "prompts" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_prompts"."id", "organisations_prompts"."organisation_id", "organisations_prompts"."name", "organisations_prompts"."template")), '[]'::json) as "data" from "prompts" "organisations_prompts" where "organisations_prompts"."organisation_id" = "organisations"."id") "organisations_prompts" on true
select "organisations"."id", "organisations"."name", "organisations_prompts"."data" as "prompts" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_prompts"."id", "organisations_prompts"."template") order by "organisations_prompts"."id" desc), '[]'::json) as "data" from (select * from "prompts" "organisations_prompts" where "organisations_prompts"."organisation_id" = "organisations"."id" order by "organisations_prompts"."id" desc limit $1) "organisations_prompts") "organisations_prompts" on true limit $2
select "organisations"."id", "organisations_prompts"."data" as "prompts" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_prompts"."id", "organisations_prompts"."organisation_id", "organisations_prompts"."name", "organisations_prompts"."template", "organisations_prompts_org"."data")), '[]'::json) as "data" from "prompts" "organisations_prompts" left join lateral (select json_build_array("organisations_prompts_org"."id", "organisations_prompts_org"."name") as "data" from (select * from "organisations" "organisations_prompts_org" where "organisations_prompts_org"."id" = "organisations_prompts"."organisation_id" limit $1) "organisations_prompts_org") "organisations_prompts_org" on true where "organisations_prompts"."organisation_id" = "organisations"."id") "organisations_prompts" on true
update "prompts" set "template" = $1 where ("prompts"."organisation_id" = $2 and "prompts"."id" = $3)
delete from "prompts" where ("prompts"."organisation_id" = $1 and "prompts"."id" = $2)
update "prompts" set "template" = $1 from "organisations" where "prompts"."organisation_id" = "organisations"."id"
delete from "prompts" where "prompts"."id" = $1 returning "id"
delete from "prompts"
insert into "prompt_versions" ("id", "prompt_id", "version", "template", "template_text") values ($1, $2, $3, $4, $5)
insert into "prompt_versions" ("id", "prompt_id", "version", "template", "template_text") values ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10)
insert into "prompt_versions" ("id", "prompt_id", "version", "template", "template_text") values ($1, $2, $3, $4, $5) returning "id", "prompt_id", "version", "template", "template_text"
insert into "prompt_versions" ("id", "prompt_id", "version", "template", "template_text") values ($1, $2, $3, $4, $5) returning "id", "template_text"
insert into "prompt_versions" ("id", "prompt_id", "version", "template", "template_text") values ($1, $2, $3, $4, $5) on conflict do nothing
insert into "prompt_versions" ("id", "prompt_id", "version", "template", "template_text") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "template_text" = $6
insert into "prompt_versions" ("id", "prompt_id", "version", "template", "template_text") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "template_text" = excluded."template_text" returning "id", "prompt_id", "version", "template", "template_text"
select "id", "prompt_id", "version", "template", "template_text" from "prompt_versions"
select "id", "template_text" from "prompt_versions" where "prompt_versions"."id" = $1
select "id", "prompt_id", "version", "template", "template_text" from "prompt_versions" where "prompt_versions"."id" in ($1, $2) order by "prompt_versions"."id" desc limit $3 offset $4
select count(*) from "prompt_versions"
select count("template_text"), max("id") from "prompt_versions"
select count(*) as count from "prompt_versions" where "prompt_versions"."template_text" is not null;
select "id", "prompt_id", "version", "template", "template_text" from "prompt_versions" where ("prompt_versions"."template_text" = $1 or "prompt_versions"."template_text" is null)
select "id", "prompt_id", "version", "template", "template_text" from "prompt_versions" where "prompt_versions"."template_text" ilike $1
select coalesce("template_text", 'none') from "prompt_versions"
select distinct on ("prompt_versions"."id") "id", "prompt_id", "version", "template", "template_text" from "prompt_versions" order by "prompt_versions"."id"
select "template_text", count(*) from "prompt_versions" group by "prompt_versions"."template_text"
select "id", "prompt_id", "version", "template", "template_text" from "prompt_versions" for update skip locked
with "picked" as (select "id", "template_text" from "prompt_versions") select "id", "template_text" from "picked"
select "prompt_versions"."id", "prompt_versions"."prompt_id", "prompt_versions"."version", "prompt_versions"."template", "prompt_versions"."template_text", "other"."id", "other"."prompt_id", "other"."version", "other"."template", "other"."template_text" from "prompt_versions" inner join "prompt_versions" "other" on "prompt_versions"."id" = "other"."id"
(select "template_text" from "prompt_versions") union all (select "template_text" from "prompt_versions")
select "id", "template_text" from (select "id", "template_text" from "prompt_versions") "x"
update "prompt_versions" set "template_text" = $1 where "prompt_versions"."id" = $2
update "prompt_versions" set "version" = $1, "template" = $2, "template_text" = $3 where "prompt_versions"."id" = $4 returning "id", "prompt_id", "version", "template", "template_text"
select "id", "prompt_id", "version", "template", "template_text" from "prompt_versions" "prompt_versions"
select "id", "prompt_id", "version", "template", "template_text" from "prompt_versions" "prompt_versions" where "prompt_versions"."id" = $1 limit $2
select "id", "template_text" from "prompt_versions" "prompt_versions" order by "prompt_versions"."id" desc limit $1
select "id", "prompt_id", "version", "template", "template_text" from "prompt_versions" where "prompt_versions"."id" = $1
select * from "prompt_versions" where "prompt_versions"."id" = $1
select "id", "prompt_id", "version", "template", "template_text" from "prompt_versions" where "prompt_versions"."template_text" = $1
select "template_text"::text from "prompt_versions"
select "id", "prompt_id", "version", "template", "template_text" from "prompt_versions" order by "prompt_versions"."template_text"
select "prompt_versions"."id", "prompt_versions"."prompt_id", "prompt_versions"."version", "prompt_versions"."template", "prompt_versions"."template_text", "prompt_versions_prompt"."data" as "prompt" from "prompt_versions" "prompt_versions" left join lateral (select json_build_array("prompt_versions_prompt"."id", "prompt_versions_prompt"."organisation_id", "prompt_versions_prompt"."name", "prompt_versions_prompt"."template", "prompt_versions_prompt_org"."data") as "data" from (select * from "prompts" "prompt_versions_prompt" where "prompt_versions_prompt"."id" = "prompt_versions"."prompt_id" limit $1) "prompt_versions_prompt" left join lateral (select json_build_array("prompt_versions_prompt_org"."id", "prompt_versions_prompt_org"."name") as "data" from (select * from "organisations" "prompt_versions_prompt_org" where "prompt_versions_prompt_org"."id" = "prompt_versions_prompt"."organisation_id" limit $2) "prompt_versions_prompt_org") "prompt_versions_prompt_org" on true) "prompt_versions_prompt" on true
delete from "prompt_versions" where "prompt_versions"."id" = $1 returning "id"
delete from "prompt_versions"
insert into "prompt_partials" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4)
insert into "prompt_partials" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4), ($5, $6, $7, $8)
insert into "prompt_partials" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4) returning "id", "organisation_id", "name", "template"
insert into "prompt_partials" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4) returning "id", "template"
insert into "prompt_partials" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4) on conflict do nothing
insert into "prompt_partials" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4) on conflict ("id") do update set "template" = $5
insert into "prompt_partials" ("id", "organisation_id", "name", "template") values ($1, $2, $3, $4) on conflict ("id") do update set "template" = excluded."template" returning "id", "organisation_id", "name", "template"
select "id", "organisation_id", "name", "template" from "prompt_partials"
select "id", "template" from "prompt_partials" where "prompt_partials"."id" = $1
select "id", "organisation_id", "name", "template" from "prompt_partials" where "prompt_partials"."id" in ($1, $2) order by "prompt_partials"."id" desc limit $3 offset $4
select count(*) from "prompt_partials"
select count("template"), max("id") from "prompt_partials"
select count(*) as count from "prompt_partials" where "prompt_partials"."template" is not null;
select "id", "organisation_id", "name", "template" from "prompt_partials" where ("prompt_partials"."name" = $1 or "prompt_partials"."template" is null)
select "id", "organisation_id", "name", "template" from "prompt_partials" where "prompt_partials"."name" ilike $1
select coalesce("name", 'none') from "prompt_partials"
select distinct on ("prompt_partials"."id") "id", "organisation_id", "name", "template" from "prompt_partials" order by "prompt_partials"."id"
select "name", count(*) from "prompt_partials" group by "prompt_partials"."name"
select "id", "organisation_id", "name", "template" from "prompt_partials" for update skip locked
with "picked" as (select "id", "template" from "prompt_partials") select "id", "template" from "picked"
select "prompt_partials"."id", "prompt_partials"."organisation_id", "prompt_partials"."name", "prompt_partials"."template", "other"."id", "other"."organisation_id", "other"."name", "other"."template" from "prompt_partials" inner join "prompt_partials" "other" on "prompt_partials"."id" = "other"."id"
(select "template" from "prompt_partials") union all (select "template" from "prompt_partials")
select "id", "template" from (select "id", "template" from "prompt_partials") "x"
update "prompt_partials" set "template" = $1 where "prompt_partials"."id" = $2
update "prompt_partials" set "name" = $1, "template" = $2 where "prompt_partials"."id" = $3 returning "id", "organisation_id", "name", "template"
select "id", "organisation_id", "name", "template" from "prompt_partials" "prompt_partials"
select "id", "organisation_id", "name", "template" from "prompt_partials" "prompt_partials" where "prompt_partials"."id" = $1 limit $2
select "id", "template" from "prompt_partials" "prompt_partials" order by "prompt_partials"."id" desc limit $1
select "id", "organisation_id", "name", "template" from "prompt_partials" where "prompt_partials"."id" = $1
select * from "prompt_partials" where "prompt_partials"."id" = $1
select "id", "organisation_id", "name", "template" from "prompt_partials" where "prompt_partials"."template" = $1
select "template"::text from "prompt_partials"
select "id", "organisation_id", "name", "template" from "prompt_partials" order by "prompt_partials"."template"
select "prompt_partials"."id", "prompt_partials"."organisation_id", "prompt_partials"."name", "prompt_partials"."template", "organisations"."id", "organisations"."name" from "prompt_partials" left join "organisations" on "prompt_partials"."organisation_id" = "organisations"."id"
select "prompt_partials"."id", "prompt_partials"."organisation_id", "prompt_partials"."name", "prompt_partials"."template", "prompt_partials_org"."data" as "org" from "prompt_partials" "prompt_partials" left join lateral (select json_build_array("prompt_partials_org"."id", "prompt_partials_org"."name") as "data" from (select * from "organisations" "prompt_partials_org" where "prompt_partials_org"."id" = "prompt_partials"."organisation_id" limit $1) "prompt_partials_org") "prompt_partials_org" on true
select "organisations"."id", "organisations"."name", "organisations_prompt_partials"."data" as "prompt_partials" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_prompt_partials"."id", "organisations_prompt_partials"."organisation_id", "organisations_prompt_partials"."name", "organisations_prompt_partials"."template")), '[]'::json) as "data" from "prompt_partials" "organisations_prompt_partials" where "organisations_prompt_partials"."organisation_id" = "organisations"."id") "organisations_prompt_partials" on true
select "organisations"."id", "organisations"."name", "organisations_prompt_partials"."data" as "prompt_partials" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_prompt_partials"."id", "organisations_prompt_partials"."template") order by "organisations_prompt_partials"."id" desc), '[]'::json) as "data" from (select * from "prompt_partials" "organisations_prompt_partials" where "organisations_prompt_partials"."organisation_id" = "organisations"."id" order by "organisations_prompt_partials"."id" desc limit $1) "organisations_prompt_partials") "organisations_prompt_partials" on true limit $2
select "organisations"."id", "organisations_prompt_partials"."data" as "prompt_partials" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_prompt_partials"."id", "organisations_prompt_partials"."organisation_id", "organisations_prompt_partials"."name", "organisations_prompt_partials"."template", "organisations_prompt_partials_org"."data")), '[]'::json) as "data" from "prompt_partials" "organisations_prompt_partials" left join lateral (select json_build_array("organisations_prompt_partials_org"."id", "organisations_prompt_partials_org"."name") as "data" from (select * from "organisations" "organisations_prompt_partials_org" where "organisations_prompt_partials_org"."id" = "organisations_prompt_partials"."organisation_id" limit $1) "organisations_prompt_partials_org") "organisations_prompt_partials_org" on true where "organisations_prompt_partials"."organisation_id" = "organisations"."id") "organisations_prompt_partials" on true
update "prompt_partials" set "template" = $1 where ("prompt_partials"."organisation_id" = $2 and "prompt_partials"."id" = $3)
delete from "prompt_partials" where ("prompt_partials"."organisation_id" = $1 and "prompt_partials"."id" = $2)
update "prompt_partials" set "template" = $1 from "organisations" where "prompt_partials"."organisation_id" = "organisations"."id"
delete from "prompt_partials" where "prompt_partials"."id" = $1 returning "id"
delete from "prompt_partials"
insert into "guardrails" ("id", "organisation_id", "name", "checks", "actions") values ($1, $2, $3, $4, $5)
insert into "guardrails" ("id", "organisation_id", "name", "checks", "actions") values ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10)
insert into "guardrails" ("id", "organisation_id", "name", "checks", "actions") values ($1, $2, $3, $4, $5) returning "id", "organisation_id", "name", "checks", "actions"
insert into "guardrails" ("id", "organisation_id", "name", "checks", "actions") values ($1, $2, $3, $4, $5) returning "id", "actions"
insert into "guardrails" ("id", "organisation_id", "name", "checks", "actions") values ($1, $2, $3, $4, $5) on conflict do nothing
insert into "guardrails" ("id", "organisation_id", "name", "checks", "actions") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "actions" = $6
insert into "guardrails" ("id", "organisation_id", "name", "checks", "actions") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "actions" = excluded."actions" returning "id", "organisation_id", "name", "checks", "actions"
select "id", "organisation_id", "name", "checks", "actions" from "guardrails"
select "id", "actions" from "guardrails" where "guardrails"."id" = $1
select "id", "organisation_id", "name", "checks", "actions" from "guardrails" where "guardrails"."id" in ($1, $2) order by "guardrails"."id" desc limit $3 offset $4
select count(*) from "guardrails"
select count("actions"), max("id") from "guardrails"
select count(*) as count from "guardrails" where "guardrails"."actions" is not null;
select "id", "organisation_id", "name", "checks", "actions" from "guardrails" where ("guardrails"."name" = $1 or "guardrails"."actions" is null)
select "id", "organisation_id", "name", "checks", "actions" from "guardrails" where "guardrails"."name" ilike $1
select coalesce("name", 'none') from "guardrails"
select distinct on ("guardrails"."id") "id", "organisation_id", "name", "checks", "actions" from "guardrails" order by "guardrails"."id"
select "name", count(*) from "guardrails" group by "guardrails"."name"
select "id", "organisation_id", "name", "checks", "actions" from "guardrails" for update skip locked
with "picked" as (select "id", "actions" from "guardrails") select "id", "actions" from "picked"
select "guardrails"."id", "guardrails"."organisation_id", "guardrails"."name", "guardrails"."checks", "guardrails"."actions", "other"."id", "other"."organisation_id", "other"."name", "other"."checks", "other"."actions" from "guardrails" inner join "guardrails" "other" on "guardrails"."id" = "other"."id"
(select "actions" from "guardrails") union all (select "actions" from "guardrails")
select "id", "actions" from (select "id", "actions" from "guardrails") "x"
update "guardrails" set "actions" = $1 where "guardrails"."id" = $2
update "guardrails" set "name" = $1, "checks" = $2, "actions" = $3 where "guardrails"."id" = $4 returning "id", "organisation_id", "name", "checks", "actions"
select "id", "organisation_id", "name", "checks", "actions" from "guardrails" "guardrails"
select "id", "organisation_id", "name", "checks", "actions" from "guardrails" "guardrails" where "guardrails"."id" = $1 limit $2
select "id", "actions" from "guardrails" "guardrails" order by "guardrails"."id" desc limit $1
select "id", "organisation_id", "name", "checks", "actions" from "guardrails" where "guardrails"."id" = $1
select * from "guardrails" where "guardrails"."id" = $1
select "id", "organisation_id", "name", "checks", "actions" from "guardrails" where "guardrails"."actions" = $1
select "actions"::text from "guardrails"
select "id", "organisation_id", "name", "checks", "actions" from "guardrails" order by "guardrails"."actions"
select "guardrails"."id", "guardrails"."organisation_id", "guardrails"."name", "guardrails"."checks", "guardrails"."actions", "organisations"."id", "organisations"."name" from "guardrails" left join "organisations" on "guardrails"."organisation_id" = "organisations"."id"
select "guardrails"."id", "guardrails"."organisation_id", "guardrails"."name", "guardrails"."checks", "guardrails"."actions", "guardrails_org"."data" as "org" from "guardrails" "guardrails" left join lateral (select json_build_array("guardrails_org"."id", "guardrails_org"."name") as "data" from (select * from "organisations" "guardrails_org" where "guardrails_org"."id" = "guardrails"."organisation_id" limit $1) "guardrails_org") "guardrails_org" on true
select "organisations"."id", "organisations"."name", "organisations_guardrails"."data" as "guardrails" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_guardrails"."id", "organisations_guardrails"."organisation_id", "organisations_guardrails"."name", "organisations_guardrails"."checks", "organisations_guardrails"."actions")), '[]'::json) as "data" from "guardrails" "organisations_guardrails" where "organisations_guardrails"."organisation_id" = "organisations"."id") "organisations_guardrails" on true
select "organisations"."id", "organisations"."name", "organisations_guardrails"."data" as "guardrails" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_guardrails"."id", "organisations_guardrails"."actions") order by "organisations_guardrails"."id" desc), '[]'::json) as "data" from (select * from "guardrails" "organisations_guardrails" where "organisations_guardrails"."organisation_id" = "organisations"."id" order by "organisations_guardrails"."id" desc limit $1) "organisations_guardrails") "organisations_guardrails" on true limit $2
select "organisations"."id", "organisations_guardrails"."data" as "guardrails" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_guardrails"."id", "organisations_guardrails"."organisation_id", "organisations_guardrails"."name", "organisations_guardrails"."checks", "organisations_guardrails"."actions", "organisations_guardrails_org"."data")), '[]'::json) as "data" from "guardrails" "organisations_guardrails" left join lateral (select json_build_array("organisations_guardrails_org"."id", "organisations_guardrails_org"."name") as "data" from (select * from "organisations" "organisations_guardrails_org" where "organisations_guardrails_org"."id" = "organisations_guardrails"."organisation_id" limit $1) "organisations_guardrails_org") "organisations_guardrails_org" on true where "organisations_guardrails"."organisation_id" = "organisations"."id") "organisations_guardrails" on true
update "guardrails" set "actions" = $1 where ("guardrails"."organisation_id" = $2 and "guardrails"."id" = $3)
delete from "guardrails" where ("guardrails"."organisation_id" = $1 and "guardrails"."id" = $2)
update "guardrails" set "actions" = $1 from "organisations" where "guardrails"."organisation_id" = "organisations"."id"
delete from "guardrails" where "guardrails"."id" = $1 returning "id"
delete from "guardrails"
insert into "integrations" ("id", "organisation_id", "name", "credentials", "certificate") values ($1, $2, $3, $4, $5)
insert into "integrations" ("id", "organisation_id", "name", "credentials", "certificate") values ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10)
insert into "integrations" ("id", "organisation_id", "name", "credentials", "certificate") values ($1, $2, $3, $4, $5) returning "id", "organisation_id", "name", "credentials", "certificate"
insert into "integrations" ("id", "organisation_id", "name", "credentials", "certificate") values ($1, $2, $3, $4, $5) returning "id", "certificate"
insert into "integrations" ("id", "organisation_id", "name", "credentials", "certificate") values ($1, $2, $3, $4, $5) on conflict do nothing
insert into "integrations" ("id", "organisation_id", "name", "credentials", "certificate") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "certificate" = $6
insert into "integrations" ("id", "organisation_id", "name", "credentials", "certificate") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "certificate" = excluded."certificate" returning "id", "organisation_id", "name", "credentials", "certificate"
select "id", "organisation_id", "name", "credentials", "certificate" from "integrations"
select "id", "certificate" from "integrations" where "integrations"."id" = $1
select "id", "organisation_id", "name", "credentials", "certificate" from "integrations" where "integrations"."id" in ($1, $2) order by "integrations"."id" desc limit $3 offset $4
select count(*) from "integrations"
select count("certificate"), max("id") from "integrations"
select count(*) as count from "integrations" where "integrations"."certificate" is not null;
select "id", "organisation_id", "name", "credentials", "certificate" from "integrations" where ("integrations"."name" = $1 or "integrations"."certificate" is null)
select "id", "organisation_id", "name", "credentials", "certificate" from "integrations" where "integrations"."name" ilike $1
select coalesce("name", 'none') from "integrations"
select distinct on ("integrations"."id") "id", "organisation_id", "name", "credentials", "certificate" from "integrations" order by "integrations"."id"
select "name", count(*) from "integrations" group by "integrations"."name"
select "id", "organisation_id", "name", "credentials", "certificate" from "integrations" for update skip locked
with "picked" as (select "id", "certificate" from "integrations") select "id", "certificate" from "picked"
select "integrations"."id", "integrations"."organisation_id", "integrations"."name", "integrations"."credentials", "integrations"."certificate", "other"."id", "other"."organisation_id", "other"."name", "other"."credentials", "other"."certificate" from "integrations" inner join "integrations" "other" on "integrations"."id" = "other"."id"
(select "certificate" from "integrations") union all (select "certificate" from "integrations")
select "id", "certificate" from (select "id", "certificate" from "integrations") "x"
update "integrations" set "certificate" = $1 where "integrations"."id" = $2
update "integrations" set "name" = $1, "credentials" = $2, "certificate" = $3 where "integrations"."id" = $4 returning "id", "organisation_id", "name", "credentials", "certificate"
select "id", "organisation_id", "name", "credentials", "certificate" from "integrations" "integrations"
select "id", "organisation_id", "name", "credentials", "certificate" from "integrations" "integrations" where "integrations"."id" = $1 limit $2
select "id", "certificate" from "integrations" "integrations" order by "integrations"."id" desc limit $1
select "id", "organisation_id", "name", "credentials", "certificate" from "integrations" where "integrations"."id" = $1
select * from "integrations" where "integrations"."id" = $1
select "id", "organisation_id", "name", "credentials", "certificate" from "integrations" where "integrations"."certificate" = $1
select "certificate"::text from "integrations"
select "id", "organisation_id", "name", "credentials", "certificate" from "integrations" order by "integrations"."certificate"
select "integrations"."id", "integrations"."organisation_id", "integrations"."name", "integrations"."credentials", "integrations"."certificate", "organisations"."id", "organisations"."name" from "integrations" left join "organisations" on "integrations"."organisation_id" = "organisations"."id"
select "integrations"."id", "integrations"."organisation_id", "integrations"."name", "integrations"."credentials", "integrations"."certificate", "integrations_org"."data" as "org" from "integrations" "integrations" left join lateral (select json_build_array("integrations_org"."id", "integrations_org"."name") as "data" from (select * from "organisations" "integrations_org" where "integrations_org"."id" = "integrations"."organisation_id" limit $1) "integrations_org") "integrations_org" on true
select "organisations"."id", "organisations"."name", "organisations_integrations"."data" as "integrations" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_integrations"."id", "organisations_integrations"."organisation_id", "organisations_integrations"."name", "organisations_integrations"."credentials", "organisations_integrations"."certificate")), '[]'::json) as "data" from "integrations" "organisations_integrations" where "organisations_integrations"."organisation_id" = "organisations"."id") "organisations_integrations" on true
select "organisations"."id", "organisations"."name", "organisations_integrations"."data" as "integrations" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_integrations"."id", "organisations_integrations"."certificate") order by "organisations_integrations"."id" desc), '[]'::json) as "data" from (select * from "integrations" "organisations_integrations" where "organisations_integrations"."organisation_id" = "organisations"."id" order by "organisations_integrations"."id" desc limit $1) "organisations_integrations") "organisations_integrations" on true limit $2
select "organisations"."id", "organisations_integrations"."data" as "integrations" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_integrations"."id", "organisations_integrations"."organisation_id", "organisations_integrations"."name", "organisations_integrations"."credentials", "organisations_integrations"."certificate", "organisations_integrations_org"."data")), '[]'::json) as "data" from "integrations" "organisations_integrations" left join lateral (select json_build_array("organisations_integrations_org"."id", "organisations_integrations_org"."name") as "data" from (select * from "organisations" "organisations_integrations_org" where "organisations_integrations_org"."id" = "organisations_integrations"."organisation_id" limit $1) "organisations_integrations_org") "organisations_integrations_org" on true where "organisations_integrations"."organisation_id" = "organisations"."id") "organisations_integrations" on true
update "integrations" set "certificate" = $1 where ("integrations"."organisation_id" = $2 and "integrations"."id" = $3)
delete from "integrations" where ("integrations"."organisation_id" = $1 and "integrations"."id" = $2)
update "integrations" set "certificate" = $1 from "organisations" where "integrations"."organisation_id" = "organisations"."id"
delete from "integrations" where "integrations"."id" = $1 returning "id"
delete from "integrations"
insert into "sso_providers" ("id", "organisation_id", "name", "client_secret", "auth_settings") values ($1, $2, $3, $4, $5)
insert into "sso_providers" ("id", "organisation_id", "name", "client_secret", "auth_settings") values ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10)
insert into "sso_providers" ("id", "organisation_id", "name", "client_secret", "auth_settings") values ($1, $2, $3, $4, $5) returning "id", "organisation_id", "name", "client_secret", "auth_settings"
insert into "sso_providers" ("id", "organisation_id", "name", "client_secret", "auth_settings") values ($1, $2, $3, $4, $5) returning "id", "auth_settings"
insert into "sso_providers" ("id", "organisation_id", "name", "client_secret", "auth_settings") values ($1, $2, $3, $4, $5) on conflict do nothing
insert into "sso_providers" ("id", "organisation_id", "name", "client_secret", "auth_settings") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "auth_settings" = $6
insert into "sso_providers" ("id", "organisation_id", "name", "client_secret", "auth_settings") values ($1, $2, $3, $4, $5) on conflict ("id") do update set "auth_settings" = excluded."auth_settings" returning "id", "organisation_id", "name", "client_secret", "auth_settings"
select "id", "organisation_id", "name", "client_secret", "auth_settings" from "sso_providers"
select "id", "auth_settings" from "sso_providers" where "sso_providers"."id" = $1
select "id", "organisation_id", "name", "client_secret", "auth_settings" from "sso_providers" where "sso_providers"."id" in ($1, $2) order by "sso_providers"."id" desc limit $3 offset $4
select count(*) from "sso_providers"
select count("auth_settings"), max("id") from "sso_providers"
select count(*) as count from "sso_providers" where "sso_providers"."auth_settings" is not null;
select "id", "organisation_id", "name", "client_secret", "auth_settings" from "sso_providers" where ("sso_providers"."name" = $1 or "sso_providers"."auth_settings" is null)
select "id", "organisation_id", "name", "client_secret", "auth_settings" from "sso_providers" where "sso_providers"."name" ilike $1
select coalesce("name", 'none') from "sso_providers"
select distinct on ("sso_providers"."id") "id", "organisation_id", "name", "client_secret", "auth_settings" from "sso_providers" order by "sso_providers"."id"
select "name", count(*) from "sso_providers" group by "sso_providers"."name"
select "id", "organisation_id", "name", "client_secret", "auth_settings" from "sso_providers" for update skip locked
with "picked" as (select "id", "auth_settings" from "sso_providers") select "id", "auth_settings" from "picked"
select "sso_providers"."id", "sso_providers"."organisation_id", "sso_providers"."name", "sso_providers"."client_secret", "sso_providers"."auth_settings", "other"."id", "other"."organisation_id", "other"."name", "other"."client_secret", "other"."auth_settings" from "sso_providers" inner join "sso_providers" "other" on "sso_providers"."id" = "other"."id"
(select "auth_settings" from "sso_providers") union all (select "auth_settings" from "sso_providers")
select "id", "auth_settings" from (select "id", "auth_settings" from "sso_providers") "x"
update "sso_providers" set "auth_settings" = $1 where "sso_providers"."id" = $2
update "sso_providers" set "name" = $1, "client_secret" = $2, "auth_settings" = $3 where "sso_providers"."id" = $4 returning "id", "organisation_id", "name", "client_secret", "auth_settings"
select "id", "organisation_id", "name", "client_secret", "auth_settings" from "sso_providers" "sso_providers"
select "id", "organisation_id", "name", "client_secret", "auth_settings" from "sso_providers" "sso_providers" where "sso_providers"."id" = $1 limit $2
select "id", "auth_settings" from "sso_providers" "sso_providers" order by "sso_providers"."id" desc limit $1
select "id", "organisation_id", "name", "client_secret", "auth_settings" from "sso_providers" where "sso_providers"."id" = $1
select * from "sso_providers" where "sso_providers"."id" = $1
select "auth_settings"::text from "sso_providers"
select "id", "organisation_id", "name", "client_secret", "auth_settings" from "sso_providers" order by "sso_providers"."auth_settings"
select "sso_providers"."id", "sso_providers"."organisation_id", "sso_providers"."name", "sso_providers"."client_secret", "sso_providers"."auth_settings", "organisations"."id", "organisations"."name" from "sso_providers" left join "organisations" on "sso_providers"."organisation_id" = "organisations"."id"
select "sso_providers"."id", "sso_providers"."organisation_id", "sso_providers"."name", "sso_providers"."client_secret", "sso_providers"."auth_settings", "sso_providers_org"."data" as "org" from "sso_providers" "sso_providers" left join lateral (select json_build_array("sso_providers_org"."id", "sso_providers_org"."name") as "data" from (select * from "organisations" "sso_providers_org" where "sso_providers_org"."id" = "sso_providers"."organisation_id" limit $1) "sso_providers_org") "sso_providers_org" on true
select "organisations"."id", "organisations"."name", "organisations_sso_providers"."data" as "sso_providers" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_sso_providers"."id", "organisations_sso_providers"."organisation_id", "organisations_sso_providers"."name", "organisations_sso_providers"."client_secret", "organisations_sso_providers"."auth_settings")), '[]'::json) as "data" from "sso_providers" "organisations_sso_providers" where "organisations_sso_providers"."organisation_id" = "organisations"."id") "organisations_sso_providers" on true
select "organisations"."id", "organisations"."name", "organisations_sso_providers"."data" as "sso_providers" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_sso_providers"."id", "organisations_sso_providers"."auth_settings") order by "organisations_sso_providers"."id" desc), '[]'::json) as "data" from (select * from "sso_providers" "organisations_sso_providers" where "organisations_sso_providers"."organisation_id" = "organisations"."id" order by "organisations_sso_providers"."id" desc limit $1) "organisations_sso_providers") "organisations_sso_providers" on true limit $2
select "organisations"."id", "organisations_sso_providers"."data" as "sso_providers" from "organisations" "organisations" left join lateral (select coalesce(json_agg(json_build_array("organisations_sso_providers"."id", "organisations_sso_providers"."organisation_id", "organisations_sso_providers"."name", "organisations_sso_providers"."client_secret", "organisations_sso_providers"."auth_settings", "organisations_sso_providers_org"."data")), '[]'::json) as "data" from "sso_providers" "organisations_sso_providers" left join lateral (select json_build_array("organisations_sso_providers_org"."id", "organisations_sso_providers_org"."name") as "data" from (select * from "organisations" "organisations_sso_providers_org" where "organisations_sso_providers_org"."id" = "organisations_sso_providers"."organisation_id" limit $1) "organisations_sso_providers_org") "organisations_sso_providers_org" on true where "organisations_sso_providers"."organisation_id" = "organisations"."id") "organisations_sso_providers" on true
update "sso_providers" set "auth_settings" = $1 where ("sso_providers"."organisation_id" = $2 and "sso_providers"."id" = $3)
delete from "sso_providers" where ("sso_providers"."organisation_id" = $1 and "sso_providers"."id" = $2)
update "sso_providers" set "auth_settings" = $1 from "organisations" where "sso_providers"."organisation_id" = "organisations"."id"
delete from "sso_providers" where "sso_providers"."id" = $1 returning "id"
delete from "sso_providers"
insert into "requests" ("id", "note") values ($1, $2)
insert into "requests" ("id", "note") values ($1, $2), ($3, $4)
insert into "requests" ("id", "note") values ($1, $2) returning "id", "note"
insert into "requests" ("id", "note") values ($1, $2) on conflict do nothing
insert into "requests" ("id", "note") values ($1, $2) on conflict ("id") do update set "note" = $3
insert into "requests" ("id", "note") values ($1, $2) on conflict ("id") do update set "note" = excluded."note" returning "id", "note"
select "id", "note" from "requests"
select "id", "note" from "requests" where "requests"."id" = $1
select "id", "note" from "requests" where "requests"."id" in ($1, $2) order by "requests"."id" desc limit $3 offset $4
select count(*) from "requests"
select count("note"), max("id") from "requests"
select count(*) as count from "requests" where "requests"."note" is not null;
select "id", "note" from "requests" where ("requests"."note" = $1 or "requests"."note" is null)
select "id", "note" from "requests" where "requests"."note" ilike $1
select coalesce("note", 'none') from "requests"
select distinct on ("requests"."id") "id", "note" from "requests" order by "requests"."id"
select "note", count(*) from "requests" group by "requests"."note"
select "id", "note" from "requests" for update skip locked
with "picked" as (select "id", "note" from "requests") select "id", "note" from "picked"
select "requests"."id", "requests"."note", "other"."id", "other"."note" from "requests" inner join "requests" "other" on "requests"."id" = "other"."id"
(select "note" from "requests") union all (select "note" from "requests")
select "id", "note" from (select "id", "note" from "requests") "x"
update "requests" set "note" = $1 where "requests"."id" = $2
update "requests" set "note" = $1 where "requests"."id" = $2 returning "id", "note"
select "id", "note" from "requests" "requests"
select "id", "note" from "requests" "requests" where "requests"."id" = $1 limit $2
select "id", "note" from "requests" "requests" order by "requests"."id" desc limit $1
select * from "requests" where "requests"."id" = $1
select "id", "note" from "requests" where "requests"."note" = $1
select "note"::text from "requests"
select "id", "note" from "requests" order by "requests"."note"
delete from "requests" where "requests"."id" = $1 returning "id"
delete from "requests"
