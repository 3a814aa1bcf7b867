/** Quantities read back, independently of how they were written: cores and bytes as numbers. */
const UNITS: Readonly<Record<string, number>> = { "": 1, m: 0.001, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };

export function quantityOf(text: string | undefined): number {
  const [, digits = "", unit = ""] = /^(\d+)([A-Za-z]*)$/.exec(text ?? "") ?? [];
  const scale = UNITS[unit];
  if (digits === "" || scale === undefined) throw new RangeError(`not a quantity: ${text}`);
  return Number(digits) * scale;
}
