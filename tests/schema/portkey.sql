-- The control plane of an AI gateway; organisations are the tenants.
CREATE TABLE organisations (id uuid PRIMARY KEY, name text NOT NULL);
CREATE TABLE configs (
    id uuid PRIMARY KEY, organisation_id uuid NOT NULL REFERENCES organisations, slug text NOT NULL, name text,
    template jsonb, created_at timestamptz NOT NULL DEFAULT now(), UNIQUE (organisation_id, slug));
CREATE TABLE virtual_keys (
    id uuid PRIMARY KEY, organisation_id uuid NOT NULL REFERENCES organisations, slug text NOT NULL UNIQUE, name text,
    key text, auth_config jsonb, status text NOT NULL DEFAULT 'active', created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE prompts (
    id uuid PRIMARY KEY, organisation_id uuid NOT NULL REFERENCES organisations, name text, template text);
CREATE TABLE prompt_versions (
    id uuid PRIMARY KEY, prompt_id uuid NOT NULL REFERENCES prompts, version integer NOT NULL DEFAULT 1,
    template jsonb, template_text text, UNIQUE (prompt_id, version));
CREATE TABLE prompt_partials (
    id uuid PRIMARY KEY, organisation_id uuid NOT NULL REFERENCES organisations, name text, template text);
CREATE TABLE guardrails (
    id uuid PRIMARY KEY, organisation_id uuid NOT NULL REFERENCES organisations, name text, checks jsonb, actions jsonb);
CREATE TABLE integrations (
    id uuid PRIMARY KEY, organisation_id uuid NOT NULL REFERENCES organisations, name text, credentials jsonb, certificate bytea);
CREATE TABLE sso_providers (
    id uuid PRIMARY KEY, organisation_id uuid NOT NULL REFERENCES organisations, name text, client_secret varchar, auth_settings json);
CREATE VIEW active_virtual_keys AS SELECT id, organisation_id, slug, key FROM virtual_keys WHERE status = 'active';
-- A table that no rule names.
CREATE TABLE requests (id bigserial PRIMARY KEY, note text);
