/** Reads Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/). */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly samples: readonly Sample[];
}

/** Families by name; the buckets, sum and count of a histogram belong to it. */
export function parseMetrics(text: string): Map<string, Family> {
  const families = new Map<string, { type: string; samples: Sample[] }>();
  for (const line of text.split("\n")) {
    const [, declared, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (declared !== undefined) families.set(declared, { type: type ?? "", samples: [] });
    const [, name, labels = "", value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
    if (family === undefined) throw new Error(`a sample of no family: ${line}`);
    family.samples.push({ name, labels: parseLabels(labels), value: Number(value) });
  }
  return families;
}

/** The sum of a family's samples that have these labels. */
export function sumOf(
  families: Map<string, Family>,
  name: string,
  labels: Record<string, string> = {},
): number {
  return (families.get(name)?.samples ?? [])
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

export function seriesOf(families: Map<string, Family>): number {
  return [...families.values()].reduce((sum, { samples }) => sum + samples.length, 0);
}

function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name, value]),
  );
}
