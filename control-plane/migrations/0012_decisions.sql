-- Calls that were refused or failed, as data planes tell of them.
CREATE TABLE "decisions" (
	"tenant_id" text NOT NULL,
	"decision_id" text NOT NULL,
	"data_plane_id" text NOT NULL,
	"received_at" bigint NOT NULL,
	"request_id" text NOT NULL,
	"at" bigint NOT NULL,
	"code" text NOT NULL,
	"status" integer NOT NULL,
	"revision" bigint NOT NULL,
	"agent_id" text,
	"agent_name" text,
	"key_id" text,
	"endpoint" text,
	"called" text,
	"policy_id" text,
	"policy_name" text,
	"parameter" text,
	"facts" jsonb,
	CONSTRAINT "decisions_tenant_id_decision_id_pk" PRIMARY KEY("tenant_id","decision_id")
);
--> statement-breakpoint
ALTER TABLE "decisions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "decisions" ADD CONSTRAINT "decisions_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "decisions_received_index" ON "decisions" USING btree ("tenant_id","received_at");--> statement-breakpoint
CREATE INDEX "decisions_agent_index" ON "decisions" USING btree ("tenant_id","agent_id","decision_id");--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "decisions" AS PERMISSIVE FOR ALL TO "headgate_app" USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')) WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), ''));--> statement-breakpoint
ALTER TABLE "decisions" FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE "decisions" OWNER TO headgate_owner;
--> statement-breakpoint
GRANT SELECT, INSERT, DELETE ON "decisions" TO headgate_app;
