/** What becomes of a connection that a pod begins, found out from within the pod, which needs nothing but Node for it. */
import type { Kubectl } from "../node/kubectl.ts";

export interface PodPlace {
  readonly namespace: string;
  readonly pod: string;
}

export interface Target {
  /** `name`: asks the pod's resolver for the host's address. */
  readonly by: "tcp" | "udp" | "name";
  readonly host: string;
  readonly port: number;
}

/** What is neither keeps its name. */
export type Outcome = "open" | "refused" | (string & {});

const PATIENCE_MS = 2_000;

/** Tries all of them at once. A closed port refuses too: that a target answers must be known from elsewhere. */
export async function probe(
  kubectl: Kubectl,
  from: PodPlace,
  targets: Readonly<Record<string, Target>>,
): Promise<Record<string, Outcome>> {
  const answer = await runInPod(kubectl, from, PROBE, JSON.stringify(targets));
  return JSON.parse(answer) as Record<string, Outcome>;
}

/** The status of the answer to a request that a pod makes, or why there was none. */
export async function requestFrom(
  kubectl: Kubectl,
  from: PodPlace,
  request: {
    readonly url: string;
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  },
): Promise<string> {
  return (await runInPod(kubectl, from, REQUEST, JSON.stringify(request))).trim();
}

function runInPod(kubectl: Kubectl, { namespace, pod }: PodPlace, code: string, input: string) {
  return kubectl(["-n", namespace, "exec", pod, "--", "/usr/local/bin/node", "-e", code, input]);
}

const PROBE = `
const { connect } = require("node:net");
const { createSocket } = require("node:dgram");
const { Resolver } = require("node:dns").promises;
const outcome = ({ code }) => (["ECONNREFUSED", "EHOSTUNREACH"].includes(code) ? "refused" : code);
const tries = {
  tcp: ({ host, port }, done) => {
    const socket = connect({ host, port }, () => done("open"));
    socket.on("error", (error) => done(outcome(error)));
  },
  udp: ({ host, port }, done) => {
    const socket = createSocket("udp4");
    socket.on("error", (error) => done(outcome(error)));
    socket.on("message", () => done("open"));
    socket.connect(port, host, () => socket.send("anybody?"));
  },
  name: ({ host }, done) =>
    new Resolver({ timeout: 1000, tries: 2 }).resolve4(host).then(() => done("open"), (error) => done(outcome(error))),
};
const targets = Object.entries(JSON.parse(process.argv[1]));
Promise.all(targets.map(([name, target]) => new Promise((resolve) => {
  const done = (result) => resolve([name, result]);
  tries[target.by](target, done);
  setTimeout(() => done("silence"), ${PATIENCE_MS});
}))).then((results) => {
  console.log(JSON.stringify(Object.fromEntries(results)));
  process.exit();
});
`;

const REQUEST = `
const { url, ...init } = JSON.parse(process.argv[1]);
fetch(url, init).then(
  async (answer) => {
    await answer.text();
    console.log(answer.status);
  },
  (error) => console.log(String(error.cause?.code ?? error)),
);
`;
