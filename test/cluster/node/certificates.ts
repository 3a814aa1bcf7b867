import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runSync } from "../parts/run.ts";
import { NETWORK } from "./addresses.ts";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  /** Signs the API server's certificate, and the one by which it calls the kubelet. */
  readonly ca: Certificate;
  readonly apiServer: Certificate;
  readonly kubeletClient: Certificate;
  /** A second root, for requests that the API server passes on to aggregated APIs. */
  readonly frontProxyCa: Certificate;
  readonly frontProxy: Certificate;
  /** Signs service account tokens. */
  readonly serviceAccounts: { readonly privateKey: string; readonly publicKey: string };
}

/** All the keys of one node, as files that live as long as it does. */
export function makeCertificates(dir: string): Certificates {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const ca = makeRoot(dir, "ca");
  const frontProxyCa = makeRoot(dir, "front-proxy-ca");
  const names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"];
  const addresses = [NETWORK.address, NETWORK.kubernetesService, "127.0.0.1"];
  const alternatives = [
    ...[...names, `kubernetes.default.svc.${NETWORK.domain}`].map((name) => `DNS:${name}`),
    ...addresses.map((address) => `IP:${address}`),
  ];
  return {
    ca,
    frontProxyCa,
    apiServer: issue(dir, "api-server", { root: ca, subject: "/CN=kube-apiserver", alternatives }),
    kubeletClient: issue(dir, "kubelet-client", { root: ca, subject: "/O=system:masters/CN=kube-apiserver" }),
    frontProxy: issue(dir, "front-proxy", { root: frontProxyCa, subject: "/CN=front-proxy" }),
    serviceAccounts: makeServiceAccountKeys(dir),
  };
}

export function makeRoot(dir: string, name: string): Certificate {
  const { cert, key } = paths(dir, name);
  openssl([
    ...REQUEST,
    "-x509",
    "-days",
    DAYS,
    "-subj",
    `/CN=headgate-${name}`,
    "-keyout",
    key,
    "-out",
    cert,
  ]);
  return { cert, key };
}

interface Issue {
  readonly root: Certificate;
  readonly subject: string;
  readonly alternatives?: readonly string[];
}

/** The subject is what openssl takes for one, such as `/CN=name`; alternatives such as `DNS:name`. */
export function issue(dir: string, name: string, { root, subject, alternatives = [] }: Issue): Certificate {
  const { cert, key } = paths(dir, name);
  const request = join(dir, `${name}.csr`);
  const extensions = join(dir, `${name}.ext`);
  const san = alternatives.length > 0 ? `\nsubjectAltName=${alternatives.join(",")}` : "";
  writeFileSync(extensions, `extendedKeyUsage=serverAuth,clientAuth${san}\n`);
  openssl([...REQUEST, "-subj", subject, "-keyout", key, "-out", request]);
  openssl([
    ...["x509", "-req", "-sha256", "-days", DAYS, "-in", request, "-out", cert],
    ...["-CA", root.cert, "-CAkey", root.key, "-CAcreateserial", "-extfile", extensions],
  ]);
  return { cert, key };
}

const DAYS = "30";
const REQUEST = [
  ...["req", "-new", "-nodes", "-sha256"],
  ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
];

function makeServiceAccountKeys(dir: string): Certificates["serviceAccounts"] {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2_048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const files = { privateKey: join(dir, "sa.key"), publicKey: join(dir, "sa.pub") };
  writeFileSync(files.privateKey, privateKey, { mode: 0o600 });
  writeFileSync(files.publicKey, publicKey);
  return files;
}

function paths(dir: string, name: string): Certificate {
  return { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
}

function openssl(args: readonly string[]): void {
  const { ok, output } = runSync("openssl", args);
  if (!ok) throw new Error(`openssl ${args.join(" ")}: ${output}`);
}
