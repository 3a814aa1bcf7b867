/**
 * The versions of the wire formats between the planes. A receiver accepts the current version and the one
 * before it; the number rises only when a format changes in a way that an older reader would misread.
 */
export const CONTRACT_VERSION = 1;
export const SNAPSHOT_SCHEMA = "headgate.snapshot/1";
export const USAGE_BATCH_SCHEMA = "headgate.usage-batch/1";
export const HEARTBEAT_SCHEMA = "headgate.heartbeat/1";
