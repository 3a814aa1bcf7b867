/**
 * What a plan means in numbers, whatever provisions the data plane: a child process takes the size of one replica,
 * a cluster takes all of it. Kubernetes words are used where Kubernetes has one.
 */
import { z } from "zod";

const count = z.int().positive();

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
    /** From the signal to stop until what still runs is cut off. */
    drainSeconds: count,
  }),
  /** All replicas of the tenant together, those of a rolling update included. */
  quota: z.strictObject({ cpuMillicores: count, memoryMib: count, pods: count }),
});

export type PlanNumbers = Readonly<z.infer<typeof planNumbersSchema>>;

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

export const PLANS = checked({
  starter: {
    replicas: { min: 1, max: 2 },
    replica: {
      cpuMillicores: 250,
      memoryMib: 512,
      heapMib: 384,
      spoolBytesMax: 256 * MIB,
      logBytesMax: 16 * MIB,
      drainSeconds: 30,
    },
    quota: { cpuMillicores: 1_000, memoryMib: 2_048, pods: 4 },
  },
  team: {
    replicas: { min: 2, max: 6 },
    replica: {
      cpuMillicores: 500,
      memoryMib: 1_024,
      heapMib: 768,
      spoolBytesMax: GIB,
      logBytesMax: 64 * MIB,
      drainSeconds: 60,
    },
    quota: { cpuMillicores: 5_000, memoryMib: 10_240, pods: 10 },
  },
  enterprise: {
    replicas: { min: 3, max: 24 },
    replica: {
      cpuMillicores: 1_000,
      memoryMib: 2_048,
      heapMib: 1_536,
      spoolBytesMax: 4 * GIB,
      logBytesMax: 128 * MIB,
      drainSeconds: 120,
    },
    quota: { cpuMillicores: 32_000, memoryMib: 65_536, pods: 32 },
  },
});

export type Plan = keyof typeof PLANS;

/** The numbers of a plan. Throws a RangeError for a name that is no plan. */
export function planNumbers(plan: string): PlanNumbers {
  if (!Object.hasOwn(PLANS, plan)) throw new RangeError(`no such plan: ${plan}`);
  return PLANS[plan as Plan];
}

/** The most replicas that exist at one moment: all of them, plus a quarter more (rounded up) in a rolling update. */
export function replicasAtOnce(numbers: PlanNumbers): number {
  return numbers.replicas.max + Math.ceil(numbers.replicas.max / 4);
}

function checked<P extends string>(plans: Record<P, PlanNumbers>): Readonly<Record<P, PlanNumbers>> {
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
  const { replicas, replica, quota } = numbers;
  const atOnce = replicasAtOnce(numbers);
  const rules: [boolean, string][] = [
    [replicas.min <= replicas.max, "replicas.min is above replicas.max"],
    [replica.heapMib <= replica.memoryMib * 0.75, "the heap leaves less than a quarter of the memory"],
    [atOnce * replica.cpuMillicores <= quota.cpuMillicores, "a rolling update does not fit the quota of CPU"],
    [atOnce * replica.memoryMib <= quota.memoryMib, "a rolling update does not fit the quota of memory"],
    [atOnce <= quota.pods, "a rolling update does not fit the quota of pods"],
  ];
  return rules.filter(([holds]) => !holds).map(([, fault]) => fault);
}
