/**
 * Named sums of integers that are added to for every call and read now and then: what was added since the last
 * reading is kept in numbers, for as long as they are exact, and becomes a bigint only when it is read.
 */
export interface ExactSums {
  /** Throws a RangeError for what is not an integer. */
  add(name: string, quantity: number): void;
  /** The same for an integer of any size, written in decimal. */
  addDecimal(name: string, quantity: string): void;
  /** Sums of all that was added up to now; the map is not to be kept over a later addition. */
  read(): ReadonlyMap<string, bigint>;
  remove(name: string): void;
}

/** Goes on from `sums`, and owns the map from now on. */
export function createExactSums(sums: Map<string, bigint> = new Map()): ExactSums {
  const recent = new Map<string, number>();

  function addBig(name: string, quantity: bigint): void {
    sums.set(name, (sums.get(name) ?? 0n) + quantity);
  }

  function add(name: string, quantity: number): void {
    const sum = (recent.get(name) ?? 0) + quantity;
    if (Number.isSafeInteger(sum)) recent.set(name, sum);
    else addBig(name, BigInt(quantity));
  }

  return {
    add,
    addDecimal(name, quantity) {
      const number = Number(quantity);
      if (Number.isSafeInteger(number)) add(name, number);
      else addBig(name, BigInt(quantity));
    },
    read() {
      for (const [name, quantity] of recent) addBig(name, BigInt(quantity));
      recent.clear();
      return sums;
    },
    remove(name) {
      recent.delete(name);
      sums.delete(name);
    },
  };
}
