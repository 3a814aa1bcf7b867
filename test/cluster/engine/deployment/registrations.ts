import { randomUUID } from "node:crypto";
import { type ResourceState, STACK_TYPE } from "../backend/state.ts";
import { detailedDiff } from "../kubernetes/diff.ts";
import type { Applied, Diff, KubernetesProvider } from "../kubernetes/provider.ts";
import {
  expandPath,
  formatPropertyPath,
  getAt,
  liesWithin,
  parsePropertyPath,
  withAt,
} from "../property-path.ts";
import { KUBERNETES_PLUGIN_VERSION } from "../version.ts";
import { type JsonObject, toSecret, UNKNOWN } from "../wire.ts";
import { defaultProvider } from "./default-providers.ts";
import { deleteOne, dependentReplacements } from "./deletions.ts";
import type { Step } from "./events.ts";
import type { Goal } from "./goal.ts";
import { diffProvider, PROVIDER_PREFIX, splitReference } from "./providers.ts";
import { HaltedError, type Run } from "./run.ts";
import { perform, record } from "./steps.ts";
import { urnOf } from "./urn.ts";

/** Brings what the program registers about: from each goal and what the state knows of it to a step. */
export class Registrations {
  readonly #run: Run;
  /** Under which old names the resources of this run were found. */
  readonly #renamed = new Map<string, string>();
  readonly #seen = new Set<string>();
  /** Deleted already, because what they depend on was replaced. */
  readonly #deletedForReplacement = new Map<string, ResourceState>();

  /** Not created, for they are no targets. */
  readonly #skipped = new Set<string>();
  readonly #defaultProvider: (type: string) => Promise<string>;

  constructor(run: Run) {
    this.#run = run;
    this.#defaultProvider = defaultProvider(run, KUBERNETES_PLUGIN_VERSION, (goal) => this.register(goal));
  }

  async register(goal: Goal): Promise<ResourceState> {
    const { project, stack } = this.#run.options;
    const urn = urnOf({ project, stack, ...goal });
    this.#run.refuseIfHalted();
    try {
      if (this.#seen.has(urn))
        throw new Error(`Duplicate resource URN '${urn}'; try giving it a unique name`);
      this.#seen.add(urn);
      const old = this.#find(goal, urn);
      if (old !== undefined && old.urn !== urn) this.#renamed.set(urn, old.urn);
      const draft = stateOf(goal, urn);
      if (!this.#run.options.targets.includes(draft)) return this.#untouched(draft, old);
      const missing = goal.dependencies.find((dependency) => this.#skipped.has(dependency));
      if (missing !== undefined)
        throw new Error(`Resource '${urn}' depends on '${missing}', which was not created: it is no target`);
      if (!goal.custom) return this.#component(goal, urn, old);
      if (goal.type.startsWith(PROVIDER_PREFIX)) return await this.#provider(goal, urn, old);
      return await this.#object(goal, urn, old);
    } catch (error) {
      this.#run.fail(urn, error);
      throw new HaltedError();
    }
  }

  /** What is no target stays as it was; if it was not, it is not made, and what it would be is unknown. */
  #untouched(draft: ResourceState, old: ResourceState | undefined): ResourceState {
    if (old !== undefined)
      return record(this.#run, { op: "same", urn: draft.urn, type: draft.type, old, new: old });
    this.#skipped.add(draft.urn);
    return { ...draft, id: UNKNOWN };
  }

  #component(goal: Goal, urn: string, old: ResourceState | undefined): ResourceState {
    const state = { ...stateOf(goal, urn), outputs: old?.outputs ?? {}, created: old?.created ?? now() };
    return record(this.#run, {
      op: old === undefined ? "create" : "same",
      urn,
      type: goal.type,
      old,
      new: state,
    });
  }

  async #provider(goal: Goal, urn: string, old: ResourceState | undefined): Promise<ResourceState> {
    const { dryRun, providers, journal } = this.#run.options;
    if (goal.inputs["renderYamlToDirectory"] !== undefined)
      throw new Error("the stand-in does not imitate renderYamlToDirectory");
    const inputs = goal.version === "" ? goal.inputs : { ...goal.inputs, version: goal.version };
    const draft = { ...stateOf({ ...goal, inputs }, urn), outputs: inputs };
    const change = old === undefined ? "create" : diffProvider(old.inputs, inputs);
    const id =
      change === "create" || change === "replace" ? (dryRun ? UNKNOWN : randomUUID()) : (old?.id ?? "");
    const state = { ...draft, id, created: change === "create" ? now() : (old?.created ?? now()) };
    providers.from(state);
    if (change === "same") return record(this.#run, { op: "same", urn, type: goal.type, old, new: state });
    if (change === "replace" && old !== undefined) journal.substitute(old, { ...old, delete: true });
    const step: Step = {
      op: change,
      urn,
      type: goal.type,
      old: change === "update" ? old : undefined,
      new: state,
    };
    return this.#performed({
      step,
      pending: change === "update" ? "updating" : "creating",
      act: async () => state,
    });
  }

  async #object(wanted: Goal, urn: string, found: ResourceState | undefined): Promise<ResourceState> {
    const { providers } = this.#run.options;
    refuseOtherTypes(wanted);
    const goal = { ...wanted, provider: wanted.provider ?? (await this.#defaultProvider(wanted.type)) };
    const old = found?.external === true ? undefined : found;
    const provider = providers.of(goal.provider);
    const checked = provider.check(goal.inputs, goal.name, old);
    const inputs = old === undefined ? checked : withIgnored(checked, old.inputs, goal.ignoreChanges);
    const draft = { ...stateOf({ ...goal, inputs }, urn), created: old?.created ?? now() };
    const replaced = this.#deletedForReplacement.get(urn);
    if (old === undefined) return this.#create(goal, provider, draft, replaced);

    const diff = provider.diff(old, inputs);
    const triggers = goal.replaceOnChanges.map(parsePropertyPath);
    const asked = diff.changes.filter(({ path }) => triggers.some((pattern) => liesWithin(path, pattern)));
    const isElsewhere = splitReference(old.provider ?? "")[1] !== providers.stateOf(goal.provider)?.id;
    if (isElsewhere || diff.replaces.length > 0 || asked.length > 0)
      return this.#replace({ goal, provider, draft, old, diff, isElsewhere });
    const told = describe(diff, provider, inputs);
    if (diff.changes.length === 0 && old.initErrors === undefined) {
      const state = { ...draft, id: old.id ?? "", outputs: old.outputs };
      return record(this.#run, { op: "same", urn, type: goal.type, old, new: state });
    }
    const act = async () => finished(draft, await provider.update(old, inputs, this.#optionsFor(goal)));
    const step: Step = {
      op: "update",
      urn,
      type: goal.type,
      old,
      new: { ...draft, id: old.id ?? "", outputs: old.outputs },
      ...told,
    };
    return this.#performed({ step, pending: "updating", act });
  }

  #create(
    goal: Goal,
    provider: KubernetesProvider,
    draft: ResourceState,
    replaced?: ResourceState,
  ): Promise<ResourceState> {
    const act = async () =>
      finished(draft, await provider.create(draft.urn, draft.inputs, this.#optionsFor(goal)));
    const step: Step = {
      op: replaced === undefined ? "create" : "create-replacement",
      urn: draft.urn,
      type: draft.type,
      new: draft,
      replacing: replaced !== undefined,
    };
    const created = this.#performed({ step, pending: "creating", act });
    if (replaced === undefined) return created;
    return created.then((state) => {
      const whole: Step = { op: "replace", urn: draft.urn, type: draft.type, old: replaced, new: state };
      this.#run.options.events.begun(whole);
      this.#run.options.events.done(whole);
      return state;
    });
  }

  async #replace(change: {
    goal: Goal;
    provider: KubernetesProvider;
    draft: ResourceState;
    old: ResourceState;
    diff: Diff;
    isElsewhere: boolean;
  }): Promise<ResourceState> {
    const { goal, provider, draft, old, diff, isElsewhere } = change;
    const { journal, providers } = this.#run.options;
    if (old.protect === true) throw new Error(`unable to replace resource "${old.urn}": it is protected`);
    if (!(goal.deleteBeforeReplace ?? (diff.deleteBeforeReplace || isElsewhere))) {
      journal.substitute(old, { ...old, delete: true });
      return this.#create(goal, provider, draft, old);
    }
    const isIdentity = (state: ResourceState, property: string) =>
      property === "metadata" ||
      providers
        .of(state.provider)
        .immutable(state.inputs)
        .some(([first]) => first === property);
    const dependents = dependentReplacements(journal.old, old, isIdentity);
    for (const state of [...dependents, old]) {
      await deleteOne(this.#run, state, { doomed: [], replacing: true });
      this.#deletedForReplacement.set(state.urn, state);
    }
    return this.#create(goal, provider, draft, old);
  }

  async #performed(work: Parameters<typeof perform>[1]): Promise<ResourceState> {
    const state = await perform(this.#run, work);
    if (state === undefined) throw new Error("a registration ends with a state");
    return state;
  }

  /** The old state of a resource: by its name, by one of its other names, or by its parent's. */
  #find(goal: Goal, urn: string): ResourceState | undefined {
    const { journal, project, stack } = this.#run.options;
    const candidates = journal.old.filter((state) => state.delete !== true);
    const byUrn = (wanted: string) => candidates.find((state) => state.urn === wanted);
    const parents = [goal.parent, this.#renamed.get(goal.parent ?? "")];
    const aliases = goal.aliases.flatMap((alias) =>
      typeof alias === "string"
        ? [alias]
        : parents.map((parent) => urnOf({ project, stack, ...goal, parent, ...alias })),
    );
    const inherited = parents
      .slice(1)
      .flatMap((parent) => (parent === undefined ? [] : [urnOf({ project, stack, ...goal, parent })]));
    return [urn, ...aliases, ...inherited].map(byUrn).find((state) => state !== undefined);
  }

  #optionsFor(goal: Goal) {
    const { dryRun, cancelled } = this.#run.options;
    const timeouts = goal.customTimeouts;
    return {
      dryRun,
      signal: cancelled,
      ignoreChanges: goal.ignoreChanges,
      ...(timeouts === undefined ? {} : { timeouts }),
    };
  }
}

function refuseOtherTypes({ type, inputs }: Goal): void {
  const kind = inputs["kind"];
  const isObject =
    type.startsWith("kubernetes:") && typeof kind === "string" && typeof inputs["apiVersion"] === "string";
  if (!isObject || type.endsWith(`:${kind}Patch`))
    throw new Error(`the stand-in has no provider for ${type}`);
}

function stateOf(goal: Goal, urn: string): ResourceState {
  const { type, custom, inputs, parent, provider, dependencies, propertyDependencies } = goal;
  return {
    urn,
    type,
    custom,
    inputs,
    outputs: {},
    ...(parent === undefined || type === STACK_TYPE ? {} : { parent }),
    ...(provider === undefined ? {} : { provider }),
    ...(dependencies.length > 0 ? { dependencies } : {}),
    ...(Object.keys(propertyDependencies).length > 0 ? { propertyDependencies } : {}),
    ...(goal.protect ? { protect: true } : {}),
    ...(goal.retainOnDelete ? { retainOnDelete: true } : {}),
    ...(goal.deletedWith === undefined ? {} : { deletedWith: goal.deletedWith }),
    ...(goal.ignoreChanges.length > 0 ? { ignoreChanges: goal.ignoreChanges } : {}),
    ...(goal.additionalSecretOutputs.length > 0
      ? { additionalSecretOutputs: goal.additionalSecretOutputs }
      : {}),
    ...(goal.customTimeouts === undefined ? {} : { customTimeouts: goal.customTimeouts }),
  };
}

function finished(draft: ResourceState, applied: Applied): ResourceState {
  const outputs: JsonObject = { ...applied.outputs };
  for (const key of draft.additionalSecretOutputs ?? []) {
    if (outputs[key] !== undefined) outputs[key] = toSecret(outputs[key]);
  }
  return { ...draft, ...applied, outputs, modified: now() };
}

/** The inputs with the old values wherever the program wants changes ignored. */
function withIgnored(inputs: JsonObject, old: JsonObject, ignored: readonly string[]): JsonObject {
  const paths = ignored
    .map(parsePropertyPath)
    .flatMap((path) => [...expandPath(inputs, path), ...expandPath(old, path)]);
  return paths.reduce((result, path) => withAt(result, path, getAt(old, path)) as JsonObject, inputs);
}

function describe({ changes }: Diff, provider: KubernetesProvider, inputs: JsonObject) {
  const keys = [...new Set(changes.map(({ path }) => formatPropertyPath(path.slice(0, 1))))];
  return { diffs: keys, detailedDiff: detailedDiff(changes, provider.immutable(inputs)) };
}

function now(): string {
  return new Date().toISOString();
}
