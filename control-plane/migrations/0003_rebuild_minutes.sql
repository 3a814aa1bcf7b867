-- Minutes are a projection of the raw batches: they may be thrown away and made again, the batches may not.
GRANT DELETE ON usage_minutes, usage_minute_calls TO headgate_app;
