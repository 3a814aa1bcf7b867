/**
 * What a plan means in numbers, whatever provisions the data plane: a child process takes the size of one replica,
 * a cluster takes all of it. Kubernetes words are used where Kubernetes has one.
 */
import { targetTimeouts } from "@headgate/sdk/contract";
import { z } from "zod";

const count = z.int().positive();

const collectorNumbers = z.strictObject({
  replicas: count,
  cpuMillicores: count,
  memoryMib: count,
  /** Telemetry on disk that its destination has not taken yet, of one replica. */
  queueBytesMax: count,
});

const planNumbersSchema = z.strictObject({
  replicas: z.strictObject({ min: count, max: count }),
  /** One replica. Memory is request and limit at once, so that a replica is never killed for what it was promised. */
  replica: z.strictObject({
    cpuMillicores: count,
    memoryMib: count,
    /** JavaScript heap; the rest of the memory is for buffers, code and threads. */
    heapMib: count,
    /** Usage on disk that the control plane has not acknowledged yet. */
    spoolBytesMax: count,
    /** One log file; the one before it is kept too. */
    logBytesMax: count,
    /** From the signal to stop until what still runs is cut off. It only matters while calls run. */
    drainSeconds: count,
    /** Open streams of a replica, on average, above which there shall be more replicas. */
    streamsTarget: count,
  }),
  /** Where replicas keep their spools: on their node's disk, or on a volume that outlives nodes. */
  spool: z.enum(["node", "persistent"]),
  /** Whether a replica rather waits than stand where its zone would have more of them than another. */
  zones: z.enum(["preferred", "required"]),
  /** The tenant's own OpenTelemetry collector; null where the cluster's shared one does. */
  collector: collectorNumbers.nullable(),
  /** What one agent that runs with us may hold of the cluster, in a namespace of its own. */
  agent: z.strictObject({
    pods: count,
    cpuMillicores: count,
    memoryMib: count,
    diskMib: count,
  }),
});

export type PlanNumbers = Readonly<z.infer<typeof planNumbersSchema>>;
export type CollectorNumbers = z.infer<typeof collectorNumbers>;

export const PLAN_NAMES = ["starter", "team", "enterprise"] as const;
export type Plan = (typeof PLAN_NAMES)[number];

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** The longest that one attempt, and so one stream, may be allowed to take. */
export const LONGEST_STREAM_SECONDS = (targetTimeouts.shape.total_ms.maxValue ?? Number.NaN) / 1_000;

export const PLANS = checked({
  starter: {
    replicas: { min: 2, max: 4 },
    replica: {
      cpuMillicores: 100,
      memoryMib: 384,
      heapMib: 288,
      spoolBytesMax: 256 * MIB,
      logBytesMax: 16 * MIB,
      drainSeconds: LONGEST_STREAM_SECONDS,
      streamsTarget: 50,
    },
    spool: "node",
    zones: "preferred",
    collector: null,
    agent: { pods: 2, cpuMillicores: 500, memoryMib: 1_024, diskMib: 2_048 },
  },
  team: {
    replicas: { min: 2, max: 6 },
    replica: {
      cpuMillicores: 500,
      memoryMib: 1_024,
      heapMib: 768,
      spoolBytesMax: GIB,
      logBytesMax: 64 * MIB,
      drainSeconds: LONGEST_STREAM_SECONDS,
      streamsTarget: 200,
    },
    spool: "persistent",
    zones: "preferred",
    collector: { replicas: 1, cpuMillicores: 100, memoryMib: 256, queueBytesMax: 256 * MIB },
    agent: { pods: 10, cpuMillicores: 4_000, memoryMib: 8_192, diskMib: 20_480 },
  },
  enterprise: {
    replicas: { min: 3, max: 24 },
    replica: {
      cpuMillicores: 1_000,
      memoryMib: 2_048,
      heapMib: 1_536,
      spoolBytesMax: 4 * GIB,
      logBytesMax: 128 * MIB,
      drainSeconds: LONGEST_STREAM_SECONDS,
      streamsTarget: 400,
    },
    spool: "persistent",
    zones: "required",
    collector: { replicas: 2, cpuMillicores: 250, memoryMib: 512, queueBytesMax: GIB },
    agent: { pods: 50, cpuMillicores: 16_000, memoryMib: 32_768, diskMib: 102_400 },
  },
});

/** The numbers of a plan. Throws a RangeError for a name that is no plan. */
export function planNumbers(plan: string): PlanNumbers {
  if (!Object.hasOwn(PLANS, plan)) throw new RangeError(`no such plan: ${plan}`);
  return PLANS[plan as Plan];
}

/** The most replicas that take calls at one moment: all of them, plus a quarter (rounded up) in a rolling update. */
export function replicasAtOnce(numbers: PlanNumbers): number {
  return numbers.replicas.max + Math.ceil(numbers.replicas.max / 4);
}

/**
 * The most replicas that exist at one moment. An update does not wait for the streams of the replicas it has replaced:
 * they go on, and count, until their streams have ended, so that for a while all of them may be there twice.
 */
export function replicasWithDraining(numbers: PlanNumbers): number {
  return Math.max(replicasAtOnce(numbers), 2 * numbers.replicas.max);
}

function checked(plans: Record<Plan, PlanNumbers>): Readonly<Record<Plan, PlanNumbers>> {
  for (const [name, numbers] of Object.entries<PlanNumbers>(plans)) {
    const faults = planFaults(numbers);
    if (faults.length > 0) throw new RangeError(`plan ${name}: ${faults.join("; ")}`);
  }
  return plans;
}

/** What is wrong with a plan's numbers, in words; empty when nothing is. */
export function planFaults(numbers: PlanNumbers): string[] {
  const parsed = planNumbersSchema.safeParse(numbers);
  if (!parsed.success) {
    return parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  }
  const { replicas, replica } = numbers;
  const rules: [boolean, string][] = [
    [replicas.min >= 2, "replicas.min is below 2, so that a node could not be emptied without an outage"],
    [replicas.min <= replicas.max, "replicas.min is above replicas.max"],
    [replica.heapMib <= replica.memoryMib * 0.75, "the heap leaves less than a quarter of the memory"],
    [replica.drainSeconds >= LONGEST_STREAM_SECONDS, "a drain cuts off the longest streams"],
    [replica.spoolBytesMax >= MIB, "the spool is smaller than a data plane accepts"],
  ];
  return rules.filter(([holds]) => !holds).map(([, fault]) => fault);
}
