import { expect, test } from "vitest";
import { classifyFailure, type FailureClass, retryAt } from "./classify-failure.ts";

const how = { stopped: null, reported: true, errorName: "CommandError" } as const;

/** As API servers, the engine and its Kubernetes provider say them. */
const SAID: [FailureClass, string][] = [
  [
    "quota",
    'pods "data-plane-7d9" is forbidden: exceeded quota: tenant, requested: pods=1, used: pods=4, limited: pods=4',
  ],
  ["quota", "0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available"],
  [
    "quota",
    'Deployment/data-plane: error creating: pods "x" is forbidden: failed quota: tenant: must specify limits.memory for: main',
  ],
  [
    "quota",
    "4 errors occurred: timed out waiting for the condition; [MinimumReplicasUnavailable]; FailedCreate: exceeded quota: tenant",
  ],
  [
    "refused",
    'pods "data-plane" is forbidden: violates PodSecurity "restricted:v1.36": allowPrivilegeEscalation != false',
  ],
  [
    "refused",
    "deployments.apps \"data-plane\" is forbidden: ValidatingAdmissionPolicy 'headgate-images' with binding 'headgate-images' denied request: an image by digest is needed",
  ],
  ["refused", 'admission webhook "validate.kyverno.svc" denied the request: no'],
  [
    "refused",
    'namespaces is forbidden: User "system:serviceaccount:headgate-system:worker" cannot create resource "namespaces"',
  ],
  ["refused", 'Deployment.apps "data-plane" is invalid: spec.selector: Invalid value: field is immutable'],
  [
    "refused",
    'resource mapping not found: no matches for kind "PodMonitor" in version "monitoring.coreos.com/v1"',
  ],
  ["refused", 'strict decoding error: unknown field "spec.replicaz"'],
  ["refused", 'pods "x" is forbidden: maximum memory usage per Container is 512Mi, but limit is 1Gi'],
  ["conflict", 'namespaces "hg-01" already exists'],
  [
    "conflict",
    'Server-Side Apply field conflict detected. Apply failed with 1 conflict: conflict with "kubectl-patch" using v1: .spec.hard.pods',
  ],
  [
    "conflict",
    "Operation cannot be fulfilled on deployments.apps: the object has been modified; please apply your changes to the latest version",
  ],
  [
    "retryable",
    'secrets "data-plane-join" is forbidden: unable to create new content in namespace hg-01 because it is being terminated',
  ],
  ["timeout", "Deployment/data-plane: timed out waiting to be Ready"],
  ["timeout", "'data-plane' timed out waiting to be Ready: minimum number of live Pods was not attained"],
  ["timeout", "containers with unready status: ErrImagePull: rpc error: not found"],
  ["retryable", 'Get "https://10.0.0.1/api": dial tcp 10.0.0.1:443: connect: connection refused'],
  ["retryable", "etcdserver: leader changed"],
  ["retryable", "unexpected EOF"],
  ["retryable", "something that nobody has seen before"],
];

test.each(SAID)("%s: %s", (expected, message) => {
  expect(classifyFailure({ ...how, message })).toBe(expected);
});

test.each<[string, Partial<Parameters<typeof classifyFailure>[0]>, FailureClass]>([
  ["a process that ended without a word", { reported: false }, "interrupted"],
  ["an operation that lost its lease", { stopped: "lease" }, "interrupted"],
  ["an operation that was asked to end", { stopped: "asked" }, "interrupted"],
  ["an operation that took too long", { stopped: "deadline" }, "timeout"],
  ["a process that was killed at its deadline", { stopped: "deadline", reported: false }, "interrupted"],
  ["a lock that nobody gave back", { errorName: "ConcurrentUpdateError" }, "interrupted"],
  ["the same in words", { message: "error: the stack is currently locked by 1 lock(s)." }, "interrupted"],
  ["a plan that takes a namespace away", { errorName: "PlanRefused", message: "Namespace/x" }, "refused"],
])("%s", (_, given, expected) => {
  expect(classifyFailure({ ...how, message: "update canceled", ...given })).toBe(expected);
});

test("what was cut off is taken up at once, but not for ever; all waits grow up to a bound", () => {
  const waitMs = (kind: FailureClass, failures: number, key = "a") =>
    retryAt({ kind, endedAt: 1_000 }, failures, key) - 1_000;
  expect(waitMs("interrupted", 1)).toBe(0);
  expect(waitMs("interrupted", 2)).toBeGreaterThan(0);
  for (const kind of ["quota", "conflict", "timeout", "refused", "retryable", "interrupted"] as const) {
    expect(waitMs(kind, 4)).toBeGreaterThan(waitMs(kind, 2));
    expect(waitMs(kind, 50)).toBeGreaterThanOrEqual(300_000);
    expect(waitMs(kind, 50)).toBeLessThanOrEqual(600_000);
    expect(waitMs(kind, 50)).not.toBe(waitMs(kind, 50, "b"));
  }
});
