/* Generated from the control plane's router by control-plane/scripts/emit-router-types.ts. Do not edit. */
import type { KindsOf, Mutation, Query, Subscription } from "../client/procedure.ts";
import type { Id, UsageEvent } from "../contract/index.ts";

/** Every procedure of the API, by domain. */
export interface Api {
  system: {
    /** What runs here, and its clock. Needs no credential. */
    info: Query<Record<string, never> | undefined, {
      version: string;
      embedded: boolean;
      time: number;
    }>;
  };
  tenants: {
    /** The admin key is shown once: when the same call is made again it is null. */
    create: Mutation<{
      idempotency_key: string;
      name: string;
      display_name?: string | undefined;
      plan: "enterprise" | "starter" | "team";
      region: string;
      settings?: {
        body_bytes_max?: number | undefined;
        on_spool_full?: "keep_serving_unbilled" | "reject_traffic" | undefined;
      } | undefined;
    }, {
      tenant: {
        id: `ten_${string}`;
        name: string;
        display_name: string;
        plan: "enterprise" | "starter" | "team";
        region: string;
        settings: {
          body_bytes_max: number;
          on_spool_full: "keep_serving_unbilled" | "reject_traffic";
        };
        suspended: boolean;
        revision: number;
        created_at: number;
      };
      admin_key: string | null;
      data_plane: {
        id: `dpl_${string}`;
        tenant_id: `ten_${string}`;
        region: string;
        driver: string;
        generation: number;
        observed_generation: number;
        state: string;
        created_at: number;
      };
    }>;
    /** The tenant itself. */
    get: Query<Record<string, never> | undefined, {
      id: `ten_${string}`;
      name: string;
      display_name: string;
      plan: "enterprise" | "starter" | "team";
      region: string;
      settings: {
        body_bytes_max: number;
        on_spool_full: "keep_serving_unbilled" | "reject_traffic";
      };
      suspended: boolean;
      revision: number;
      created_at: number;
    }>;
    /** All tenants, in the order of their ids. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
    }, {
      items: {
        id: `ten_${string}`;
        name: string;
        display_name: string;
        plan: "enterprise" | "starter" | "team";
        region: string;
        settings: {
          body_bytes_max: number;
          on_spool_full: "keep_serving_unbilled" | "reject_traffic";
        };
        suspended: boolean;
        revision: number;
        created_at: number;
      }[];
      next_cursor: string | null;
    }>;
    /** Its agents are refused from the next revision on; nothing is taken away. */
    suspend: Mutation<{
      tenant_id: `ten_${string}`;
    }, {
      id: `ten_${string}`;
      name: string;
      display_name: string;
      plan: "enterprise" | "starter" | "team";
      region: string;
      settings: {
        body_bytes_max: number;
        on_spool_full: "keep_serving_unbilled" | "reject_traffic";
      };
      suspended: boolean;
      revision: number;
      created_at: number;
    }>;
    /** Its agents are served again from the next revision on. */
    resume: Mutation<{
      tenant_id: `ten_${string}`;
    }, {
      id: `ten_${string}`;
      name: string;
      display_name: string;
      plan: "enterprise" | "starter" | "team";
      region: string;
      settings: {
        body_bytes_max: number;
        on_spool_full: "keep_serving_unbilled" | "reject_traffic";
      };
      suspended: boolean;
      revision: number;
      created_at: number;
    }>;
    /** Its data plane follows: another size, another quota. */
    set_plan: Mutation<{
      tenant_id: `ten_${string}`;
      plan: "enterprise" | "starter" | "team";
    }, {
      id: `ten_${string}`;
      name: string;
      display_name: string;
      plan: "enterprise" | "starter" | "team";
      region: string;
      settings: {
        body_bytes_max: number;
        on_spool_full: "keep_serving_unbilled" | "reject_traffic";
      };
      suspended: boolean;
      revision: number;
      created_at: number;
    }>;
    /** Settings that are left out stay as they are. `expected_revision` is the tenant's. */
    update_settings: Mutation<{
      expected_revision?: number | undefined;
      settings: {
        body_bytes_max?: number | undefined;
        on_spool_full?: "keep_serving_unbilled" | "reject_traffic" | undefined;
      };
    }, {
      id: `ten_${string}`;
      name: string;
      display_name: string;
      plan: "enterprise" | "starter" | "team";
      region: string;
      settings: {
        body_bytes_max: number;
        on_spool_full: "keep_serving_unbilled" | "reject_traffic";
      };
      suspended: boolean;
      revision: number;
      created_at: number;
    }>;
  };
  agents: {
    /** An agent without keys; `keys.create` makes them. */
    create: Mutation<{
      labels?: {
        cost_center?: string | undefined;
        department?: string | undefined;
        environment?: string | undefined;
        team?: string | undefined;
      } | undefined;
      capabilities?: string[] | undefined;
      name: string;
    }, {
      id: `agt_${string}`;
      name: string;
      labels: {
        team?: string | undefined;
        cost_center?: string | undefined;
        department?: string | undefined;
        environment?: string | undefined;
      };
      capabilities: string[];
      disabled: boolean;
      created_at: number;
      revision: number;
    }>;
    /** One agent. */
    get: Query<{
      agent_id: `agt_${string}`;
    }, {
      id: `agt_${string}`;
      name: string;
      labels: {
        team?: string | undefined;
        cost_center?: string | undefined;
        department?: string | undefined;
        environment?: string | undefined;
      };
      capabilities: string[];
      disabled: boolean;
      created_at: number;
      revision: number;
    }>;
    /** In the order of their ids. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
    }, {
      items: {
        id: `agt_${string}`;
        name: string;
        labels: {
          team?: string | undefined;
          cost_center?: string | undefined;
          department?: string | undefined;
          environment?: string | undefined;
        };
        capabilities: string[];
        disabled: boolean;
        created_at: number;
        revision: number;
      }[];
      next_cursor: string | null;
    }>;
    /** A name that a rule's condition has in quotes is not changed: the rule would speak of another agent, or of none. */
    update: Mutation<{
      expected_revision?: number | undefined;
      labels?: {
        cost_center?: string | undefined;
        department?: string | undefined;
        environment?: string | undefined;
        team?: string | undefined;
      } | undefined;
      capabilities?: string[] | undefined;
      agent_id: `agt_${string}`;
      name?: string | undefined;
    }, {
      id: `agt_${string}`;
      name: string;
      labels: {
        team?: string | undefined;
        cost_center?: string | undefined;
        department?: string | undefined;
        environment?: string | undefined;
      };
      capabilities: string[];
      disabled: boolean;
      created_at: number;
      revision: number;
    }>;
    /** Its keys are refused until it is enabled again. */
    disable: Mutation<{
      expected_revision?: number | undefined;
      agent_id: `agt_${string}`;
    }, {
      id: `agt_${string}`;
      name: string;
      labels: {
        team?: string | undefined;
        cost_center?: string | undefined;
        department?: string | undefined;
        environment?: string | undefined;
      };
      capabilities: string[];
      disabled: boolean;
      created_at: number;
      revision: number;
    }>;
    /** Its keys are good again, but for those that were revoked. */
    enable: Mutation<{
      expected_revision?: number | undefined;
      agent_id: `agt_${string}`;
    }, {
      id: `agt_${string}`;
      name: string;
      labels: {
        team?: string | undefined;
        cost_center?: string | undefined;
        department?: string | undefined;
        environment?: string | undefined;
      };
      capabilities: string[];
      disabled: boolean;
      created_at: number;
      revision: number;
    }>;
    /** With its keys, for good; what it has used stays in the ledger under its id. Not while a limit or budget names it. */
    delete: Mutation<{
      expected_revision?: number | undefined;
      agent_id: `agt_${string}`;
    }, {
      id: `agt_${string}`;
      name: string;
      labels: {
        team?: string | undefined;
        cost_center?: string | undefined;
        department?: string | undefined;
        environment?: string | undefined;
      };
      capabilities: string[];
      disabled: boolean;
      created_at: number;
      revision: number;
    }>;
  };
  keys: {
    /** An agent's key for the gateway. The secret is shown this once. */
    create: Mutation<{
      agent_id: `agt_${string}`;
      name?: string | undefined;
      expires_at?: number | undefined;
    }, {
      key: {
        created_at: number;
        revision: number;
        id: `key_${string}`;
        kind: "admin" | "agent";
        agent_id: `agt_${string}` | null;
        name: string;
        handle: string;
        last4: string;
        expires_at: number | null;
        revoked_at: number | null;
      };
      secret: string;
    }>;
    /** A key for the API, with all rights in the tenant. Data planes never see it. */
    create_admin: Mutation<{
      name?: string | undefined;
    }, {
      key: {
        created_at: number;
        revision: number;
        id: `key_${string}`;
        kind: "admin" | "agent";
        agent_id: `agt_${string}` | null;
        name: string;
        handle: string;
        last4: string;
        expires_at: number | null;
        revoked_at: number | null;
      };
      secret: string;
    }>;
    /** One key, without its secret. */
    get: Query<{
      key_id: `key_${string}`;
    }, {
      created_at: number;
      revision: number;
      id: `key_${string}`;
      kind: "admin" | "agent";
      agent_id: `agt_${string}` | null;
      name: string;
      handle: string;
      last4: string;
      expires_at: number | null;
      revoked_at: number | null;
    }>;
    /** Of one agent or of all, in the order of their ids. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
      agent_id?: `agt_${string}` | undefined;
    }, {
      items: {
        created_at: number;
        revision: number;
        id: `key_${string}`;
        kind: "admin" | "agent";
        agent_id: `agt_${string}` | null;
        name: string;
        handle: string;
        last4: string;
        expires_at: number | null;
        revoked_at: number | null;
      }[];
      next_cursor: string | null;
    }>;
    /** Only the name can be changed. */
    update: Mutation<{
      expected_revision?: number | undefined;
      key_id: `key_${string}`;
      name?: string | undefined;
    }, {
      created_at: number;
      revision: number;
      id: `key_${string}`;
      kind: "admin" | "agent";
      agent_id: `agt_${string}` | null;
      name: string;
      handle: string;
      last4: string;
      expires_at: number | null;
      revoked_at: number | null;
    }>;
    /**
     * A new key in place of this one, which stays good for the overlap (seconds; 0 ends it at once), so that its users can
     * change over. The secret of the new one is shown this once.
     */
    rotate: Mutation<{
      expected_revision?: number | undefined;
      key_id: `key_${string}`;
      overlap_seconds?: number | undefined;
      expires_at?: number | undefined;
    }, {
      key: {
        created_at: number;
        revision: number;
        id: `key_${string}`;
        kind: "admin" | "agent";
        agent_id: `agt_${string}` | null;
        name: string;
        handle: string;
        last4: string;
        expires_at: number | null;
        revoked_at: number | null;
      };
      secret: string;
      replaced: {
        created_at: number;
        revision: number;
        id: `key_${string}`;
        kind: "admin" | "agent";
        agent_id: `agt_${string}` | null;
        name: string;
        handle: string;
        last4: string;
        expires_at: number | null;
        revoked_at: number | null;
      };
    }>;
    /** For good. Revoking a revoked one changes nothing; the last admin key stays. */
    revoke: Mutation<{
      expected_revision?: number | undefined;
      key_id: `key_${string}`;
    }, {
      created_at: number;
      revision: number;
      id: `key_${string}`;
      kind: "admin" | "agent";
      agent_id: `agt_${string}` | null;
      name: string;
      handle: string;
      last4: string;
      expires_at: number | null;
      revoked_at: number | null;
    }>;
    /** A key that is revoked: it is shown no more, and who presents it is told that it is unknown. */
    delete: Mutation<{
      expected_revision?: number | undefined;
      key_id: `key_${string}`;
    }, {
      created_at: number;
      revision: number;
      id: `key_${string}`;
      kind: "admin" | "agent";
      agent_id: `agt_${string}` | null;
      name: string;
      handle: string;
      last4: string;
      expires_at: number | null;
      revoked_at: number | null;
    }>;
  };
  providers: {
    /** Where models are called. The credential is kept sealed and never shown again. */
    create: Mutation<{
      name: string;
      dialect: "anthropic" | "openai";
      vendor: string;
      base_url: string;
      credential?: string | undefined;
      allowed_cidrs?: string[] | undefined;
    }, {
      id: `prv_${string}`;
      name: string;
      vendor: string;
      base_url: string;
      allowed_cidrs: string[];
      created_at: number;
      revision: number;
      dialect: "anthropic" | "openai";
      has_credential: boolean;
      secret_version: number;
    }>;
    /** One provider, without its credential. */
    get: Query<{
      provider_id: `prv_${string}`;
    }, {
      id: `prv_${string}`;
      name: string;
      vendor: string;
      base_url: string;
      allowed_cidrs: string[];
      created_at: number;
      revision: number;
      dialect: "anthropic" | "openai";
      has_credential: boolean;
      secret_version: number;
    }>;
    /** In the order of their ids. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
    }, {
      items: {
        id: `prv_${string}`;
        name: string;
        vendor: string;
        base_url: string;
        allowed_cidrs: string[];
        created_at: number;
        revision: number;
        dialect: "anthropic" | "openai";
        has_credential: boolean;
        secret_version: number;
      }[];
      next_cursor: string | null;
    }>;
    /** What is left out stays as it is. Calls that are under way end where they began. */
    update: Mutation<{
      expected_revision?: number | undefined;
      provider_id: `prv_${string}`;
      name?: string | undefined;
      base_url?: string | undefined;
      allowed_cidrs?: string[] | undefined;
    }, {
      id: `prv_${string}`;
      name: string;
      vendor: string;
      base_url: string;
      allowed_cidrs: string[];
      created_at: number;
      revision: number;
      dialect: "anthropic" | "openai";
      has_credential: boolean;
      secret_version: number;
    }>;
    /** Replaces the credential; it is never shown again. */
    set_credential: Mutation<{
      expected_revision?: number | undefined;
      provider_id: `prv_${string}`;
      credential: string;
    }, {
      id: `prv_${string}`;
      name: string;
      vendor: string;
      base_url: string;
      allowed_cidrs: string[];
      created_at: number;
      revision: number;
      dialect: "anthropic" | "openai";
      has_credential: boolean;
      secret_version: number;
    }>;
    /** Not while a route has a target there. */
    delete: Mutation<{
      expected_revision?: number | undefined;
      provider_id: `prv_${string}`;
    }, {
      id: `prv_${string}`;
      name: string;
      vendor: string;
      base_url: string;
      allowed_cidrs: string[];
      created_at: number;
      revision: number;
      dialect: "anthropic" | "openai";
      has_credential: boolean;
      secret_version: number;
    }>;
  };
  models: {
    /** A name that agents call. It is served once it has a route. */
    create: Mutation<{
      name: string;
      kind: "chat" | "embeddings";
      context_tokens_max: number;
      output_tokens_max: number;
    }, {
      id: `mdl_${string}`;
      name: string;
      kind: "chat" | "embeddings";
      context_tokens_max: number;
      output_tokens_max: number;
      created_at: number;
      revision: number;
    }>;
    /** One model. */
    get: Query<{
      model_id: `mdl_${string}`;
    }, {
      id: `mdl_${string}`;
      name: string;
      kind: "chat" | "embeddings";
      context_tokens_max: number;
      output_tokens_max: number;
      created_at: number;
      revision: number;
    }>;
    /** In the order of their ids. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
    }, {
      items: {
        id: `mdl_${string}`;
        name: string;
        kind: "chat" | "embeddings";
        context_tokens_max: number;
        output_tokens_max: number;
        created_at: number;
        revision: number;
      }[];
      next_cursor: string | null;
    }>;
    /**
     * A new name is what agents call from then on. The model's route, limits and budgets stay with it; a name that a
     * rule's condition has in quotes is not changed.
     */
    update: Mutation<{
      name?: string | undefined;
      context_tokens_max?: number | undefined;
      output_tokens_max?: number | undefined;
      expected_revision?: number | undefined;
      model_id: `mdl_${string}`;
    }, {
      id: `mdl_${string}`;
      name: string;
      kind: "chat" | "embeddings";
      context_tokens_max: number;
      output_tokens_max: number;
      created_at: number;
      revision: number;
    }>;
    /** Not while it has a route, or a limit or budget names it. */
    delete: Mutation<{
      expected_revision?: number | undefined;
      model_id: `mdl_${string}`;
    }, {
      id: `mdl_${string}`;
      name: string;
      kind: "chat" | "embeddings";
      context_tokens_max: number;
      output_tokens_max: number;
      created_at: number;
      revision: number;
    }>;
  };
  routes: {
    /** The model's route, new or in place of the one it has. A target that stays keeps its id. */
    put: Mutation<{
      expected_revision?: number | undefined;
      model_id: `mdl_${string}`;
      targets: {
        provider_id: `prv_${string}`;
        upstream_model: string;
        priority?: number | undefined;
        weight?: number | undefined;
        timeouts?: {
          connect_ms?: number | undefined;
          first_byte_ms?: number | undefined;
          idle_ms?: number | undefined;
          total_ms?: number | undefined;
        } | undefined;
      }[];
      attempts_max?: number | undefined;
      breaker?: {
        failures: number;
        open_ms: number;
      } | undefined;
    }, {
      id: `rte_${string}`;
      model_id: `mdl_${string}`;
      targets: {
        id: `tgt_${string}`;
        provider_id: `prv_${string}`;
        upstream_model: string;
        priority: number;
        weight: number;
        timeouts: {
          connect_ms: number;
          first_byte_ms: number;
          idle_ms: number;
          total_ms: number;
        };
      }[];
      attempts_max: number;
      breaker: {
        failures: number;
        open_ms: number;
      };
      created_at: number;
      revision: number;
    }>;
    /** The model's route. */
    get: Query<{
      model_id: `mdl_${string}`;
    }, {
      id: `rte_${string}`;
      model_id: `mdl_${string}`;
      targets: {
        id: `tgt_${string}`;
        provider_id: `prv_${string}`;
        upstream_model: string;
        priority: number;
        weight: number;
        timeouts: {
          connect_ms: number;
          first_byte_ms: number;
          idle_ms: number;
          total_ms: number;
        };
      }[];
      attempts_max: number;
      breaker: {
        failures: number;
        open_ms: number;
      };
      created_at: number;
      revision: number;
    }>;
    /** In the order of their ids. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
    }, {
      items: {
        id: `rte_${string}`;
        model_id: `mdl_${string}`;
        targets: {
          id: `tgt_${string}`;
          provider_id: `prv_${string}`;
          upstream_model: string;
          priority: number;
          weight: number;
          timeouts: {
            connect_ms: number;
            first_byte_ms: number;
            idle_ms: number;
            total_ms: number;
          };
        }[];
        attempts_max: number;
        breaker: {
          failures: number;
          open_ms: number;
        };
        created_at: number;
        revision: number;
      }[];
      next_cursor: string | null;
    }>;
    /** Its model is served no more. */
    delete: Mutation<{
      expected_revision?: number | undefined;
      model_id: `mdl_${string}`;
    }, {
      id: `rte_${string}`;
      model_id: `mdl_${string}`;
      targets: {
        id: `tgt_${string}`;
        provider_id: `prv_${string}`;
        upstream_model: string;
        priority: number;
        weight: number;
        timeouts: {
          connect_ms: number;
          first_byte_ms: number;
          idle_ms: number;
          total_ms: number;
        };
      }[];
      attempts_max: number;
      breaker: {
        failures: number;
        open_ms: number;
      };
      created_at: number;
      revision: number;
    }>;
  };
  rules: {
    /** It is read after all that are there. Its `warnings` say what may not have been meant. */
    create: Mutation<{
      name: string;
      effect: "allow" | "deny" | "require";
      condition: string;
    }, {
      id: `rul_${string}`;
      name: string;
      effect: "allow" | "deny" | "require";
      condition: string;
      created_at: number;
      revision: number;
      warnings: string[];
    }>;
    /** One rule. */
    get: Query<{
      rule_id: `rul_${string}`;
    }, {
      id: `rul_${string}`;
      name: string;
      effect: "allow" | "deny" | "require";
      condition: string;
      created_at: number;
      revision: number;
    }>;
    /** All of them, in the order in which they are read: the order is what matters, so they come as one page. */
    list: Query<Record<string, never> | undefined, {
      items: {
        id: `rul_${string}`;
        name: string;
        effect: "allow" | "deny" | "require";
        condition: string;
        created_at: number;
        revision: number;
      }[];
      next_cursor: string | null;
    }>;
    /** What is left out stays as it is, and so does its place. */
    update: Mutation<{
      name?: string | undefined;
      effect?: "allow" | "deny" | "require" | undefined;
      condition?: string | undefined;
      expected_revision?: number | undefined;
      rule_id: `rul_${string}`;
    }, {
      id: `rul_${string}`;
      name: string;
      effect: "allow" | "deny" | "require";
      condition: string;
      created_at: number;
      revision: number;
      warnings: string[];
    }>;
    /** Says what a condition, or where none is given all rules in their order, would say of a call. Changes nothing. */
    test: Mutation<{
      condition?: string | undefined;
      call: {
        agent: {
          agent_id: `agt_${string}`;
        } | {
          name?: string | undefined;
          labels?: {
            team?: string | undefined;
            cost_center?: string | undefined;
            department?: string | undefined;
            environment?: string | undefined;
          } | undefined;
          capabilities?: string[] | undefined;
        };
        model: {
          name: string;
          kind?: "chat" | "embeddings" | undefined;
        };
        request?: {
          method?: "GET" | "POST" | undefined;
          path?: string | undefined;
          endpoint?: string | undefined;
          dialect?: "anthropic" | "openai" | undefined;
          stream?: boolean | undefined;
          max_output_tokens?: number | undefined;
        } | undefined;
        at?: number | undefined;
      };
    }, {
      verdict: {
        allowed: boolean;
        code: "access.denied" | "access.rule_failed" | null;
        rule: {
          id: `rul_${string}`;
          name: string;
        } | null;
      } | null;
      results: {
        rule: {
          id: `rul_${string}`;
          name: string;
        } | null;
        result: "error" | "fails" | "holds";
        error: string | null;
      }[];
    }>;
    /** Takes every rule's id exactly once. `expected_revision` is the tenant's. */
    reorder: Mutation<{
      expected_revision?: number | undefined;
      rule_ids: `rul_${string}`[];
    }, {
      items: {
        id: `rul_${string}`;
        name: string;
        effect: "allow" | "deny" | "require";
        condition: string;
        created_at: number;
        revision: number;
      }[];
      next_cursor: string | null;
    }>;
    /** Those after it move up. */
    delete: Mutation<{
      expected_revision?: number | undefined;
      rule_id: `rul_${string}`;
    }, {
      id: `rul_${string}`;
      name: string;
      effect: "allow" | "deny" | "require";
      condition: string;
      created_at: number;
      revision: number;
    }>;
  };
  limits: {
    /** Where the data plane has several replicas, each keeps its share of `max`, rounded down and never below one. */
    create: Mutation<{
      name: string;
      metric: "requests" | "tokens";
      max: number;
      window_seconds: number;
      match?: {
        agent_ids?: `agt_${string}`[] | undefined;
        models?: string[] | undefined;
        labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
      } | undefined;
      per?: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[] | undefined;
    } | {
      name: string;
      metric: "concurrency";
      max: number;
      match?: {
        agent_ids?: `agt_${string}`[] | undefined;
        models?: string[] | undefined;
        labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
      } | undefined;
      per?: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[] | undefined;
    }, {
      id: `lim_${string}`;
      name: string;
      max: number;
      match: {
        agent_ids?: `agt_${string}`[] | undefined;
        models?: string[] | undefined;
        labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
      };
      per: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[];
      created_at: number;
      revision: number;
      metric: "concurrency" | "requests" | "tokens";
      window_seconds: number | null;
    }>;
    /** One limit. */
    get: Query<{
      limit_id: `lim_${string}`;
    }, {
      id: `lim_${string}`;
      name: string;
      max: number;
      match: {
        agent_ids?: `agt_${string}`[] | undefined;
        models?: string[] | undefined;
        labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
      };
      per: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[];
      created_at: number;
      revision: number;
      metric: "concurrency" | "requests" | "tokens";
      window_seconds: number | null;
    }>;
    /** In the order of their ids. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
    }, {
      items: {
        id: `lim_${string}`;
        name: string;
        max: number;
        match: {
          agent_ids?: `agt_${string}`[] | undefined;
          models?: string[] | undefined;
          labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
        };
        per: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[];
        created_at: number;
        revision: number;
        metric: "concurrency" | "requests" | "tokens";
        window_seconds: number | null;
      }[];
      next_cursor: string | null;
    }>;
    /** The metric is what a limit counts; another one is another limit. */
    update: Mutation<{
      name?: string | undefined;
      max?: number | undefined;
      window_seconds?: number | undefined;
      match?: {
        agent_ids?: `agt_${string}`[] | undefined;
        models?: string[] | undefined;
        labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
      } | undefined;
      per?: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[] | undefined;
      expected_revision?: number | undefined;
      limit_id: `lim_${string}`;
    }, {
      id: `lim_${string}`;
      name: string;
      max: number;
      match: {
        agent_ids?: `agt_${string}`[] | undefined;
        models?: string[] | undefined;
        labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
      };
      per: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[];
      created_at: number;
      revision: number;
      metric: "concurrency" | "requests" | "tokens";
      window_seconds: number | null;
    }>;
    /** From the next revision on it limits nothing. */
    delete: Mutation<{
      expected_revision?: number | undefined;
      limit_id: `lim_${string}`;
    }, {
      id: `lim_${string}`;
      name: string;
      max: number;
      match: {
        agent_ids?: `agt_${string}`[] | undefined;
        models?: string[] | undefined;
        labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
      };
      per: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[];
      created_at: number;
      revision: number;
      metric: "concurrency" | "requests" | "tokens";
      window_seconds: number | null;
    }>;
  };
  budgets: {
    /** Where the data plane has several replicas, each keeps its share of `max`, rounded down and never below one. */
    create: Mutation<{
      name: string;
      unit: "tokens" | "usd";
      max: string;
      window: "day" | "hour" | "month" | "total";
      hold?: "expected" | "maximum" | undefined;
      match?: {
        agent_ids?: `agt_${string}`[] | undefined;
        models?: string[] | undefined;
        labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
      } | undefined;
      per?: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[] | undefined;
    }, {
      id: `bud_${string}`;
      name: string;
      unit: "tokens" | "usd";
      max: string;
      window: "day" | "hour" | "month" | "total";
      hold: "expected" | "maximum";
      match: {
        agent_ids?: `agt_${string}`[] | undefined;
        models?: string[] | undefined;
        labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
      };
      per: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[];
      created_at: number;
      revision: number;
    }>;
    /** One budget. */
    get: Query<{
      budget_id: `bud_${string}`;
    }, {
      id: `bud_${string}`;
      name: string;
      unit: "tokens" | "usd";
      max: string;
      window: "day" | "hour" | "month" | "total";
      hold: "expected" | "maximum";
      match: {
        agent_ids?: `agt_${string}`[] | undefined;
        models?: string[] | undefined;
        labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
      };
      per: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[];
      created_at: number;
      revision: number;
    }>;
    /** In the order of their ids. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
    }, {
      items: {
        id: `bud_${string}`;
        name: string;
        unit: "tokens" | "usd";
        max: string;
        window: "day" | "hour" | "month" | "total";
        hold: "expected" | "maximum";
        match: {
          agent_ids?: `agt_${string}`[] | undefined;
          models?: string[] | undefined;
          labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
        };
        per: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[];
        created_at: number;
        revision: number;
      }[];
      next_cursor: string | null;
    }>;
    /** Unit and window are what a budget counts in; another one is another budget. */
    update: Mutation<{
      name?: string | undefined;
      max?: string | undefined;
      hold?: "expected" | "maximum" | undefined;
      match?: {
        agent_ids?: `agt_${string}`[] | undefined;
        models?: string[] | undefined;
        labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
      } | undefined;
      per?: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[] | undefined;
      expected_revision?: number | undefined;
      budget_id: `bud_${string}`;
    }, {
      id: `bud_${string}`;
      name: string;
      unit: "tokens" | "usd";
      max: string;
      window: "day" | "hour" | "month" | "total";
      hold: "expected" | "maximum";
      match: {
        agent_ids?: `agt_${string}`[] | undefined;
        models?: string[] | undefined;
        labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
      };
      per: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[];
      created_at: number;
      revision: number;
    }>;
    /** From the next revision on it holds nothing back; what was used stays in the ledger. */
    delete: Mutation<{
      expected_revision?: number | undefined;
      budget_id: `bud_${string}`;
    }, {
      id: `bud_${string}`;
      name: string;
      unit: "tokens" | "usd";
      max: string;
      window: "day" | "hour" | "month" | "total";
      hold: "expected" | "maximum";
      match: {
        agent_ids?: `agt_${string}`[] | undefined;
        models?: string[] | undefined;
        labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
      };
      per: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[];
      created_at: number;
      revision: number;
    }>;
  };
  prices: {
    /** A price from a minute on, for all tenants. */
    create: Mutation<{
      vendor: string;
      model: string;
      dimension: string;
      usd_per_million: string;
      valid_from: number;
      valid_to?: number | undefined;
    }, {
      id: `prc_${string}`;
      vendor: string;
      model: string;
      dimension: string;
      usd_per_million: string;
      valid_from: number;
      valid_to: number | null;
      created_at: number;
      created_by: string;
      closed_by: string | null;
    }>;
    /** Ends a price at a minute; prices are never changed or deleted. */
    close: Mutation<{
      price_id: `prc_${string}`;
      valid_to: number;
    }, {
      id: `prc_${string}`;
      vendor: string;
      model: string;
      dimension: string;
      usd_per_million: string;
      valid_from: number;
      valid_to: number | null;
      created_at: number;
      created_by: string;
      closed_by: string | null;
    }>;
    /** The price book, also what is no longer valid, in the order of ids. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
      vendor?: string | undefined;
      model?: string | undefined;
    }, {
      items: {
        id: `prc_${string}`;
        vendor: string;
        model: string;
        dimension: string;
        usd_per_million: string;
        valid_from: number;
        valid_to: number | null;
        created_at: number;
        created_by: string;
        closed_by: string | null;
      }[];
      next_cursor: string | null;
    }>;
  };
  decisions: {
    /** Why a call was refused or failed, by the decision id that its caller was given. */
    get: Query<{
      decision_id: `dec_${string}`;
    }, {
      decision_id: `dec_${string}`;
      request_id: `req_${string}`;
      at: number;
      code: string;
      status: number;
      revision: number;
      data_plane_id: `dpl_${string}`;
      received_at: number;
      agent_id: `agt_${string}` | null;
      agent_name: string | null;
      key_id: `key_${string}` | null;
      endpoint: string | null;
      called: string | null;
      policy_id: `bud_${string}` | `lim_${string}` | `rul_${string}` | null;
      policy_name: string | null;
      parameter: string | null;
      facts: {
        limit?: string | undefined;
        spent?: string | undefined;
        held?: string | undefined;
        needed?: string | undefined;
        unit?: "calls" | "requests" | "tokens" | "usd" | undefined;
        window?: string | undefined;
        resets_at?: string | undefined;
      } | null;
    }>;
    /** Calls that were refused or failed, newest first: of one agent or all, with one code or any. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
      agent_id?: `agt_${string}` | undefined;
      code?: string | undefined;
    }, {
      items: {
        decision_id: `dec_${string}`;
        request_id: `req_${string}`;
        at: number;
        code: string;
        status: number;
        revision: number;
        data_plane_id: `dpl_${string}`;
        received_at: number;
        agent_id: `agt_${string}` | null;
        agent_name: string | null;
        key_id: `key_${string}` | null;
        endpoint: string | null;
        called: string | null;
        policy_id: `bud_${string}` | `lim_${string}` | `rul_${string}` | null;
        policy_name: string | null;
        parameter: string | null;
        facts: {
          limit?: string | undefined;
          spent?: string | undefined;
          held?: string | undefined;
          needed?: string | undefined;
          unit?: "calls" | "requests" | "tokens" | "usd" | undefined;
          window?: string | undefined;
          resets_at?: string | undefined;
        } | null;
      }[];
      next_cursor: string | null;
    }>;
  };
  usage: {
    /** Quantities and amounts over a time, grouped by what was asked for. A page may hold fewer than `limit`. */
    query: Query<{
      from: number;
      to: number;
      group_by: ("agent" | "cost_center" | "department" | "endpoint" | "model" | "provider" | "team" | "upstream_model" | "vendor")[];
      granularity: "day" | "hour" | "minute" | "none";
      cursor?: string | undefined;
      limit?: number | undefined;
    }, {
      items: {
        bucket: number | null;
        group: Partial<Record<"agent" | "cost_center" | "department" | "endpoint" | "model" | "provider" | "team" | "upstream_model" | "vendor", string>>;
        calls: number;
        attempts: number;
        unsettled: number;
        estimated: number;
        quantities: Record<string, string>;
        amount_usd: string | null;
        unrated: Record<string, string>;
      }[];
      next_cursor: string | null;
    }>;
    /** What was reported, event by event, in the order of stream and seq. A page may hold fewer than `limit`. */
    events: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
    }, {
      items: StreamEvent[];
      next_cursor: string | null;
    }>;
  };
  invoices: {
    /** The invoice of a month, so far. A quantity without a price blocks it and is named. */
    preview: Query<{
      period: string;
    }, {
      lines: {
        vendor: string;
        model: string;
        dimension: string;
        line_id: string;
        quantity: string;
        usd_per_million: string;
        price_id: string;
        amount: string;
      }[];
      subtotal: string;
      rounding: string;
      total: string;
      blocked: boolean;
      unrated: {
        vendor: string;
        model: string;
        dimension: string;
        quantity: string;
      }[];
      tenant_id: `ten_${string}`;
      period: string;
      currency: "USD";
      state: "draft";
      unsettled_attempts: number;
      calls: number;
    }>;
    /**
     * The batches that a line's quantity comes from, and how much from each, in the order of stream and seq. A page may
     * hold fewer than `limit`, and none at all before the last.
     */
    line_usage: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
      period: string;
      line_id: string;
    }, {
      items: {
        stream_id: string;
        first_seq: number;
        last_seq: number;
        sha256: string;
        quantity: string;
      }[];
      next_cursor: string | null;
    }>;
  };
  data_planes: {
    /** Of the tenant, in the order of their ids. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
    }, {
      items: {
        id: `dpl_${string}`;
        tenant_id: `ten_${string}`;
        region: string;
        driver: string;
        generation: number;
        observed_generation: number;
        state: "degraded" | "deleted" | "draining" | "joining" | "pending" | "provisioning" | "ready" | "stopped";
        conditions: {
          type: string;
          status: "false" | "true" | "unknown";
          reason: string;
          message: string;
          observed_generation: number;
          last_transition: number;
        }[];
        endpoint_url: string | null;
        wanted_revision: number;
        applied_revision: number;
        last_ack: {
          ok: true;
          revision: number;
          instance_id: `ins_${string}`;
        } | {
          ok: false;
          revision: number;
          instance_id: `ins_${string}`;
          errors: string[];
        } | null;
        last_heartbeat: {
          instance_id: `ins_${string}`;
          version: string;
          state: "draining" | "ready" | "starting" | "stopped";
          applied_revision: number;
          requests_in_flight: number;
          streams_open: number;
          calls: {
            total: number;
            faults: number;
          };
          stream_id: `stm_${string}`;
          writer_epoch: number;
          head_seq: number;
          acked_seq: number;
          oldest_unacked_at: number | null;
          totals: Record<string, string>;
          lost_events: number;
          quarantined_batches: number;
          budgets_version: number;
          sent_at: number;
        } | null;
        last_heartbeat_at: number | null;
        joined_at: number | null;
        deletion_requested_at: number | null;
        created_at: number;
      }[];
      next_cursor: string | null;
    }>;
    /** One that was deleted is still found, so that its end can be seen. */
    get: Query<{
      data_plane_id: `dpl_${string}`;
    }, {
      id: `dpl_${string}`;
      tenant_id: `ten_${string}`;
      region: string;
      driver: string;
      generation: number;
      observed_generation: number;
      state: "degraded" | "deleted" | "draining" | "joining" | "pending" | "provisioning" | "ready" | "stopped";
      conditions: {
        type: string;
        status: "false" | "true" | "unknown";
        reason: string;
        message: string;
        observed_generation: number;
        last_transition: number;
      }[];
      endpoint_url: string | null;
      wanted_revision: number;
      applied_revision: number;
      last_ack: {
        ok: true;
        revision: number;
        instance_id: `ins_${string}`;
      } | {
        ok: false;
        revision: number;
        instance_id: `ins_${string}`;
        errors: string[];
      } | null;
      last_heartbeat: {
        instance_id: `ins_${string}`;
        version: string;
        state: "draining" | "ready" | "starting" | "stopped";
        applied_revision: number;
        requests_in_flight: number;
        streams_open: number;
        calls: {
          total: number;
          faults: number;
        };
        stream_id: `stm_${string}`;
        writer_epoch: number;
        head_seq: number;
        acked_seq: number;
        oldest_unacked_at: number | null;
        totals: Record<string, string>;
        lost_events: number;
        quarantined_batches: number;
        budgets_version: number;
        sent_at: number;
      } | null;
      last_heartbeat_at: number | null;
      joined_at: number | null;
      deletion_requested_at: number | null;
      created_at: number;
      replicas: {
        id: `rpl_${string}`;
        version: string;
        contract_version: number;
        applied_revision: number;
        joined_at: number;
        last_heartbeat_at: number | null;
      }[];
    }>;
    /** For a tenant whose data plane was deleted. Faults: `api.conflict` while it has one that was not asked to go. */
    create: Mutation<{
      region?: string | undefined;
    }, {
      id: `dpl_${string}`;
      tenant_id: `ten_${string}`;
      region: string;
      driver: string;
      generation: number;
      observed_generation: number;
      state: "degraded" | "deleted" | "draining" | "joining" | "pending" | "provisioning" | "ready" | "stopped";
      conditions: {
        type: string;
        status: "false" | "true" | "unknown";
        reason: string;
        message: string;
        observed_generation: number;
        last_transition: number;
      }[];
      endpoint_url: string | null;
      wanted_revision: number;
      applied_revision: number;
      last_ack: {
        ok: true;
        revision: number;
        instance_id: `ins_${string}`;
      } | {
        ok: false;
        revision: number;
        instance_id: `ins_${string}`;
        errors: string[];
      } | null;
      last_heartbeat: {
        instance_id: `ins_${string}`;
        version: string;
        state: "draining" | "ready" | "starting" | "stopped";
        applied_revision: number;
        requests_in_flight: number;
        streams_open: number;
        calls: {
          total: number;
          faults: number;
        };
        stream_id: `stm_${string}`;
        writer_epoch: number;
        head_seq: number;
        acked_seq: number;
        oldest_unacked_at: number | null;
        totals: Record<string, string>;
        lost_events: number;
        quarantined_batches: number;
        budgets_version: number;
        sent_at: number;
      } | null;
      last_heartbeat_at: number | null;
      joined_at: number | null;
      deletion_requested_at: number | null;
      created_at: number;
    }>;
    /**
     * For a data plane that has lost its state: its keys are forgotten, so that it can join again. Its driver gives it a
     * token when it next starts; where it has none, `issue_join_token` does.
     */
    rejoin: Mutation<{
      data_plane_id: `dpl_${string}`;
    }, {
      id: `dpl_${string}`;
      tenant_id: `ten_${string}`;
      region: string;
      driver: string;
      generation: number;
      observed_generation: number;
      state: "degraded" | "deleted" | "draining" | "joining" | "pending" | "provisioning" | "ready" | "stopped";
      conditions: {
        type: string;
        status: "false" | "true" | "unknown";
        reason: string;
        message: string;
        observed_generation: number;
        last_transition: number;
      }[];
      endpoint_url: string | null;
      wanted_revision: number;
      applied_revision: number;
      last_ack: {
        ok: true;
        revision: number;
        instance_id: `ins_${string}`;
      } | {
        ok: false;
        revision: number;
        instance_id: `ins_${string}`;
        errors: string[];
      } | null;
      last_heartbeat: {
        instance_id: `ins_${string}`;
        version: string;
        state: "draining" | "ready" | "starting" | "stopped";
        applied_revision: number;
        requests_in_flight: number;
        streams_open: number;
        calls: {
          total: number;
          faults: number;
        };
        stream_id: `stm_${string}`;
        writer_epoch: number;
        head_seq: number;
        acked_seq: number;
        oldest_unacked_at: number | null;
        totals: Record<string, string>;
        lost_events: number;
        quarantined_batches: number;
        budgets_version: number;
        sent_at: number;
      } | null;
      last_heartbeat_at: number | null;
      joined_at: number | null;
      deletion_requested_at: number | null;
      created_at: number;
    }>;
    /** For a data plane that something else runs. The token is shown once and used once; a later one may take its place. */
    issue_join_token: Mutation<{
      data_plane_id: `dpl_${string}`;
    }, {
      token: string;
      expires_at: number;
    }>;
    /** Places it in a ring: 0 gets a release first. Releases on their way take it along as they find it. */
    set_ring: Mutation<{
      data_plane_id: `dpl_${string}`;
      ring: number;
    }, {
      id: `dpl_${string}`;
      tenant_id: `ten_${string}`;
      region: string;
      driver: string;
      generation: number;
      observed_generation: number;
      state: "degraded" | "deleted" | "draining" | "joining" | "pending" | "provisioning" | "ready" | "stopped";
      conditions: {
        type: string;
        status: "false" | "true" | "unknown";
        reason: string;
        message: string;
        observed_generation: number;
        last_transition: number;
      }[];
      endpoint_url: string | null;
      wanted_revision: number;
      applied_revision: number;
      last_ack: {
        ok: true;
        revision: number;
        instance_id: `ins_${string}`;
      } | {
        ok: false;
        revision: number;
        instance_id: `ins_${string}`;
        errors: string[];
      } | null;
      last_heartbeat: {
        instance_id: `ins_${string}`;
        version: string;
        state: "draining" | "ready" | "starting" | "stopped";
        applied_revision: number;
        requests_in_flight: number;
        streams_open: number;
        calls: {
          total: number;
          faults: number;
        };
        stream_id: `stm_${string}`;
        writer_epoch: number;
        head_seq: number;
        acked_seq: number;
        oldest_unacked_at: number | null;
        totals: Record<string, string>;
        lost_events: number;
        quarantined_batches: number;
        budgets_version: number;
        sent_at: number;
      } | null;
      last_heartbeat_at: number | null;
      joined_at: number | null;
      deletion_requested_at: number | null;
      created_at: number;
    }>;
    /** Asks what the next change would do to its objects, and does nothing of it. */
    preview: Mutation<{
      data_plane_id: `dpl_${string}`;
    }, {
      id: `opn_${string}`;
      tenant_id: `ten_${string}`;
      data_plane_id: `dpl_${string}`;
      kind: "destroy" | "preview" | "refresh" | "up";
      reason: string;
      state: "failed" | "interrupted" | "queued" | "running" | "succeeded";
      generation: number;
      changes: Record<string, number>;
      planned: Record<string, number> | null;
      error_class: "conflict" | "interrupted" | "quota" | "refused" | "retryable" | "timeout" | null;
      message: string;
      created_at: number;
      started_at: number | null;
      ended_at: number | null;
    }>;
    /** Brings about what is wanted now, also where it was already. */
    reconcile: Mutation<{
      data_plane_id: `dpl_${string}`;
    }, {
      id: `opn_${string}`;
      tenant_id: `ten_${string}`;
      data_plane_id: `dpl_${string}`;
      kind: "destroy" | "preview" | "refresh" | "up";
      reason: string;
      state: "failed" | "interrupted" | "queued" | "running" | "succeeded";
      generation: number;
      changes: Record<string, number>;
      planned: Record<string, number> | null;
      error_class: "conflict" | "interrupted" | "quota" | "refused" | "retryable" | "timeout" | null;
      message: string;
      created_at: number;
      started_at: number | null;
      ended_at: number | null;
    }>;
    /** Looks at the cluster for what differs from what was brought about. */
    check_drift: Mutation<{
      data_plane_id: `dpl_${string}`;
    }, {
      id: `opn_${string}`;
      tenant_id: `ten_${string}`;
      data_plane_id: `dpl_${string}`;
      kind: "destroy" | "preview" | "refresh" | "up";
      reason: string;
      state: "failed" | "interrupted" | "queued" | "running" | "succeeded";
      generation: number;
      changes: Record<string, number>;
      planned: Record<string, number> | null;
      error_class: "conflict" | "interrupted" | "quota" | "refused" | "retryable" | "timeout" | null;
      message: string;
      created_at: number;
      started_at: number | null;
      ended_at: number | null;
    }>;
    /** Answers at once; the data plane drains and is then gone. To ask again changes nothing. */
    delete: Mutation<{
      data_plane_id: `dpl_${string}`;
    }, {
      id: `dpl_${string}`;
      tenant_id: `ten_${string}`;
      region: string;
      driver: string;
      generation: number;
      observed_generation: number;
      state: "degraded" | "deleted" | "draining" | "joining" | "pending" | "provisioning" | "ready" | "stopped";
      conditions: {
        type: string;
        status: "false" | "true" | "unknown";
        reason: string;
        message: string;
        observed_generation: number;
        last_transition: number;
      }[];
      endpoint_url: string | null;
      wanted_revision: number;
      applied_revision: number;
      last_ack: {
        ok: true;
        revision: number;
        instance_id: `ins_${string}`;
      } | {
        ok: false;
        revision: number;
        instance_id: `ins_${string}`;
        errors: string[];
      } | null;
      last_heartbeat: {
        instance_id: `ins_${string}`;
        version: string;
        state: "draining" | "ready" | "starting" | "stopped";
        applied_revision: number;
        requests_in_flight: number;
        streams_open: number;
        calls: {
          total: number;
          faults: number;
        };
        stream_id: `stm_${string}`;
        writer_epoch: number;
        head_seq: number;
        acked_seq: number;
        oldest_unacked_at: number | null;
        totals: Record<string, string>;
        lost_events: number;
        quarantined_batches: number;
        budgets_version: number;
        sent_at: number;
      } | null;
      last_heartbeat_at: number | null;
      joined_at: number | null;
      deletion_requested_at: number | null;
      created_at: number;
    }>;
  };
  operations: {
    /** The newest first. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
      data_plane_id?: `dpl_${string}` | undefined;
    }, {
      items: {
        id: `opn_${string}`;
        tenant_id: `ten_${string}`;
        data_plane_id: `dpl_${string}`;
        kind: "destroy" | "preview" | "refresh" | "up";
        reason: string;
        state: "failed" | "interrupted" | "queued" | "running" | "succeeded";
        generation: number;
        changes: Record<string, number>;
        planned: Record<string, number> | null;
        error_class: "conflict" | "interrupted" | "quota" | "refused" | "retryable" | "timeout" | null;
        message: string;
        created_at: number;
        started_at: number | null;
        ended_at: number | null;
      }[];
      next_cursor: string | null;
    }>;
    /** One operation, as it stands. */
    get: Query<{
      operation_id: `opn_${string}`;
    }, {
      id: `opn_${string}`;
      tenant_id: `ten_${string}`;
      data_plane_id: `dpl_${string}`;
      kind: "destroy" | "preview" | "refresh" | "up";
      reason: string;
      state: "failed" | "interrupted" | "queued" | "running" | "succeeded";
      generation: number;
      changes: Record<string, number>;
      planned: Record<string, number> | null;
      error_class: "conflict" | "interrupted" | "quota" | "refused" | "retryable" | "timeout" | null;
      message: string;
      created_at: number;
      started_at: number | null;
      ended_at: number | null;
    }>;
    /** In their order. Where there are as many as were asked for, there may be more. */
    events: Query<{
      operation_id: `opn_${string}`;
      after?: number | undefined;
      limit?: number | undefined;
    }, {
      items: {
        seq: number;
        at: number;
        type: "diagnostic" | "diff" | "ended" | "started" | "step";
        payload: Record<string, unknown>;
      }[];
    }>;
    /** The same as they come (server-sent events), from any point on; it ends with the operation. */
    watch: Subscription<{
      operation_id: `opn_${string}`;
      after?: number | undefined;
      lastEventId?: string | undefined;
    }, {
      seq: number;
      at: number;
      type: "diagnostic" | "diff" | "ended" | "started" | "step";
      payload: Record<string, unknown>;
    }>;
  };
  regions: {
    /** Makes it, or replaces what is said of it; data planes that live there follow a change of its cluster or access, not all at once. */
    put: Mutation<{
      name: string;
      cluster: {
        region: string;
        domain: string;
        kubernetesVersion: string;
        controlPlane: {
          url: string;
          cidrs: string[];
          port: number;
        };
        podCidr: string;
        serviceCidr: string;
        nodeCidrs: string[];
        dns: {
          namespace: string;
          podLabels: Record<string, string>;
          cidrs: string[];
        };
        gateway: {
          namespace: string;
          name: string;
        } | null;
        monitoring: {
          namespace: string;
          podMonitors: boolean;
          rules: boolean;
        };
        metrics: {
          openStreams: boolean;
        };
        storage: {
          persistentClass: string | null;
        };
        collector: {
          endpoint: string | null;
          exporterEndpoint: string | null;
        };
        tenantEgressCidrs: string[];
        runtimeClass: string | null;
        userNamespaces: boolean;
      };
      issuer: {
        url: string;
        jwks?: {
          keys: Record<string, unknown>[];
        } | undefined;
        jwks_url?: string | undefined;
        allow_http?: boolean | undefined;
      };
      access?: {
        kubeconfig: string;
      } | {
        in_cluster: true;
      } | undefined;
      cordoned?: boolean | undefined;
      expected_generation?: number | undefined;
    }, {
      name: string;
      cluster: Readonly<{
        region: string;
        domain: string;
        kubernetesVersion: string;
        controlPlane: {
          url: string;
          cidrs: string[];
          port: number;
        };
        podCidr: string;
        serviceCidr: string;
        nodeCidrs: string[];
        dns: {
          namespace: string;
          podLabels: Record<string, string>;
          cidrs: string[];
        };
        gateway: {
          namespace: string;
          name: string;
        } | null;
        monitoring: {
          namespace: string;
          podMonitors: boolean;
          rules: boolean;
        };
        metrics: {
          openStreams: boolean;
        };
        storage: {
          persistentClass: string | null;
        };
        collector: {
          endpoint: string | null;
          exporterEndpoint: string | null;
        };
        tenantEgressCidrs: string[];
        runtimeClass: string | null;
        userNamespaces: boolean;
      }> | null;
      issuer: {
        url: string;
        jwks?: {
          keys: Record<string, unknown>[];
        } | undefined;
        jwks_url?: string | undefined;
        allow_http?: boolean | undefined;
      };
      access: "in_cluster" | "kubeconfig";
      generation: number;
      cordoned: boolean;
      created_at: number;
      updated_at: number;
    }>;
    /** One region, without its access. */
    get: Query<{
      name: string;
    }, {
      name: string;
      cluster: Readonly<{
        region: string;
        domain: string;
        kubernetesVersion: string;
        controlPlane: {
          url: string;
          cidrs: string[];
          port: number;
        };
        podCidr: string;
        serviceCidr: string;
        nodeCidrs: string[];
        dns: {
          namespace: string;
          podLabels: Record<string, string>;
          cidrs: string[];
        };
        gateway: {
          namespace: string;
          name: string;
        } | null;
        monitoring: {
          namespace: string;
          podMonitors: boolean;
          rules: boolean;
        };
        metrics: {
          openStreams: boolean;
        };
        storage: {
          persistentClass: string | null;
        };
        collector: {
          endpoint: string | null;
          exporterEndpoint: string | null;
        };
        tenantEgressCidrs: string[];
        runtimeClass: string | null;
        userNamespaces: boolean;
      }> | null;
      issuer: {
        url: string;
        jwks?: {
          keys: Record<string, unknown>[];
        } | undefined;
        jwks_url?: string | undefined;
        allow_http?: boolean | undefined;
      };
      access: "in_cluster" | "kubeconfig";
      generation: number;
      cordoned: boolean;
      created_at: number;
      updated_at: number;
    }>;
    /** In the order of their names. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
    }, {
      items: {
        name: string;
        cluster: Readonly<{
          region: string;
          domain: string;
          kubernetesVersion: string;
          controlPlane: {
            url: string;
            cidrs: string[];
            port: number;
          };
          podCidr: string;
          serviceCidr: string;
          nodeCidrs: string[];
          dns: {
            namespace: string;
            podLabels: Record<string, string>;
            cidrs: string[];
          };
          gateway: {
            namespace: string;
            name: string;
          } | null;
          monitoring: {
            namespace: string;
            podMonitors: boolean;
            rules: boolean;
          };
          metrics: {
            openStreams: boolean;
          };
          storage: {
            persistentClass: string | null;
          };
          collector: {
            endpoint: string | null;
            exporterEndpoint: string | null;
          };
          tenantEgressCidrs: string[];
          runtimeClass: string | null;
          userNamespaces: boolean;
        }> | null;
        issuer: {
          url: string;
          jwks?: {
            keys: Record<string, unknown>[];
          } | undefined;
          jwks_url?: string | undefined;
          allow_http?: boolean | undefined;
        };
        access: "in_cluster" | "kubeconfig";
        generation: number;
        cordoned: boolean;
        created_at: number;
        updated_at: number;
      }[];
      next_cursor: string | null;
    }>;
    /** Faults: `api.conflict` while data planes live there. */
    delete: Mutation<{
      name: string;
    }, {
      name: string;
    }>;
  };
  releases: {
    /** A draft: nothing moves before `start`. One for each version. */
    create: Mutation<{
      version: string;
      image: string;
      collector_image: string;
      gates?: {
        soak_seconds?: number | undefined;
        settle_seconds?: number | undefined;
        error_rate_max?: number | undefined;
        nacks_max?: number | undefined;
        failures_max?: number | undefined;
      } | undefined;
    }, {
      version: string;
      image: string;
      collector_image: string;
      id: `rel_${string}`;
      state: "complete" | "draft" | "paused" | "rolled_back" | "rolling" | "rolling_back" | "superseded";
      previous_id: `rel_${string}` | null;
      ring: number;
      ring_started_at: number | null;
      gates: {
        soak_seconds: number;
        settle_seconds: number;
        error_rate_max: number;
        nacks_max: number;
        failures_max: number;
      };
      reason: string;
      created_at: number;
      updated_at: number;
    }>;
    /** Begins with the canary ring. Faults: `api.conflict` while another release is on its way. */
    start: Mutation<{
      release_id: `rel_${string}`;
    }, {
      version: string;
      image: string;
      collector_image: string;
      id: `rel_${string}`;
      state: "complete" | "draft" | "paused" | "rolled_back" | "rolling" | "rolling_back" | "superseded";
      previous_id: `rel_${string}` | null;
      ring: number;
      ring_started_at: number | null;
      gates: {
        soak_seconds: number;
        settle_seconds: number;
        error_rate_max: number;
        nacks_max: number;
        failures_max: number;
      };
      reason: string;
      created_at: number;
      updated_at: number;
    }>;
    /** What was updated stays as it is; nothing more is. */
    pause: Mutation<{
      release_id: `rel_${string}`;
    }, {
      version: string;
      image: string;
      collector_image: string;
      id: `rel_${string}`;
      state: "complete" | "draft" | "paused" | "rolled_back" | "rolling" | "rolling_back" | "superseded";
      previous_id: `rel_${string}` | null;
      ring: number;
      ring_started_at: number | null;
      gates: {
        soak_seconds: number;
        settle_seconds: number;
        error_rate_max: number;
        nacks_max: number;
        failures_max: number;
      };
      reason: string;
      created_at: number;
      updated_at: number;
    }>;
    /** Goes on with the ring at which it was paused. */
    resume: Mutation<{
      release_id: `rel_${string}`;
    }, {
      version: string;
      image: string;
      collector_image: string;
      id: `rel_${string}`;
      state: "complete" | "draft" | "paused" | "rolled_back" | "rolling" | "rolling_back" | "superseded";
      previous_id: `rel_${string}` | null;
      ring: number;
      ring_started_at: number | null;
      gates: {
        soak_seconds: number;
        settle_seconds: number;
        error_rate_max: number;
        nacks_max: number;
        failures_max: number;
      };
      reason: string;
      created_at: number;
      updated_at: number;
    }>;
    /** Sends every data plane of the release back to the one before it. */
    roll_back: Mutation<{
      release_id: `rel_${string}`;
      reason: string;
    }, {
      version: string;
      image: string;
      collector_image: string;
      id: `rel_${string}`;
      state: "complete" | "draft" | "paused" | "rolled_back" | "rolling" | "rolling_back" | "superseded";
      previous_id: `rel_${string}` | null;
      ring: number;
      ring_started_at: number | null;
      gates: {
        soak_seconds: number;
        settle_seconds: number;
        error_rate_max: number;
        nacks_max: number;
        failures_max: number;
      };
      reason: string;
      created_at: number;
      updated_at: number;
    }>;
    /** With what its ring looks like now. */
    get: Query<{
      release_id: `rel_${string}`;
    }, {
      version: string;
      image: string;
      collector_image: string;
      id: `rel_${string}`;
      state: "complete" | "draft" | "paused" | "rolled_back" | "rolling" | "rolling_back" | "superseded";
      previous_id: `rel_${string}` | null;
      ring: number;
      ring_started_at: number | null;
      gates: {
        soak_seconds: number;
        settle_seconds: number;
        error_rate_max: number;
        nacks_max: number;
        failures_max: number;
      };
      reason: string;
      created_at: number;
      updated_at: number;
      ring_now: {
        behind: number;
        settling: number;
        failed: number;
        calls: number;
        faults: number;
        nacks: number;
      };
      data_planes: number;
    }>;
    /** In the order of their ids. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
    }, {
      items: {
        version: string;
        image: string;
        collector_image: string;
        id: `rel_${string}`;
        state: "complete" | "draft" | "paused" | "rolled_back" | "rolling" | "rolling_back" | "superseded";
        previous_id: `rel_${string}` | null;
        ring: number;
        ring_started_at: number | null;
        gates: {
          soak_seconds: number;
          settle_seconds: number;
          error_rate_max: number;
          nacks_max: number;
          failures_max: number;
        };
        reason: string;
        created_at: number;
        updated_at: number;
      }[];
      next_cursor: string | null;
    }>;
  };
  snapshots: {
    /** Newest first. */
    list: Query<{
      cursor?: string | undefined;
      limit?: number | undefined;
    }, {
      items: {
        revision: number;
        sha256: string;
        created_at: number;
        verdicts: {
          data_plane_id: `dpl_${string}`;
          instance_id: `ins_${string}`;
          ok: boolean;
          errors: string[];
          at: number;
        }[];
      }[];
      next_cursor: string | null;
    }>;
    /** The policy as it was at a revision, without secrets. */
    get: Query<{
      revision: number;
    }, {
      sha256: string;
      document: {
        tenant_id: `ten_${string}`;
        region: string;
        revision: number;
        issued_at: number;
        suspended: boolean;
        settings: {
          body_bytes_max: number;
          on_spool_full: "keep_serving_unbilled" | "reject_traffic";
        };
        agents: {
          id: `agt_${string}`;
          name: string;
          labels: {
            team?: string | undefined;
            cost_center?: string | undefined;
            department?: string | undefined;
            environment?: string | undefined;
          };
          capabilities: string[];
          disabled: boolean;
        }[];
        keys: {
          id: `key_${string}`;
          agent_id: `agt_${string}`;
          handle: string;
          hash: string;
          revoked: boolean;
          expires_at: number | null;
        }[];
        models: {
          id: `mdl_${string}`;
          name: string;
          kind: "chat" | "embeddings";
          context_tokens_max: number;
          output_tokens_max: number;
        }[];
        routes: {
          id: `rte_${string}`;
          model_id: `mdl_${string}`;
          targets: {
            id: `tgt_${string}`;
            provider_id: `prv_${string}`;
            upstream_model: string;
            priority: number;
            weight: number;
            timeouts: {
              connect_ms: number;
              first_byte_ms: number;
              idle_ms: number;
              total_ms: number;
            };
          }[];
          attempts_max: number;
          breaker: {
            failures: number;
            open_ms: number;
          };
        }[];
        rules: {
          id: `rul_${string}`;
          name: string;
          effect: "allow" | "deny" | "require";
          condition: string;
        }[];
        limits: ({
            id: `lim_${string}`;
            name: string;
            metric: "requests" | "tokens";
            max: number;
            window_seconds: number;
            match: {
              agent_ids?: `agt_${string}`[] | undefined;
              models?: string[] | undefined;
              labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
            };
            per: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[];
          } | {
            id: `lim_${string}`;
            name: string;
            metric: "concurrency";
            max: number;
            match: {
              agent_ids?: `agt_${string}`[] | undefined;
              models?: string[] | undefined;
              labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
            };
            per: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[];
        })[];
        budgets: {
          id: `bud_${string}`;
          name: string;
          unit: "tokens" | "usd";
          max: string;
          window: "day" | "hour" | "month" | "total";
          hold: "expected" | "maximum";
          match: {
            agent_ids?: `agt_${string}`[] | undefined;
            models?: string[] | undefined;
            labels?: Partial<Record<"cost_center" | "department" | "environment" | "team", string[]>> | undefined;
          };
          per: ("agent" | "cost_center" | "department" | "environment" | "model" | "team")[];
        }[];
        prices: {
          id: `prc_${string}`;
          vendor: string;
          model: string;
          dimension: string;
          usd_per_million: string;
          valid_from: number;
          valid_to: number | null;
        }[];
        providers: {
          id: `prv_${string}`;
          name: string;
          dialect: string;
          vendor: string;
          base_url: string;
          allowed_cidrs: string[];
          has_credential: boolean;
        }[];
      };
    }>;
  };
  audit: {
    /** Newest first. */
    list: Query<{
      limit?: number | undefined;
      cursor?: string | undefined;
    }, {
      items: {
        seq: number;
        id: `aud_${string}`;
        at: number;
        actor: {
          kind: "data_plane" | "key" | "operator" | "system";
          id: string;
        };
        action: string;
        resource: string;
        detail: Record<string, unknown>;
        prev_hash: string;
        hash: string;
      }[];
      next_cursor: string | null;
    }>;
    /** Whether the log is whole: each entry is chained to the one before it. */
    verify: Query<Record<string, never> | undefined, {
      ok: true;
      rows: number;
    } | {
      ok: false;
      first_broken: number;
    }>;
  };
}

/** Of which kind each procedure is. */
export const PROCEDURES = {
  system: {
    info: "query",
  },
  tenants: {
    create: "mutation",
    get: "query",
    list: "query",
    suspend: "mutation",
    resume: "mutation",
    set_plan: "mutation",
    update_settings: "mutation",
  },
  agents: {
    create: "mutation",
    get: "query",
    list: "query",
    update: "mutation",
    disable: "mutation",
    enable: "mutation",
    delete: "mutation",
  },
  keys: {
    create: "mutation",
    create_admin: "mutation",
    get: "query",
    list: "query",
    update: "mutation",
    rotate: "mutation",
    revoke: "mutation",
    delete: "mutation",
  },
  providers: {
    create: "mutation",
    get: "query",
    list: "query",
    update: "mutation",
    set_credential: "mutation",
    delete: "mutation",
  },
  models: {
    create: "mutation",
    get: "query",
    list: "query",
    update: "mutation",
    delete: "mutation",
  },
  routes: {
    put: "mutation",
    get: "query",
    list: "query",
    delete: "mutation",
  },
  rules: {
    create: "mutation",
    get: "query",
    list: "query",
    update: "mutation",
    test: "mutation",
    reorder: "mutation",
    delete: "mutation",
  },
  limits: {
    create: "mutation",
    get: "query",
    list: "query",
    update: "mutation",
    delete: "mutation",
  },
  budgets: {
    create: "mutation",
    get: "query",
    list: "query",
    update: "mutation",
    delete: "mutation",
  },
  prices: {
    create: "mutation",
    close: "mutation",
    list: "query",
  },
  decisions: {
    get: "query",
    list: "query",
  },
  usage: {
    query: "query",
    events: "query",
  },
  invoices: {
    preview: "query",
    line_usage: "query",
  },
  data_planes: {
    list: "query",
    get: "query",
    create: "mutation",
    rejoin: "mutation",
    issue_join_token: "mutation",
    set_ring: "mutation",
    preview: "mutation",
    reconcile: "mutation",
    check_drift: "mutation",
    delete: "mutation",
  },
  operations: {
    list: "query",
    get: "query",
    events: "query",
    watch: "subscription",
  },
  regions: {
    put: "mutation",
    get: "query",
    list: "query",
    delete: "mutation",
  },
  releases: {
    create: "mutation",
    start: "mutation",
    pause: "mutation",
    resume: "mutation",
    roll_back: "mutation",
    get: "query",
    list: "query",
  },
  snapshots: {
    list: "query",
    get: "query",
  },
  audit: {
    list: "query",
    verify: "query",
  },
} as const satisfies KindsOf<Api>;

export interface StreamEvent extends UsageEvent {
  readonly stream_id: Id<"stream">;
}
