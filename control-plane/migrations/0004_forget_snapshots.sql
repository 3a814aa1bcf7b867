-- Old revisions may be forgotten; what a revision said is still never changed.
DROP TRIGGER snapshots_immutable ON snapshots;
--> statement-breakpoint
CREATE TRIGGER snapshots_immutable BEFORE UPDATE OR TRUNCATE ON snapshots
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
GRANT DELETE ON snapshots TO headgate_app;
