/**
 * Who may use a connection, and when. Each kind of work has connections that the others cannot take, each tenant a share
 * of those of a kind, and those who wait take turns: whoever asks for much waits for himself alone.
 */
import { Fault } from "../lib/fault.ts";

export interface LaneRules {
  /** Connections that this kind of work uses at most. */
  readonly slots: number;
  /** Of these, so many for one tenant at once. */
  readonly share: number;
  /** So many of one tenant wait at most. */
  readonly waitingOfOneMax: number;
  /** And so many of all. */
  readonly waitingMax: number;
}

export interface TurnsOptions<Work extends string> {
  /** Connections in all. */
  readonly slots: number;
  readonly lanes: Readonly<Record<Work, LaneRules>>;
  /** Nobody waits for longer. */
  readonly waitMs: number;
}

export interface Turns<Work extends string> {
  /**
   * Resolves when it is the turn of `who`, with the function that ends the turn. Faults: `api.rate_limited` where it has
   * too much of its own in the way, `api.unavailable` where others do.
   */
  take(work: Work, who: string): Promise<() => void>;
}

interface Guest {
  running: number;
  readonly waiting: Set<() => void>;
}

interface Lane {
  readonly rules: LaneRules;
  running: number;
  waiting: number;
  /** Whoever was served last is the last; who has nothing running and nothing waiting is not there. */
  readonly guests: Map<string, Guest>;
}

export function createTurns<Work extends string>({
  slots,
  lanes: rules,
  waitMs,
}: TurnsOptions<Work>): Turns<Work> {
  const lanes = new Map<string, Lane>(
    Object.entries<LaneRules>(rules).map(([work, own]) => [
      work,
      { rules: own, running: 0, waiting: 0, guests: new Map() },
    ]),
  );
  let running = 0;

  function begin(lane: Lane, who: string): () => void {
    const guest = guestOf(lane, who);
    running += 1;
    lane.running += 1;
    guest.running += 1;
    lane.guests.delete(who);
    lane.guests.set(who, guest);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      running -= 1;
      lane.running -= 1;
      guest.running -= 1;
      forgetIdle(lane, who, guest);
      callNext();
    };
  }

  /** The kinds of work take turns as well, for where there are fewer connections than kinds. */
  function callNext(): void {
    for (const [work, lane] of [...lanes]) {
      if (running >= slots) return;
      const next = nextOf(lane);
      if (next === undefined) continue;
      lanes.delete(work);
      lanes.set(work, lane);
      next();
    }
  }

  return {
    async take(work, who) {
      const lane = lanes.get(work);
      if (lane === undefined) throw new TypeError(`there is no such work: ${work}`);
      const guest = guestOf(lane, who);
      if (running < slots && lane.waiting === 0 && hasRoom(lane, guest)) return begin(lane, who);
      if (guest.waiting.size >= lane.rules.waitingOfOneMax) throw new Fault("api.rate_limited");
      if (lane.waiting >= lane.rules.waitingMax) {
        forgetIdle(lane, who, guest);
        throw new Fault("api.unavailable");
      }
      return new Promise((resolve, reject) => {
        const leave = () => {
          clearTimeout(timer);
          guest.waiting.delete(come);
          lane.waiting -= 1;
        };
        const come = () => {
          leave();
          resolve(begin(lane, who));
        };
        const timer = setTimeout(() => {
          leave();
          reject(new Fault(guest.running > 0 ? "api.rate_limited" : "api.unavailable"));
          forgetIdle(lane, who, guest);
        }, waitMs);
        guest.waiting.add(come);
        lane.waiting += 1;
        // Others may wait for nothing but their own share.
        callNext();
      });
    },
  };
}

function guestOf(lane: Lane, who: string): Guest {
  const known = lane.guests.get(who);
  if (known !== undefined) return known;
  const guest: Guest = { running: 0, waiting: new Set() };
  lane.guests.set(who, guest);
  return guest;
}

function forgetIdle(lane: Lane, who: string, guest: Guest): void {
  if (guest.running === 0 && guest.waiting.size === 0) lane.guests.delete(who);
}

function hasRoom({ rules, running }: Lane, guest: Guest): boolean {
  return running < rules.slots && guest.running < rules.share;
}

function nextOf(lane: Lane): (() => void) | undefined {
  for (const guest of lane.guests.values()) {
    const [first] = guest.waiting;
    if (first !== undefined && hasRoom(lane, guest)) return first;
  }
  return undefined;
}
