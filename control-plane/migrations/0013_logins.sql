-- A role that reads all rows and writes none, and who may look up how far the schema is.
DO $$
BEGIN
  BEGIN
    CREATE ROLE headgate_backup NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
  END;
END
$$;
--> statement-breakpoint
GRANT USAGE ON SCHEMA public TO headgate_backup;
--> statement-breakpoint
GRANT USAGE ON SCHEMA drizzle TO headgate_platform, headgate_backup;
--> statement-breakpoint
GRANT SELECT ON drizzle.__drizzle_migrations TO headgate_platform, headgate_backup;
--> statement-breakpoint
GRANT SELECT ON ALL SEQUENCES IN SCHEMA drizzle TO headgate_backup;
