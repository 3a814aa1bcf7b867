/** How large a region is built: the one table of its numbers. */
export interface RegionSize {
  /** For how many tenants of the middle plan the numbers below are meant; nothing enforces it. */
  readonly tenants: number;
  /** Nodes and pods at once. Half as many addresses again are asked of the network, since nodes take them in blocks of 16. */
  readonly podsMax: number;
  readonly database: {
    /** Aurora capacity units, 2 GiB of memory each. */
    readonly capacityMin: number;
    readonly capacityMax: number;
    readonly backupDays: number;
  };
  readonly counters: {
    readonly nodeType: string /** One primary, the others replicas in other zones. */;
    readonly nodes: number;
  };
  readonly logDays: number;
}

export const regionSizeNames = ["small", "standard", "large"] as const;
export type RegionSizeName = (typeof regionSizeNames)[number];

export const regionSizes: Readonly<Record<RegionSizeName, RegionSize>> = {
  small: {
    tenants: 50,
    podsMax: 1_000,
    database: { capacityMin: 0.5, capacityMax: 8, backupDays: 14 },
    counters: { nodeType: "cache.t4g.small", nodes: 2 },
    logDays: 30,
  },
  standard: {
    tenants: 500,
    podsMax: 6_000,
    database: { capacityMin: 2, capacityMax: 32, backupDays: 35 },
    counters: { nodeType: "cache.r7g.large", nodes: 3 },
    logDays: 90,
  },
  large: {
    tenants: 2_500,
    podsMax: 25_000,
    database: { capacityMin: 8, capacityMax: 128, backupDays: 35 },
    counters: { nodeType: "cache.r7g.2xlarge", nodes: 3 },
    logDays: 365,
  },
};

/** Addresses the private subnets must hold for a size. */
export function addressesNeeded(size: RegionSizeName): number {
  return Math.ceil(regionSizes[size].podsMax * 1.5);
}
