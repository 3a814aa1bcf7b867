/**
 * Loaded (`--import`) into each process that the harness starts: when the harness is gone, its end of the pipe is
 * closed, and the process is asked to end. Processes that such a process starts in turn have another parent and are
 * left to it.
 */
if (process.env["HARNESS_PARENT_PID"] === String(process.ppid)) {
  process.stdin.once("end", () => process.kill(process.pid, "SIGTERM"));
  process.stdin.resume();
  (process.stdin as unknown as { unref(): void }).unref();
}
delete process.env["HARNESS_PARENT_PID"];
