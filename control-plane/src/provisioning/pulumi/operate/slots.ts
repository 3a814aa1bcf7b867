/** Who may run now: at most so many at once, in all and for each cluster, in the order in which they asked. */
export interface Slots<Key> {
  /** True when there is room; it then stays taken until it is given back. False puts the asker in line. */
  take(id: Key, cluster: string, now: number): boolean;
  /** Returns who is next in line, if there is anybody. */
  giveBack(id: Key): Key | undefined;
  readonly running: number;
  readonly waiting: number;
}

/** Who has not asked again for so long does not want it any more. */
const PATIENCE_MS = 60_000;

export function createSlots<Key>(options: { max: number; perCluster: number }): Slots<Key> {
  const taken = new Map<Key, string>();
  const line = new Map<Key, { cluster: string; askedAt: number }>();

  const takenIn = (cluster: string) => [...taken.values()].filter((other) => other === cluster).length;
  const freeFor = (cluster: string) =>
    Math.min(options.max - taken.size, options.perCluster - takenIn(cluster));

  /** How many could take the place before this one. */
  function ahead(id: Key, cluster: string): number {
    let count = 0;
    for (const [other, { cluster: theirs }] of line) {
      if (other === id) break;
      if (theirs === cluster || options.max - taken.size <= options.perCluster) count += 1;
    }
    return count;
  }

  return {
    take(id, cluster, now) {
      if (taken.has(id)) return false;
      for (const [other, { askedAt }] of line) if (now - askedAt > PATIENCE_MS) line.delete(other);
      line.set(id, { cluster, askedAt: now });
      if (ahead(id, cluster) >= freeFor(cluster)) return false;
      line.delete(id);
      taken.set(id, cluster);
      return true;
    },
    giveBack(id) {
      taken.delete(id);
      line.delete(id);
      return [...line].find(([, { cluster }]) => freeFor(cluster) > 0)?.[0];
    },
    get running() {
      return taken.size;
    },
    get waiting() {
      return line.size;
    },
  };
}
