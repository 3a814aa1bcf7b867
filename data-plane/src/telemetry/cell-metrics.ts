/**
 * Counters and histograms for the hot path. A caller finds its cell by a string key (or keeps the cell), and counting
 * is an addition: labels are written out only when metrics are scraped, by prom-client's registry.
 */
import { Counter, type Histogram, type Registry } from "prom-client";

export interface CounterCells {
  /** Adds to the series of these label values, in the order of the label names. */
  add(amount: number, ...values: readonly string[]): void;
}

export interface HistogramCells {
  /** Observes a value in the metric's own unit. */
  observe(value: number, ...values: readonly string[]): void;
  /** One series, for whoever observes it often. */
  series(...values: readonly string[]): HistogramSeries;
}

export interface HistogramSeries {
  observe(value: number): void;
}

export interface CellOptions {
  readonly registry: Registry;
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** Beyond so many series, new label values are counted under `other`. */
  readonly seriesMax?: number;
}

const SERIES_MAX = 500;
const SEPARATOR = "\u0000";

export function counterCells(options: CellOptions): CounterCells {
  const cells = createCells(options, () => ({ value: 0 }));
  new Counter({
    name: options.name,
    help: options.help,
    labelNames: [...options.labelNames],
    registers: [options.registry],
    collect() {
      this.reset();
      for (const { labels, cell } of cells.all()) this.inc(labels, cell.value);
    },
  });
  return {
    add(amount, ...values) {
      cells.at(values).value += amount;
    },
  };
}

/** `bounds` are upper bounds, ascending, without infinity. */
export function histogramCells(
  options: CellOptions & { readonly bounds: readonly number[] },
): HistogramCells {
  const { name, help, bounds } = options;
  const cells = createCells(options, () => ({ sum: 0, counts: new Float64Array(bounds.length + 1) }));
  const metric = {
    name,
    help,
    type: "histogram",
    aggregator: "sum",
    reset: () => cells.clear(),
    get: async () => ({
      name,
      help,
      type: "histogram",
      aggregator: "sum",
      values: [...cells.all()].flatMap(({ labels, cell }) => samples(name, labels, cell, bounds)),
    }),
  };
  // The registry asks a metric for nothing but what stands above.
  options.registry.registerMetric(metric as unknown as Histogram);
  return {
    observe: (value, ...values) => count(cells.at(values), bounds, value),
    series(...values) {
      const cell = cells.at(values);
      return { observe: (value) => count(cell, bounds, value) };
    },
  };
}

interface HistogramCell {
  sum: number;
  readonly counts: Float64Array;
}

function count(cell: HistogramCell, bounds: readonly number[], value: number): void {
  cell.sum += value;
  let bucket = 0;
  while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket += 1;
  cell.counts[bucket] = (cell.counts[bucket] ?? 0) + 1;
}

type Labels = Record<string, string>;

function samples(name: string, labels: Labels, cell: HistogramCell, bounds: readonly number[]) {
  let total = 0;
  const buckets = Array.from(cell.counts, (count, index) => {
    total += count;
    return {
      metricName: `${name}_bucket`,
      labels: { ...labels, le: String(bounds[index] ?? "+Inf") },
      value: total,
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: cell.sum },
    { metricName: `${name}_count`, labels, value: total },
  ];
}

function createCells<Cell>({ labelNames, seriesMax = SERIES_MAX }: CellOptions, create: () => Cell) {
  const cells = new Map<string, { labels: Labels; cell: Cell }>();
  const overflow = labelNames.map(() => "other");

  function at(values: readonly string[]): Cell {
    const key = values.length === 1 ? (values[0] ?? "") : values.join(SEPARATOR);
    const known = cells.get(key);
    if (known !== undefined) return known.cell;
    if (cells.size >= seriesMax && values !== overflow) return at(overflow);
    const labels = Object.fromEntries(labelNames.map((label, index) => [label, values[index] ?? ""]));
    const cell = create();
    cells.set(key, { labels, cell });
    return cell;
  }

  return { at, all: () => cells.values(), clear: () => cells.clear() };
}
