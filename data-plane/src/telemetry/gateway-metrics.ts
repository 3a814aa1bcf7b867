/**
 * What the data plane measures, in Prometheus' words; docs/metrics.md lists them. The tenant is constant for a data
 * plane and so is no label; providers and what is called are labels only by names from the snapshot, agents never are.
 * What a kind of call counts beside is its protocol's.
 */
import { errorRow, isErrorCode } from "@headgate/sdk/contract";
import type { Registry } from "prom-client";
import type { Exchange } from "../pipeline/exchange.ts";
import { counterCells, type HistogramSeries, histogramCells } from "./cell-metrics.ts";

const STAGE_BOUNDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 10, 60, 320,
];
const HTTP_BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 80, 160, 320];

export interface GatewayMetrics<StageName extends string> {
  /** Requests that are over, and those of them that failed by a fault of the gateway itself. */
  readonly calls: { readonly total: number; readonly faults: number };
  /** Time spent in each stage, in seconds. */
  readonly stages: Readonly<Record<StageName, HistogramSeries>>;
  /** A request that is over. */
  request(exchange: Exchange, durationMs: number, outcome: string): void;
  /** An attempt after which another target was tried, or none was left. */
  failedAttempt(provider: string, code: string): void;
  /** A request that could not even be read. */
  unreadable(code: string): void;
}

export function createGatewayMetrics<StageName extends string>(
  registry: Registry,
  stageNames: readonly StageName[],
): GatewayMetrics<StageName> {
  const stages = histogramCells({
    registry,
    name: "headgate_request_stage_seconds",
    help: "Time in each stage of the pipeline; forward includes the provider's time.",
    labelNames: ["stage"],
    bounds: STAGE_BOUNDS,
    seriesMax: stageNames.length,
  });
  const requests = counterCells({
    registry,
    name: "headgate_requests_total",
    help: "Requests by endpoint, status sent and outcome (success, a denial or failure code, or client_aborted).",
    labelNames: ["endpoint", "status", "outcome"],
  });
  const durations = histogramCells({
    registry,
    name: "headgate_request_duration_seconds",
    help: "Time from the first byte of a request to the last byte of its answer.",
    labelNames: ["endpoint", "status_class"],
    bounds: HTTP_BOUNDS,
  });
  const denials = counterCells({
    registry,
    name: "headgate_denials_total",
    help: "Refused requests by code; which rule or limit refused is in the audit record.",
    labelNames: ["code"],
  });
  const attempts = counterCells({
    registry,
    name: "headgate_upstream_failures_total",
    help: "Calls to providers that failed before anything was sent to the agent.",
    labelNames: ["provider", "code"],
  });
  const unreadable = counterCells({
    registry,
    name: "headgate_unreadable_requests_total",
    help: "Connections closed because what came on them was not a request.",
    labelNames: ["code"],
  });

  const calls = { total: 0, faults: 0 };

  return {
    calls,
    stages: Object.fromEntries(stageNames.map((name) => [name, stages.series(name)])) as Record<
      StageName,
      HistogramSeries
    >,
    request(exchange, durationMs, outcome) {
      calls.total += 1;
      if (isOwnFault(outcome)) calls.faults += 1;
      const endpoint = exchange.endpoint?.name ?? "unknown";
      requests.add(1, endpoint, String(exchange.statusSent), outcome);
      durations.observe(durationMs / 1_000, endpoint, statusClass(exchange.statusSent));
      if (exchange.refusal !== undefined) denials.add(1, exchange.refusal.code);
      exchange.call?.count(exchange.attempts, exchange.firstTokenMs);
    },
    failedAttempt: (provider, code) => attempts.add(1, provider, code),
    unreadable: (code) => unreadable.add(1, code),
  };
}

/** A process that is asked to end and says so is not at fault. */
function isOwnFault(outcome: string): boolean {
  return isErrorCode(outcome) && outcome !== "gateway.draining" && errorRow(outcome).blame === "platform";
}

function statusClass(status: number): string {
  return status === 0 ? "none" : `${Math.floor(status / 100)}xx`;
}
