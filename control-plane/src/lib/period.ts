/** From `fromMs` until just before `toMs`; Unix milliseconds. */
export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}
