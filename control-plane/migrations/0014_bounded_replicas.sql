CREATE INDEX "usage_streams_begun_index" ON "usage_streams" USING btree ("tenant_id","data_plane_id","created_at");
--> statement-breakpoint
GRANT DELETE ON snapshot_acks TO headgate_app;
