-- Roles belong to the whole server, so another database of it may have made them, even at this moment.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['headgate_owner', 'headgate_app', 'headgate_platform'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', role_name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;
    END;
    -- Whoever makes a role may hand it out, but not always take it on.
    BEGIN
      EXECUTE format('SET LOCAL ROLE %I', role_name);
      RESET ROLE;
    EXCEPTION WHEN insufficient_privilege THEN
      EXECUTE format('GRANT %I TO %I', role_name, current_user);
    END;
  END LOOP;
END
$$;
--> statement-breakpoint
GRANT CREATE, USAGE ON SCHEMA public TO headgate_owner;
--> statement-breakpoint
GRANT USAGE ON SCHEMA public TO headgate_app, headgate_platform;
--> statement-breakpoint
CREATE EXTENSION IF NOT EXISTS btree_gist;
