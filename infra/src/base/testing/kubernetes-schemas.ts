import type { Manifest } from "../../manifest.ts";

type Model = new (data: object) => { validate(): void };

/** Whether Kubernetes' own schemas know the kind; those of custom resources come with whoever defines them. */
export function isBuiltIn({ apiVersion }: Manifest): boolean {
  return !/^(gateway\.networking\.k8s\.io|monitoring\.coreos\.com)\//.test(apiVersion);
}

/** Rejects with what is wrong with the object's fields. */
export async function validateManifest(manifest: Manifest): Promise<void> {
  const { apiVersion, kind } = manifest;
  const path = `kubernetes-models/${apiVersion}/${kind}`;
  const module: Record<string, Model> = await import(/* @vite-ignore */ path);
  const Model = module[kind];
  if (Model === undefined) throw new Error(`no schema of ${apiVersion} ${kind}`);
  new Model({ ...manifest }).validate();
}
