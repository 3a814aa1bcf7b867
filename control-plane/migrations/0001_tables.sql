CREATE TABLE "audit_log" (
	"tenant_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"id" text NOT NULL,
	"at" bigint NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" text NOT NULL,
	"action" text NOT NULL,
	"resource" text NOT NULL,
	"detail" jsonb NOT NULL,
	"prev_hash" text NOT NULL,
	"hash" text NOT NULL,
	CONSTRAINT "audit_log_tenant_id_seq_pk" PRIMARY KEY("tenant_id","seq"),
	CONSTRAINT "audit_log_id_unique" UNIQUE("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "audit_log" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "assertion_ids" (
	"tenant_id" text NOT NULL,
	"data_plane_id" text NOT NULL,
	"jti" text NOT NULL,
	"expires_at" bigint NOT NULL,
	CONSTRAINT "assertion_ids_tenant_id_data_plane_id_jti_pk" PRIMARY KEY("tenant_id","data_plane_id","jti")
);
--> statement-breakpoint
ALTER TABLE "assertion_ids" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "data_planes" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"region" text NOT NULL,
	"driver" text NOT NULL,
	"spec" jsonb NOT NULL,
	"generation" bigint DEFAULT 1 NOT NULL,
	"observed_generation" bigint DEFAULT 0 NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"conditions" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"endpoint_url" text,
	"admin_url" text,
	"lease_holder" text,
	"lease_until" bigint,
	"fencing_token" bigint DEFAULT 0 NOT NULL,
	"next_attempt_at" bigint DEFAULT 0 NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"deletion_requested_at" bigint,
	"signing_key" jsonb,
	"encryption_key" jsonb,
	"joined_at" bigint,
	"applied_revision" bigint DEFAULT 0 NOT NULL,
	"last_ack" jsonb,
	"last_heartbeat" jsonb,
	"last_heartbeat_at" bigint,
	"created_at" bigint NOT NULL,
	CONSTRAINT "data_planes_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "data_planes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "join_tokens" (
	"tenant_id" text NOT NULL,
	"hash" text NOT NULL,
	"data_plane_id" text NOT NULL,
	"created_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL,
	"used_at" bigint,
	CONSTRAINT "join_tokens_tenant_id_hash_pk" PRIMARY KEY("tenant_id","hash")
);
--> statement-breakpoint
ALTER TABLE "join_tokens" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "agents" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"labels" jsonb NOT NULL,
	"capabilities" jsonb NOT NULL,
	"disabled" boolean DEFAULT false NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "agents_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "agents_name_unique" UNIQUE("tenant_id","name")
);
--> statement-breakpoint
ALTER TABLE "agents" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "key_handles" (
	"handle" text PRIMARY KEY NOT NULL,
	"tenant_id" text NOT NULL,
	"key_id" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "key_handles" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "keys" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"kind" text NOT NULL,
	"agent_id" text,
	"name" text NOT NULL,
	"handle" text NOT NULL,
	"hash" text NOT NULL,
	"last4" text NOT NULL,
	"created_at" bigint NOT NULL,
	"expires_at" bigint,
	"revoked_at" bigint,
	CONSTRAINT "keys_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "keys_handle_unique" UNIQUE("tenant_id","handle")
);
--> statement-breakpoint
ALTER TABLE "keys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "budgets" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"unit" text NOT NULL,
	"max" text NOT NULL,
	"window" text NOT NULL,
	"hold" text NOT NULL,
	"match" jsonb NOT NULL,
	"per" jsonb NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "budgets_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "budgets_name_unique" UNIQUE("tenant_id","name")
);
--> statement-breakpoint
ALTER TABLE "budgets" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "limits" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"metric" text NOT NULL,
	"max" bigint NOT NULL,
	"window_seconds" integer,
	"match" jsonb NOT NULL,
	"per" jsonb NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "limits_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "limits_name_unique" UNIQUE("tenant_id","name")
);
--> statement-breakpoint
ALTER TABLE "limits" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "rules" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"effect" text NOT NULL,
	"condition" text NOT NULL,
	"position" integer NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "rules_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "rules_name_unique" UNIQUE("tenant_id","name")
);
--> statement-breakpoint
ALTER TABLE "rules" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "price_versions" (
	"id" text PRIMARY KEY NOT NULL,
	"vendor" text NOT NULL,
	"model" text NOT NULL,
	"dimension" text NOT NULL,
	"usd_per_million" text NOT NULL,
	"valid_from" bigint NOT NULL,
	"valid_to" bigint,
	"created_at" bigint NOT NULL,
	"created_by" text NOT NULL,
	"closed_by" text
);
--> statement-breakpoint
CREATE TABLE "signing_keys" (
	"id" text PRIMARY KEY NOT NULL,
	"purpose" text NOT NULL,
	"public_key" jsonb NOT NULL,
	"private_key" text NOT NULL,
	"created_at" bigint NOT NULL,
	"retired_at" bigint
);
--> statement-breakpoint
CREATE TABLE "snapshot_acks" (
	"tenant_id" text NOT NULL,
	"data_plane_id" text NOT NULL,
	"revision" bigint NOT NULL,
	"instance_id" text NOT NULL,
	"ok" boolean NOT NULL,
	"errors" jsonb NOT NULL,
	"at" bigint NOT NULL,
	CONSTRAINT "snapshot_acks_tenant_id_data_plane_id_revision_instance_id_pk" PRIMARY KEY("tenant_id","data_plane_id","revision","instance_id")
);
--> statement-breakpoint
ALTER TABLE "snapshot_acks" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "snapshot_deliveries" (
	"tenant_id" text NOT NULL,
	"revision" bigint NOT NULL,
	"data_plane_id" text NOT NULL,
	"body" text NOT NULL,
	"signature" text NOT NULL,
	"key_id" text NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "snapshot_deliveries_tenant_id_revision_data_plane_id_pk" PRIMARY KEY("tenant_id","revision","data_plane_id")
);
--> statement-breakpoint
ALTER TABLE "snapshot_deliveries" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "snapshots" (
	"tenant_id" text NOT NULL,
	"revision" bigint NOT NULL,
	"document" text NOT NULL,
	"sha256" text NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "snapshots_tenant_id_revision_pk" PRIMARY KEY("tenant_id","revision")
);
--> statement-breakpoint
ALTER TABLE "snapshots" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "tenants" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"display_name" text NOT NULL,
	"plan" text NOT NULL,
	"region" text NOT NULL,
	"settings" jsonb NOT NULL,
	"suspended" boolean DEFAULT false NOT NULL,
	"revision" bigint DEFAULT 0 NOT NULL,
	"idempotency_key" text NOT NULL,
	"input_hash" text NOT NULL,
	"data_key" text NOT NULL,
	"key_pepper" text NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "tenants_name_unique" UNIQUE("name"),
	CONSTRAINT "tenants_idempotency_key_unique" UNIQUE("idempotency_key")
);
--> statement-breakpoint
ALTER TABLE "tenants" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "models" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"kind" text NOT NULL,
	"context_tokens_max" bigint NOT NULL,
	"output_tokens_max" bigint NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "models_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "models_name_unique" UNIQUE("tenant_id","name")
);
--> statement-breakpoint
ALTER TABLE "models" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "providers" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"dialect" text NOT NULL,
	"vendor" text NOT NULL,
	"base_url" text NOT NULL,
	"allowed_cidrs" jsonb NOT NULL,
	"credential" text,
	"secret_version" integer DEFAULT 0 NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "providers_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "providers_name_unique" UNIQUE("tenant_id","name")
);
--> statement-breakpoint
ALTER TABLE "providers" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "routes" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"model_id" text NOT NULL,
	"targets" jsonb NOT NULL,
	"attempts_max" integer NOT NULL,
	"breaker" jsonb NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "routes_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "routes_model_unique" UNIQUE("tenant_id","model_id")
);
--> statement-breakpoint
ALTER TABLE "routes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "usage_batches" (
	"tenant_id" text NOT NULL,
	"stream_id" text NOT NULL,
	"first_seq" bigint NOT NULL,
	"last_seq" bigint NOT NULL,
	"sha256" text NOT NULL,
	"header" jsonb NOT NULL,
	"packed" "bytea" NOT NULL,
	"event_count" integer NOT NULL,
	"received_at" bigint NOT NULL,
	CONSTRAINT "usage_batches_tenant_id_stream_id_first_seq_pk" PRIMARY KEY("tenant_id","stream_id","first_seq")
);
--> statement-breakpoint
ALTER TABLE "usage_batches" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "usage_minute_calls" (
	"tenant_id" text NOT NULL,
	"minute" bigint NOT NULL,
	"agent_id" text NOT NULL,
	"team" text NOT NULL,
	"cost_center" text NOT NULL,
	"department" text NOT NULL,
	"provider_id" text NOT NULL,
	"vendor" text NOT NULL,
	"model" text NOT NULL,
	"upstream_model" text NOT NULL,
	"endpoint" text NOT NULL,
	"calls" bigint NOT NULL,
	"attempts" bigint NOT NULL,
	"unsettled" bigint NOT NULL,
	"estimated" bigint NOT NULL,
	CONSTRAINT "usage_minute_calls_pk" PRIMARY KEY("tenant_id","minute","agent_id","team","cost_center","department","provider_id","vendor","model","upstream_model","endpoint")
);
--> statement-breakpoint
ALTER TABLE "usage_minute_calls" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "usage_minutes" (
	"tenant_id" text NOT NULL,
	"minute" bigint NOT NULL,
	"agent_id" text NOT NULL,
	"team" text NOT NULL,
	"cost_center" text NOT NULL,
	"department" text NOT NULL,
	"provider_id" text NOT NULL,
	"vendor" text NOT NULL,
	"model" text NOT NULL,
	"upstream_model" text NOT NULL,
	"endpoint" text NOT NULL,
	"dimension" text NOT NULL,
	"quantity" numeric(40, 0) NOT NULL,
	CONSTRAINT "usage_minutes_pk" PRIMARY KEY("tenant_id","minute","agent_id","team","cost_center","department","provider_id","vendor","model","upstream_model","endpoint","dimension")
);
--> statement-breakpoint
ALTER TABLE "usage_minutes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "usage_streams" (
	"tenant_id" text NOT NULL,
	"stream_id" text NOT NULL,
	"data_plane_id" text NOT NULL,
	"region" text NOT NULL,
	"writer_epoch" bigint NOT NULL,
	"acked_seq" bigint DEFAULT 0 NOT NULL,
	"last_batch_hash" text,
	"totals" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "usage_streams_tenant_id_stream_id_pk" PRIMARY KEY("tenant_id","stream_id")
);
--> statement-breakpoint
ALTER TABLE "usage_streams" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "audit_log" ADD CONSTRAINT "audit_log_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "assertion_ids" ADD CONSTRAINT "assertion_ids_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "assertion_ids" ADD CONSTRAINT "assertion_ids_tenant_id_data_plane_id_data_planes_tenant_id_id_fk" FOREIGN KEY ("tenant_id","data_plane_id") REFERENCES "public"."data_planes"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "data_planes" ADD CONSTRAINT "data_planes_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "join_tokens" ADD CONSTRAINT "join_tokens_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "join_tokens" ADD CONSTRAINT "join_tokens_tenant_id_data_plane_id_data_planes_tenant_id_id_fk" FOREIGN KEY ("tenant_id","data_plane_id") REFERENCES "public"."data_planes"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agents" ADD CONSTRAINT "agents_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "key_handles" ADD CONSTRAINT "key_handles_tenant_id_key_id_keys_tenant_id_id_fk" FOREIGN KEY ("tenant_id","key_id") REFERENCES "public"."keys"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "keys" ADD CONSTRAINT "keys_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "keys" ADD CONSTRAINT "keys_tenant_id_agent_id_agents_tenant_id_id_fk" FOREIGN KEY ("tenant_id","agent_id") REFERENCES "public"."agents"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "budgets" ADD CONSTRAINT "budgets_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "limits" ADD CONSTRAINT "limits_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rules" ADD CONSTRAINT "rules_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "snapshot_acks" ADD CONSTRAINT "snapshot_acks_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "snapshot_deliveries" ADD CONSTRAINT "snapshot_deliveries_tenant_id_revision_snapshots_tenant_id_revision_fk" FOREIGN KEY ("tenant_id","revision") REFERENCES "public"."snapshots"("tenant_id","revision") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "snapshot_deliveries" ADD CONSTRAINT "snapshot_deliveries_tenant_id_data_plane_id_data_planes_tenant_id_id_fk" FOREIGN KEY ("tenant_id","data_plane_id") REFERENCES "public"."data_planes"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "snapshots" ADD CONSTRAINT "snapshots_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "models" ADD CONSTRAINT "models_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "providers" ADD CONSTRAINT "providers_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "routes" ADD CONSTRAINT "routes_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "routes" ADD CONSTRAINT "routes_tenant_id_model_id_models_tenant_id_id_fk" FOREIGN KEY ("tenant_id","model_id") REFERENCES "public"."models"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_batches" ADD CONSTRAINT "usage_batches_tenant_id_stream_id_usage_streams_tenant_id_stream_id_fk" FOREIGN KEY ("tenant_id","stream_id") REFERENCES "public"."usage_streams"("tenant_id","stream_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_minute_calls" ADD CONSTRAINT "usage_minute_calls_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_minutes" ADD CONSTRAINT "usage_minutes_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_streams" ADD CONSTRAINT "usage_streams_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "data_planes_next_attempt_index" ON "data_planes" USING btree ("next_attempt_at");--> statement-breakpoint
CREATE INDEX "join_tokens_hash_index" ON "join_tokens" USING btree ("hash");--> statement-breakpoint
CREATE INDEX "keys_agent_index" ON "keys" USING btree ("tenant_id","agent_id");--> statement-breakpoint
CREATE INDEX "price_versions_thing_index" ON "price_versions" USING btree ("vendor","model","dimension");--> statement-breakpoint
CREATE INDEX "usage_batches_received_index" ON "usage_batches" USING btree ("tenant_id","received_at");--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "audit_log" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "assertion_ids" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "data_planes" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "platform_rows" ON "data_planes" AS PERMISSIVE FOR ALL TO "headgate_platform" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "join_tokens" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "platform_rows" ON "join_tokens" AS PERMISSIVE FOR ALL TO "headgate_platform" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "agents" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "key_handles" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "platform_rows" ON "key_handles" AS PERMISSIVE FOR ALL TO "headgate_platform" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "keys" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "budgets" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "limits" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "rules" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "snapshot_acks" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "snapshot_deliveries" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "snapshots" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "tenants" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "platform_rows" ON "tenants" AS PERMISSIVE FOR ALL TO "headgate_platform" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "models" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "providers" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "routes" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "usage_batches" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "usage_minute_calls" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "usage_minutes" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "usage_streams" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));