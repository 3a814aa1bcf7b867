/**
 * Which price holds for a unit of work at a moment. A version speaks of one vendor, one dimension and one upstream
 * model, or of all whose name starts with what stands before its `*`. Of the versions valid at that moment the most
 * specific wins: the exact name first, then the longest prefix. None means unknown, which is not zero.
 */

export interface PriceVersion {
  readonly id: string;
  readonly vendor: string;
  readonly model: string;
  readonly dimension: string;
  /** US dollars for one million units. */
  readonly usdPerMillion: string;
  /** Unix milliseconds of a whole minute. */
  readonly validFrom: number;
  /** Exclusive; null while it is open. */
  readonly validTo: number | null;
}

export interface PriceBook {
  priceAt(usage: PricedUsage, atMs: number): PriceVersion | undefined;
  /** The moments strictly between the bounds at which any price starts or ends, ascending. */
  changesBetween(fromMs: number, toMs: number): number[];
}

/** What a price is found by. */
export interface PricedUsage {
  readonly vendor: string;
  readonly upstreamModel: string;
  readonly dimension: string;
}

export function createPriceBook(versions: readonly PriceVersion[]): PriceBook {
  const byVendorAndDimension = Map.groupBy(versions.toSorted(mostSpecificFirst), ({ vendor, dimension }) =>
    JSON.stringify([vendor, dimension]),
  );
  return {
    priceAt({ vendor, upstreamModel, dimension }, atMs) {
      return byVendorAndDimension
        .get(JSON.stringify([vendor, dimension]))
        ?.find((version) => isValidAt(version, atMs) && modelMatches(version.model, upstreamModel));
    },
    changesBetween(fromMs, toMs) {
      const moments = versions.flatMap(({ validFrom, validTo }) =>
        validTo === null ? [validFrom] : [validFrom, validTo],
      );
      return [...new Set(moments)].filter((at) => at > fromMs && at < toMs).sort((a, b) => a - b);
    },
  };
}

/** True when a price's model, exact or ending in `*`, covers this upstream model. */
export function modelMatches(pattern: string, upstreamModel: string): boolean {
  return pattern.endsWith("*") ? upstreamModel.startsWith(pattern.slice(0, -1)) : upstreamModel === pattern;
}

function isValidAt({ validFrom, validTo }: PriceVersion, atMs: number): boolean {
  return validFrom <= atMs && (validTo === null || atMs < validTo);
}

function mostSpecificFirst(a: PriceVersion, b: PriceVersion): number {
  const prefixes = Number(a.model.endsWith("*")) - Number(b.model.endsWith("*"));
  return prefixes === 0 ? b.model.length - a.model.length : prefixes;
}
