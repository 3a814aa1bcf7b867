-- The ledger says what was spent of budgets, so that it counts for every replica and whoever comes after it.
CREATE TABLE "budget_accounts" (
	"tenant_id" text PRIMARY KEY NOT NULL,
	"version" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "budget_accounts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "budget_spent" (
	"tenant_id" text NOT NULL,
	"stream_id" text NOT NULL,
	"key" text NOT NULL,
	"amount" numeric(40, 0) NOT NULL,
	"version" bigint NOT NULL,
	"changed_at" bigint NOT NULL,
	"never_ends" boolean NOT NULL,
	CONSTRAINT "budget_spent_tenant_id_stream_id_key_pk" PRIMARY KEY("tenant_id","stream_id","key")
);
--> statement-breakpoint
ALTER TABLE "budget_spent" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "budget_accounts" ADD CONSTRAINT "budget_accounts_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "budget_spent" ADD CONSTRAINT "budget_spent_tenant_id_stream_id_usage_streams_tenant_id_stream_id_fk" FOREIGN KEY ("tenant_id","stream_id") REFERENCES "public"."usage_streams"("tenant_id","stream_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "budget_spent_version_index" ON "budget_spent" USING btree ("tenant_id","version");--> statement-breakpoint
CREATE INDEX "budget_spent_key_index" ON "budget_spent" USING btree ("tenant_id","key");--> statement-breakpoint
CREATE INDEX "budget_spent_changed_index" ON "budget_spent" USING btree ("tenant_id","changed_at") WHERE not "budget_spent"."never_ends";--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "budget_accounts" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "budget_spent" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
DO $$
DECLARE
  table_name text;
BEGIN
  FOREACH table_name IN ARRAY ARRAY['budget_accounts', 'budget_spent'] LOOP
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format('ALTER TABLE %I OWNER TO headgate_owner', table_name);
  END LOOP;
END
$$;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON budget_accounts TO headgate_app;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON budget_spent TO headgate_app;
