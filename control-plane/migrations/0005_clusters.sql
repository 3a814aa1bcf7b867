CREATE TABLE "data_plane_replicas" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"data_plane_id" text NOT NULL,
	"signing_key" jsonb NOT NULL,
	"encryption_key" jsonb NOT NULL,
	"pod" jsonb,
	"version" text NOT NULL,
	"joined_at" bigint NOT NULL,
	"applied_revision" bigint DEFAULT 0 NOT NULL,
	"last_ack" jsonb,
	"last_heartbeat" jsonb,
	"last_heartbeat_at" bigint,
	CONSTRAINT "data_plane_replicas_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "data_plane_replicas" ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE TABLE "operation_events" (
	"tenant_id" text NOT NULL,
	"operation_id" text NOT NULL,
	"seq" integer NOT NULL,
	"at" bigint NOT NULL,
	"type" text NOT NULL,
	"payload" jsonb NOT NULL,
	CONSTRAINT "operation_events_tenant_id_operation_id_seq_pk" PRIMARY KEY("tenant_id","operation_id","seq")
);
--> statement-breakpoint
ALTER TABLE "operation_events" ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE TABLE "operations" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"data_plane_id" text NOT NULL,
	"kind" text NOT NULL,
	"reason" text NOT NULL,
	"state" text NOT NULL,
	"generation" bigint NOT NULL,
	"fencing_token" bigint NOT NULL,
	"changes" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"planned" jsonb,
	"error_class" text,
	"message" text DEFAULT '' NOT NULL,
	"created_at" bigint NOT NULL,
	"started_at" bigint,
	"ended_at" bigint,
	CONSTRAINT "operations_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "operations" ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE TABLE "regions" (
	"name" text PRIMARY KEY NOT NULL,
	"cluster" jsonb NOT NULL,
	"issuer" jsonb NOT NULL,
	"kubeconfig" text,
	"generation" bigint DEFAULT 1 NOT NULL,
	"cordoned" boolean DEFAULT false NOT NULL,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "releases" (
	"id" text PRIMARY KEY NOT NULL,
	"version" text NOT NULL,
	"image" text NOT NULL,
	"collector_image" text NOT NULL,
	"state" text NOT NULL,
	"previous_id" text,
	"ring" integer DEFAULT 0 NOT NULL,
	"ring_started_at" bigint,
	"gates" jsonb NOT NULL,
	"reason" text DEFAULT '' NOT NULL,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL,
	CONSTRAINT "releases_version_unique" UNIQUE("version")
);
--> statement-breakpoint
CREATE TABLE "stacks" (
	"tenant_id" text NOT NULL,
	"data_plane_id" text NOT NULL,
	"name" text NOT NULL,
	"lease_holder" text,
	"lease_until" bigint,
	"fencing_token" bigint DEFAULT 0 NOT NULL,
	"applied_digest" text,
	"failed_digest" text,
	"applied_at" bigint,
	"outputs" jsonb,
	"interrupted" boolean DEFAULT false NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"retry_at" bigint DEFAULT 0 NOT NULL,
	"drift_checked_at" bigint,
	"drift" jsonb,
	"drained_at" bigint,
	"destroyed_at" bigint,
	CONSTRAINT "stacks_tenant_id_data_plane_id_pk" PRIMARY KEY("tenant_id","data_plane_id")
);
--> statement-breakpoint
ALTER TABLE "stacks" ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "assertion_ids" DROP CONSTRAINT "assertion_ids_tenant_id_data_plane_id_data_planes_tenant_id_id_fk";
--> statement-breakpoint
ALTER TABLE "snapshot_deliveries" DROP CONSTRAINT "snapshot_deliveries_tenant_id_data_plane_id_data_planes_tenant_id_id_fk";
--> statement-breakpoint
ALTER TABLE "assertion_ids" DROP CONSTRAINT "assertion_ids_tenant_id_data_plane_id_jti_pk";
--> statement-breakpoint
ALTER TABLE "snapshot_deliveries" DROP CONSTRAINT "snapshot_deliveries_tenant_id_revision_data_plane_id_pk";
--> statement-breakpoint
-- Whoever migrates owns these tables by membership and is bound by forced row-level security, which would show no row.
ALTER TABLE "data_planes" NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "snapshot_deliveries" NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "assertion_ids" NO FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
-- What was sealed to a data plane, and what it has proved itself with, is made anew for its replica.
DELETE FROM "snapshot_deliveries";
--> statement-breakpoint
DELETE FROM "assertion_ids";
--> statement-breakpoint
-- A data plane that has joined is its own one replica.
INSERT INTO "data_plane_replicas"
  ("tenant_id", "id", "data_plane_id", "signing_key", "encryption_key", "version", "joined_at",
   "applied_revision", "last_ack", "last_heartbeat", "last_heartbeat_at")
SELECT "tenant_id", 'rpl_' || substr("id", 5), "id", "signing_key", "encryption_key",
  coalesce("last_heartbeat"->>'version', ''), "joined_at", "applied_revision", "last_ack", "last_heartbeat" || '{"calls": {"total": 0, "faults": 0}}', "last_heartbeat_at"
FROM "data_planes" WHERE "signing_key" IS NOT NULL AND "encryption_key" IS NOT NULL AND "joined_at" IS NOT NULL;
--> statement-breakpoint
ALTER TABLE "data_planes" FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "snapshot_deliveries" FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "assertion_ids" FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "assertion_ids" ADD COLUMN "replica_id" text NOT NULL;
--> statement-breakpoint
ALTER TABLE "data_planes" ADD COLUMN "join_secret" text;
--> statement-breakpoint
ALTER TABLE "data_planes" ADD COLUMN "join_secret_hash" text;
--> statement-breakpoint
ALTER TABLE "snapshot_deliveries" ADD COLUMN "replica_id" text NOT NULL;
--> statement-breakpoint
ALTER TABLE "assertion_ids" ADD CONSTRAINT "assertion_ids_tenant_id_replica_id_jti_pk" PRIMARY KEY("tenant_id","replica_id","jti");
--> statement-breakpoint
ALTER TABLE "snapshot_deliveries" ADD CONSTRAINT "snapshot_deliveries_tenant_id_revision_replica_id_pk" PRIMARY KEY("tenant_id","revision","replica_id");
--> statement-breakpoint
ALTER TABLE "data_plane_replicas" ADD CONSTRAINT "data_plane_replicas_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;
--> statement-breakpoint
ALTER TABLE "data_plane_replicas" ADD CONSTRAINT "data_plane_replicas_tenant_id_data_plane_id_data_planes_tenant_id_id_fk" FOREIGN KEY ("tenant_id","data_plane_id") REFERENCES "public"."data_planes"("tenant_id","id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
ALTER TABLE "operation_events" ADD CONSTRAINT "operation_events_tenant_id_operation_id_operations_tenant_id_id_fk" FOREIGN KEY ("tenant_id","operation_id") REFERENCES "public"."operations"("tenant_id","id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;
--> statement-breakpoint
ALTER TABLE "stacks" ADD CONSTRAINT "stacks_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;
--> statement-breakpoint
ALTER TABLE "stacks" ADD CONSTRAINT "stacks_tenant_id_data_plane_id_data_planes_tenant_id_id_fk" FOREIGN KEY ("tenant_id","data_plane_id") REFERENCES "public"."data_planes"("tenant_id","id") ON DELETE no action ON UPDATE no action;
--> statement-breakpoint
CREATE INDEX "data_plane_replicas_data_plane_index" ON "data_plane_replicas" USING btree ("tenant_id","data_plane_id");
--> statement-breakpoint
CREATE INDEX "data_plane_replicas_id_index" ON "data_plane_replicas" USING btree ("id");
--> statement-breakpoint
CREATE INDEX "operations_data_plane_index" ON "operations" USING btree ("tenant_id","data_plane_id","id");
--> statement-breakpoint
CREATE INDEX "operations_state_index" ON "operations" USING btree ("state");
--> statement-breakpoint
ALTER TABLE "assertion_ids" ADD CONSTRAINT "assertion_ids_tenant_id_replica_id_data_plane_replicas_tenant_id_id_fk" FOREIGN KEY ("tenant_id","replica_id") REFERENCES "public"."data_plane_replicas"("tenant_id","id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
ALTER TABLE "snapshot_deliveries" ADD CONSTRAINT "snapshot_deliveries_tenant_id_replica_id_data_plane_replicas_tenant_id_id_fk" FOREIGN KEY ("tenant_id","replica_id") REFERENCES "public"."data_plane_replicas"("tenant_id","id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
CREATE INDEX "data_planes_join_secret_index" ON "data_planes" USING btree ("join_secret_hash");
--> statement-breakpoint
ALTER TABLE "assertion_ids" DROP COLUMN "data_plane_id";
--> statement-breakpoint
ALTER TABLE "data_planes" DROP COLUMN "signing_key";
--> statement-breakpoint
ALTER TABLE "data_planes" DROP COLUMN "encryption_key";
--> statement-breakpoint
ALTER TABLE "snapshot_deliveries" DROP COLUMN "data_plane_id";
--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "data_plane_replicas" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));
--> statement-breakpoint
CREATE POLICY "platform_rows" ON "data_plane_replicas" AS PERMISSIVE FOR ALL TO "headgate_platform" USING (true) WITH CHECK (true);
--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "operation_events" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));
--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "operations" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));
--> statement-breakpoint
CREATE POLICY "platform_rows" ON "operations" AS PERMISSIVE FOR ALL TO "headgate_platform" USING (true) WITH CHECK (true);
--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "stacks" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));
--> statement-breakpoint
CREATE POLICY "platform_rows" ON "stacks" AS PERMISSIVE FOR ALL TO "headgate_platform" USING (true) WITH CHECK (true);
