-- The tables that clusters brought, behind the same walls as the others.
DO $$
DECLARE
  table_name text;
BEGIN
  FOREACH table_name IN ARRAY ARRAY['data_plane_replicas', 'stacks', 'operations', 'operation_events'] LOOP
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format('ALTER TABLE %I OWNER TO headgate_owner', table_name);
  END LOOP;
  ALTER TABLE regions OWNER TO headgate_owner;
  ALTER TABLE releases OWNER TO headgate_owner;
END
$$;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON data_plane_replicas TO headgate_app;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON stacks, operations TO headgate_app;
--> statement-breakpoint
GRANT SELECT, INSERT ON operation_events TO headgate_app;
--> statement-breakpoint
GRANT DELETE ON operations TO headgate_app;
--> statement-breakpoint
GRANT SELECT ON data_plane_replicas, stacks, operations TO headgate_platform;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON regions, releases TO headgate_platform;
--> statement-breakpoint
GRANT UPDATE (plan) ON tenants TO headgate_app;
