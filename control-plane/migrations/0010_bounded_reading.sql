-- Batches say of which time their events are, and what is asked again and again of operations has indexes that begin with it.
ALTER TABLE "usage_batches" ADD COLUMN "events_from" bigint;--> statement-breakpoint
ALTER TABLE "usage_batches" ADD COLUMN "events_to" bigint;--> statement-breakpoint
CREATE INDEX "operations_waiting_index" ON "operations" USING btree ("data_plane_id","state","id");--> statement-breakpoint
CREATE INDEX "operations_last_index" ON "operations" USING btree ("data_plane_id","fencing_token","id") WHERE kind in ('up', 'destroy') and state <> 'queued';