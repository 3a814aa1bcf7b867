import { expect, test } from "vitest";
import { makeClusterSettings, makeTenantSpec } from "../../testing/make-tenant-spec.ts";
import { describeTenant } from "../tenant.ts";
import { collectorConfigMap, collectorDeployment, collectorService } from "./collector.ts";
import { collectorConfig } from "./collector-config.ts";

const build = (exporterEndpoint = "https://otlp.observability.example") => {
  const tenant = describeTenant(
    makeTenantSpec({ cluster: makeClusterSettings({ collector: { endpoint: null, exporterEndpoint } }) }),
  );
  const { collector } = tenant;
  if (collector === null) throw new Error("no collector");
  return {
    config: collectorConfig(tenant, collector),
    configMap: collectorConfigMap(tenant, collector),
    deployment: collectorDeployment(tenant, collector),
    service: collectorService(tenant),
    collector,
  };
};

test("memory is looked at before anything else, for every signal", () => {
  const { pipelines } = build().config.service;
  expect(Object.keys(pipelines)).toEqual(["traces", "metrics", "logs"]);
  for (const { processors } of Object.values(pipelines)) expect(processors[0]).toBe("memory_limiter");
});

test("whose telemetry it is, is ours to say: the caller's word is dropped", () => {
  const { processors, service } = build().config;
  expect(processors["attributes/tenant"].actions).toEqual([{ key: "tenant.id", action: "delete" }]);
  expect(processors["resource/tenant"].attributes[0]).toEqual({
    key: "tenant.id",
    value: makeTenantSpec().tenantId,
    action: "upsert",
  });
  for (const pipeline of Object.values(service.pipelines)) {
    expect(pipeline.processors).toEqual(expect.arrayContaining(["attributes/tenant", "resource/tenant"]));
  }
});

test("what waits is on disk, in bytes that fit its volume, all signals together", () => {
  const { config, deployment, collector } = build();
  const { sending_queue: queue } = config.exporters.otlp_grpc;
  expect(queue).toMatchObject({ storage: "file_storage", sizer: "bytes" });
  const waiting = queue.queue_size * Object.keys(config.service.pipelines).length;
  expect(waiting).toBeGreaterThan(collector.queueBytesMax * 0.99);
  expect(config.service.extensions).toContain("file_storage");
  const { volumes, containers } = deployment.spec.template.spec;
  const volume = volumes.find(({ name }) => name === "queue");
  expect(Number.parseInt(volume?.emptyDir?.sizeLimit ?? "", 10) * 1024 * 1024).toBeGreaterThan(
    queue.queue_size,
  );
  expect(containers[0]?.volumeMounts).toContainEqual({
    name: "queue",
    mountPath: config.extensions.file_storage.directory,
  });
});

test.each([
  ["http://otel.monitoring.svc:4317", "otel.monitoring.svc:4317", true],
  ["https://otlp.observability.example", "otlp.observability.example:443", false],
])("telemetry for %s goes to %s, without TLS: %s", (exporterEndpoint, endpoint, insecure) => {
  expect(build(exporterEndpoint).config.exporters.otlp_grpc).toMatchObject({ endpoint, tls: { insecure } });
});

test("the mounted configuration is the one above, and another one is another revision of the pods", () => {
  const { config, configMap, deployment } = build();
  expect(JSON.parse(configMap.data["config.yaml"] ?? "")).toEqual(config);
  const digestOf = (built: ReturnType<typeof build>) => built.deployment.spec.template.metadata.annotations;
  expect(digestOf(build())).toEqual(deployment.spec.template.metadata.annotations);
  expect(digestOf(build("https://other.example"))).not.toEqual(digestOf(build()));
});

test("the Service leads to the ports that are listened on", () => {
  const { config, deployment, service } = build();
  const { http, grpc } = config.receivers.otlp.protocols;
  const ports = deployment.spec.template.spec.containers[0]?.ports ?? [];
  for (const { targetPort, port } of service.spec.ports) {
    expect(ports.find(({ name }) => name === targetPort)?.containerPort).toBe(port);
    expect([http.endpoint, grpc.endpoint]).toContain(`\${env:POD_IP}:${port}`);
  }
});
