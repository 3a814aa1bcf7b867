import { expect, test } from "vitest";
import { grpcTarget } from "./server-address.ts";

test.each([
  ["https://otlp.observability.example", "otlp.observability.example:443"],
  ["https://otlp.observability.example:443", "otlp.observability.example:443"],
  ["http://otlp.observability.example", "otlp.observability.example:80"],
  ["http://otlp.observability.example:80/", "otlp.observability.example:80"],
  ["http://otel.monitoring.svc:4317", "otel.monitoring.svc:4317"],
  ["https://[fd00::1]", "[fd00::1]:443"],
])("a server that is %s has a port for gRPC: %s", (url, target) => {
  expect(grpcTarget(url)).toBe(target);
});
