-- Every table belongs to a role that nobody logs in as. Row-level security is forced, so not even it sees rows.
DO $$
DECLARE
  table_name text;
BEGIN
  FOREACH table_name IN ARRAY ARRAY[
    'tenants', 'agents', 'keys', 'key_handles', 'providers', 'models', 'routes', 'rules', 'limits', 'budgets',
    'data_planes', 'join_tokens', 'assertion_ids', 'snapshots', 'snapshot_deliveries', 'snapshot_acks',
    'usage_streams', 'usage_batches', 'usage_minutes', 'usage_minute_calls', 'audit_log'
  ] LOOP
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format('ALTER TABLE %I OWNER TO headgate_owner', table_name);
  END LOOP;
  ALTER TABLE signing_keys OWNER TO headgate_owner;
  ALTER TABLE price_versions OWNER TO headgate_owner;
END
$$;
--> statement-breakpoint
GRANT SELECT, UPDATE (display_name, settings, suspended, revision) ON tenants TO headgate_app;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON
  agents, providers, models, routes, rules, limits, budgets, data_planes, join_tokens TO headgate_app;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON
  keys, snapshot_acks, usage_streams, usage_minutes, usage_minute_calls TO headgate_app;
--> statement-breakpoint
GRANT SELECT, INSERT, DELETE ON assertion_ids, snapshot_deliveries TO headgate_app;
--> statement-breakpoint
GRANT SELECT, INSERT ON key_handles, snapshots, usage_batches, audit_log TO headgate_app;
--> statement-breakpoint
GRANT SELECT ON price_versions TO headgate_app;
--> statement-breakpoint
GRANT SELECT, INSERT ON tenants, signing_keys, price_versions TO headgate_platform;
--> statement-breakpoint
GRANT SELECT ON key_handles, join_tokens, data_planes TO headgate_platform;
--> statement-breakpoint
GRANT UPDATE (retired_at) ON signing_keys TO headgate_platform;
--> statement-breakpoint
GRANT UPDATE (valid_to, closed_by) ON price_versions TO headgate_platform;
--> statement-breakpoint
GRANT UPDATE (lease_holder, lease_until, fencing_token, next_attempt_at, attempts)
  ON data_planes TO headgate_platform;
--> statement-breakpoint
ALTER TABLE price_versions
  ADD CONSTRAINT price_versions_valid CHECK (valid_to IS NULL OR valid_to > valid_from),
  ADD CONSTRAINT price_versions_no_overlap
    EXCLUDE USING gist (vendor WITH =, model WITH =, dimension WITH =, int8range(valid_from, valid_to) WITH &&);
--> statement-breakpoint
ALTER TABLE usage_batches
  ADD CONSTRAINT usage_batches_dense CHECK (first_seq >= 1 AND event_count = last_seq - first_seq + 1);
--> statement-breakpoint
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME USING ERRCODE = '55000';
END
$$;
--> statement-breakpoint
ALTER FUNCTION refuse_change() OWNER TO headgate_owner;
--> statement-breakpoint
CREATE TRIGGER usage_batches_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_batches
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
CREATE TRIGGER audit_log_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
CREATE TRIGGER snapshots_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON snapshots
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
