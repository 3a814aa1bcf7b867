import fc from "fast-check";
import { LONGEST_STREAM_SECONDS, type PlanNumbers } from "../plans.ts";

const MIB = 1024 * 1024;

/** Any numbers that a plan may have. */
export const arbitraryPlanNumbers: fc.Arbitrary<PlanNumbers> = fc
  .record({
    min: fc.integer({ min: 2, max: 10 }),
    more: fc.integer({ min: 0, max: 60 }),
    cpuMillicores: fc.integer({ min: 10, max: 8_000 }),
    memoryMib: fc.integer({ min: 64, max: 16_384 }),
    spoolMib: fc.integer({ min: 1, max: 8_192 }),
    drainMore: fc.integer({ min: 0, max: 10_000 }),
    spool: fc.constantFrom("node" as const, "persistent" as const),
    zones: fc.constantFrom("preferred" as const, "required" as const),
    collector: fc.option(
      fc.record({
        replicas: fc.integer({ min: 1, max: 5 }),
        cpuMillicores: fc.integer({ min: 10, max: 2_000 }),
        memoryMib: fc.integer({ min: 64, max: 4_096 }),
        queueBytesMax: fc.integer({ min: MIB, max: 4_096 * MIB }),
      }),
    ),
  })
  .map(({ min, more, cpuMillicores, memoryMib, spoolMib, drainMore, spool, zones, collector }) => ({
    replicas: { min, max: min + more },
    replica: {
      cpuMillicores,
      memoryMib,
      heapMib: Math.floor(memoryMib * 0.75),
      spoolBytesMax: spoolMib * MIB,
      logBytesMax: MIB,
      drainSeconds: LONGEST_STREAM_SECONDS + drainMore,
      streamsTarget: 100,
    },
    spool,
    zones,
    collector,
    agent: { pods: 1, cpuMillicores: 100, memoryMib: 128, diskMib: 128 },
  }));
