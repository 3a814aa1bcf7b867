import type { Id } from "@headgate/sdk/contract";
import { expect, test } from "vitest";
import { agentNamespace, tenantNamespace } from "./names.ts";

const UNIQUE = "01mcc5rm007777777777777777";

test("namespaces are named for ids, and are DNS labels", () => {
  expect(tenantNamespace(`ten_${UNIQUE}`)).toBe(`hg-${UNIQUE}`);
  expect(agentNamespace(`agt_${UNIQUE}`)).toBe(`hga-${UNIQUE}`);
});

test.each([
  "ten_",
  "ten_../../kube-system",
  `agt_${UNIQUE}`,
  `ten_${UNIQUE}x`,
  `ten_${UNIQUE.toUpperCase()}`,
  "",
])("%j names no tenant's namespace", (id) => {
  expect(() => tenantNamespace(id as Id<"tenant">)).toThrow(TypeError);
});
