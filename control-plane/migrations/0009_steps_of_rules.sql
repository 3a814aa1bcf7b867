-- What each rule's condition can take is kept, so that all of a tenant's together can be bounded.
ALTER TABLE "rules" ADD COLUMN "steps" integer DEFAULT 0 NOT NULL;
