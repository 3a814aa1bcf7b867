/** What a tenant's pods may be. */
import { at, listAt } from "../values.ts";
import { containersOf, type ObjectRule, podSpecOf } from "./kubernetes-object.ts";

const HOST_NAMESPACES = ["hostNetwork", "hostPID", "hostIPC"];

export const noHostAccess: ObjectRule = {
  name: "no-host-access",
  description:
    "Pods share nothing with their node: no network, no processes, no files, no ports, no privilege.",
  check(object) {
    const spec = podSpecOf(object);
    const shared = HOST_NAMESPACES.filter((field) => isSet(at(spec, field))).map(
      (field) => `${field} is set.`,
    );
    const paths = listAt(spec, "volumes")
      .filter((volume) => at(volume, "hostPath") !== undefined)
      .map((volume) => `The volume ${String(at(volume, "name"))} is a path of the node.`);
    const containers = containersOf(object).flatMap(({ name, container }) => [
      ...(isSet(at(container, "securityContext", "privileged"))
        ? [`The container ${name} is privileged.`]
        : []),
      ...(listAt(container, "ports").some((port) => isSet(at(port, "hostPort")))
        ? [`The container ${name} takes a port of the node.`]
        : []),
    ]);
    return [...shared, ...paths, ...containers];
  },
};

export const hardenedContainers: ObjectRule = {
  name: "hardened-containers",
  description:
    "No root, no write to the image, no capabilities, no way to more rights, the runtime's seccomp profile.",
  check(object) {
    const pod = at(podSpecOf(object), "securityContext");
    return containersOf(object).flatMap(({ name, container }) => {
      const own = at(container, "securityContext");
      const either = (...path: string[]) => at(own, ...path) ?? at(pod, ...path);
      const demands: [boolean, string][] = [
        [either("runAsNonRoot") === true, "may run as root"],
        [either("runAsUser") !== 0, "runs as root"],
        [either("seccompProfile", "type") === "RuntimeDefault", "lacks the runtime's seccomp profile"],
        [at(own, "readOnlyRootFilesystem") === true, "may write to its image"],
        [at(own, "allowPrivilegeEscalation") === false, "may gain privileges"],
        [listAt(own, "capabilities", "drop").includes("ALL"), "keeps capabilities"],
        [listAt(own, "capabilities", "add").length === 0, "adds capabilities"],
      ];
      return demands.filter(([holds]) => !holds).map(([, fault]) => `The container ${name} ${fault}.`);
    });
  },
};

export const boundedContainers: ObjectRule = {
  name: "bounded-containers",
  description: "Every container asks for CPU and memory, and may take no more memory than it asked for.",
  check: (object) =>
    containersOf(object).flatMap(({ name, container }) => {
      const memory = at(container, "resources", "requests", "memory");
      const demands: [boolean, string][] = [
        [isSet(at(container, "resources", "requests", "cpu")), "asks for no CPU"],
        [isSet(memory), "asks for no memory"],
        [
          isSet(memory) && at(container, "resources", "limits", "memory") === memory,
          "has not its memory as limit",
        ],
      ];
      return demands.filter(([holds]) => !holds).map(([, fault]) => `The container ${name} ${fault}.`);
    }),
};

export const imagesByDigest: ObjectRule = {
  name: "images-by-digest",
  description: "What was reviewed is what runs: images are named by digest.",
  check: (object) =>
    containersOf(object)
      .filter(({ container }) => !/@sha256:[0-9a-f]{64}$/.test(String(at(container, "image"))))
      .map(
        ({ name, container }) =>
          `The container ${name} runs ${String(at(container, "image"))}, which is no digest.`,
      ),
};

export const noApiToken: ObjectRule = {
  name: "no-api-token",
  description: "Neither pods nor accounts mount a token for the API server.",
  check(object) {
    const holder = object.kind === "ServiceAccount" ? object.manifest : podSpecOf(object);
    if (holder === undefined) return [];
    return at(holder, "automountServiceAccountToken") === false
      ? []
      : ["automountServiceAccountToken is not false."];
  },
};

const SECRET_NAME = /(TOKEN|SECRET|PASSWORD|CREDENTIAL|KEY)$/;
/** The forms of our own keys and tokens. */
const SECRET_VALUE = /\bhg[a-z]{1,2}_[1-9A-HJ-NP-Za-km-z]{20,}/;

export const noSecretsInEnvironment: ObjectRule = {
  name: "no-secrets-in-environment",
  description: "Secrets are files: an environment leaks into crash dumps and child processes.",
  check: (object) =>
    containersOf(object).flatMap(({ name, container }) => {
      const variables = listAt(container, "env").filter(
        (variable) =>
          at(variable, "valueFrom", "secretKeyRef") !== undefined ||
          SECRET_VALUE.test(String(at(variable, "value"))) ||
          (SECRET_NAME.test(String(at(variable, "name"))) &&
            at(variable, "valueFrom", "fieldRef") === undefined),
      );
      const whole = listAt(container, "envFrom").some((source) => at(source, "secretRef") !== undefined);
      return [
        ...variables.map(
          (variable) => `The container ${name} has a secret in ${String(at(variable, "name"))}.`,
        ),
        ...(whole ? [`The container ${name} has a whole Secret in its environment.`] : []),
      ];
    }),
};

const isSet = (value: unknown) => value !== undefined && value !== null && value !== false && value !== 0;
