/**
 * The keys that a region's cluster signs its tokens with (a JWK Set, RFC 7517): as they were given with the region, or
 * fetched from where it says. Fetched ones are kept for a while, fetched anew for a key that is not known, and still
 * good while their place cannot be reached.
 */
import {
  type CryptoKey,
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTHeaderParameters,
} from "jose";
import { z } from "zod";
import type { RegionRow } from "../../db/schema/provisioning.ts";
import type { Clock } from "../../lib/clock.ts";
import { isLocalNetworkUrl } from "./local-network-url.ts";

const jwkSet = z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(100) });

export type RegionIssuer = RegionRow["issuer"];

export interface IssuerKeys {
  /** Throws a `JOSEError` where no such key is the issuer's, and another error where the keys cannot be had. */
  keyFor(issuer: RegionIssuer, header: JWTHeaderParameters): Promise<CryptoKey>;
}

/** Answers the body of a 200, or throws. */
export type FetchText = (url: string) => Promise<string>;

const FRESH_MS = 10 * 60_000;
/** Tokens with keys that nobody knows must not make us ask at each of them. */
const ASK_AGAIN_MS = 30_000;

export function createIssuerKeys({
  clock,
  fetchText = fetchBounded,
}: {
  clock: Clock;
  fetchText?: FetchText;
}): IssuerKeys {
  const kept = new Map<string, { keys: JSONWebKeySet | undefined; fetchedAt: number; askedAt: number }>();
  const asking = new Map<string, Promise<JSONWebKeySet>>();

  async function ask(url: string): Promise<JSONWebKeySet> {
    const before = kept.get(url);
    const askedAt = clock.monotonicMs();
    try {
      const keys = jwkSet.parse(JSON.parse(await fetchText(url))) as JSONWebKeySet;
      kept.set(url, { keys, fetchedAt: askedAt, askedAt });
      return keys;
    } catch (cause) {
      kept.set(url, { keys: before?.keys, fetchedAt: before?.fetchedAt ?? 0, askedAt });
      if (before?.keys !== undefined) return before.keys;
      throw new Error("the issuer's keys cannot be fetched", { cause });
    }
  }

  function askOnce(url: string): Promise<JSONWebKeySet> {
    const running = asking.get(url) ?? ask(url).finally(() => asking.delete(url));
    asking.set(url, running);
    return running;
  }

  async function fetched(issuer: RegionIssuer, olderThanMs: number): Promise<JSONWebKeySet> {
    const url = issuer.jwks_url ?? "";
    requireAllowed(issuer, url);
    const now = clock.monotonicMs();
    const known = kept.get(url);
    if (known === undefined) return askOnce(url);
    const rested = now - known.askedAt >= ASK_AGAIN_MS;
    if (rested && (known.keys === undefined || now - known.fetchedAt >= olderThanMs)) return askOnce(url);
    if (known.keys === undefined) throw new Error("the issuer's keys cannot be fetched");
    return known.keys;
  }

  return {
    async keyFor(issuer, header) {
      if (issuer.jwks !== undefined) return keyIn(issuer.jwks as JSONWebKeySet, header);
      try {
        return await keyIn(await fetched(issuer, FRESH_MS), header);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        return keyIn(await fetched(issuer, 0), header);
      }
    },
  };
}

async function keyIn(keys: JSONWebKeySet, header: JWTHeaderParameters): Promise<CryptoKey> {
  return createLocalJWKSet(keys)(header);
}

function requireAllowed({ allow_http }: RegionIssuer, url: string): void {
  const { protocol } = URL.parse(url) ?? { protocol: "" };
  if (protocol === "https:") return;
  if (protocol === "http:" && allow_http === true && isLocalNetworkUrl(url)) return;
  throw new Error("the issuer's keys are not at an address that may be asked");
}

const FETCH_TIMEOUT_MS = 5_000;
const KEYS_BYTES_MAX = 256 * 1024;

async function fetchBounded(url: string): Promise<string> {
  const response = await fetch(url, {
    redirect: "error",
    headers: { accept: "application/jwk-set+json, application/json" },
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (response.status !== 200)
    throw new Error(`the issuer's keys were answered with status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > KEYS_BYTES_MAX) throw new Error("the issuer's keys are too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
