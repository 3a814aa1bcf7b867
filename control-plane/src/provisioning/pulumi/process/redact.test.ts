import { expect, test } from "vitest";
import { createRedact, redactWithin, secretsOfKubeconfig } from "./redact.ts";

const JOIN = `hgj_${"A".repeat(40)}`;
const KUBECONFIG = `users:
- name: admin
  user:
    token: s3cr3t-t0ken-of-the-cluster
    client-key-data: ${Buffer.from("-----BEGIN EC PRIVATE KEY-----").toString("base64")}
`;

test.each([
  ["a secret as it is", `got ${JOIN}!`],
  ["a secret as base64, as in a Secret's data", `data: ${Buffer.from("a passphrase").toString("base64")}`],
  ["a secret inside JSON", JSON.stringify({ a: 'with "quotes" in it' })],
  ["the token of a kubeconfig", "Authorization: Bearer s3cr3t-t0ken-of-the-cluster"],
  ["a join secret that nobody named", `hgj_${"z".repeat(40)}`],
  ["an operator's token", `hgo_${"x".repeat(40)}`],
  ["a JWT", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"],
  ["a password in a URL", "postgres://headgate:p4ssw0rd@db.example.com/state"],
  ["a private key", "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----"],
])("%s is taken out", (_, text) => {
  const redact = createRedact([
    JOIN,
    "a passphrase",
    'with "quotes" in it',
    ...secretsOfKubeconfig(KUBECONFIG),
  ]);
  const left = redact(text);
  expect(left).toContain("[redacted]");
  expect(left).not.toMatch(/AAAA|zzzz|xxxx|passphrase|quotes|s3cr3t|eyJ|p4ssw0rd|MIIE|YSBwYXNz/);
});

test("ordinary text stays as it is", () => {
  const text = 'deployments.apps "data-plane" is forbidden: exceeded quota: tenant, requested: pods=1';
  expect(createRedact([JOIN, "", "pods"])(text)).toBe(text);
});

test("secrets are taken out of every text within a value, keys too", () => {
  const redacted = redactWithin({ [JOIN]: [1, null, { deep: JOIN }] }, createRedact([JOIN]));
  expect(redacted).toEqual({ "[redacted]": [1, null, { deep: "[redacted]" }] });
});
