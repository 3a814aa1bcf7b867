import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { librariesOf } from "./native-files.ts";

/** Loaded at run time, by name, when a host name is looked up: no program lists them. */
const NAME_SERVICE = ["libresolv.so.2", "libnss_dns.so.2", "libnss_files.so.2"];
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** What the public runtime base brings: C and C++ libraries, certificate authorities, a few names; here from this machine. */
export async function writeBaseRoot(root: string): Promise<void> {
  const libraries = await librariesOf(process.execPath);
  for (const path of [...libraries, ...nameServiceLibraries(libraries), ...certificates()]) place(root, path);
  write(
    root,
    "etc/passwd",
    "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
  );
  write(root, "etc/group", "root:x:0:\nnonroot:x:65532:\n");
  write(root, "etc/nsswitch.conf", "hosts: files dns\n");
  for (const folder of ["tmp", "var/lib", "usr/local/bin", "usr/bin"])
    mkdirSync(join(root, folder), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
}

/** The runtime base with Node in the place where the public Node image has it. */
export async function writeNodeRoot(root: string): Promise<void> {
  await writeBaseRoot(root);
  const target = join(root, "usr/local/bin/node");
  copyFileSync(realpathSync(process.execPath), target);
  chmodSync(target, 0o755);
}

export function nameServiceLibraries(libraries: readonly string[]): readonly string[] {
  const libc = libraries.find((path) => path.includes("/libc.so"));
  if (libc === undefined) throw new Error("this Node does not use the GNU C library");
  return NAME_SERVICE.map((name) => join(dirname(libc), name));
}

export function certificates(): readonly string[] {
  return existsSync(CERTIFICATES) ? [CERTIFICATES] : [];
}

/** Copies a file of this machine to the same path below `root`, with links resolved. */
export function place(root: string, path: string, target = path): void {
  const copy = join(root, target);
  mkdirSync(dirname(copy), { recursive: true });
  cpSync(realpathSync(path), copy);
  chmodSync(copy, target.includes(".so") || target.includes("/bin/") ? 0o755 : 0o644);
}

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
