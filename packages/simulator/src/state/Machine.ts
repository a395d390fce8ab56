/** The simulated machine as data: instances, loads in flight, and the ways in which work on them fails. */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { ModelOnDisk } from "./Catalogue.ts"
import type { Settings } from "../Settings.ts"
import type { InstanceStatus, Loader } from "./SimulatorEvent.ts"

/** A loaded model. `ttlMs` is milliseconds of idle time, null means forever; times are epoch milliseconds. */
export interface Instance {
  readonly id: string
  readonly key: string
  readonly type: ModelOnDisk["type"]
  readonly contextLength: number
  readonly ttlMs: number | null
  readonly loadedAt: number
  /** `null` until the first request. */
  readonly lastUsedTime: number | null
  /** When it last became idle; the TTL counts from here. */
  readonly idleSince: number
  readonly jit: boolean
  readonly by: Loader
  readonly status: InstanceStatus
  /** Requests waiting or running. */
  readonly queued: number
  readonly parallel: number
  readonly config: LoadConfig
}

/** The load parameters of `POST /api/v1/models/load` other than the context length. */
export interface LoadConfig {
  readonly evalBatchSize?: number | undefined
  readonly flashAttention?: boolean | undefined
  readonly numExperts?: number | undefined
  readonly offloadKvCacheToGpu?: boolean | undefined
}

/** A load in flight: in no listing, as in LM Studio. */
export interface Loading {
  readonly id: string
  readonly key: string
  readonly by: Loader
  readonly contextLength: number
  readonly startedAt: number
  readonly durationMs: number
}

export interface Machine {
  readonly settings: Settings
  /** Port of the HTTP server, kept while it is off; `null` if it never ran. */
  readonly port: number | null
  readonly models: ReadonlyArray<ModelOnDisk>
  readonly downloadable: ReadonlyArray<ModelOnDisk>
  readonly instances: ReadonlyArray<Instance>
  readonly loading: ReadonlyArray<Loading>
}

export interface LoadRequest {
  readonly key: string
  readonly by: Loader
  /** Milliseconds; `null` means forever. */
  readonly ttlMs: number | null
  readonly contextLength?: number | undefined
  readonly identifier?: string | undefined
  readonly parallel?: number | undefined
  readonly config?: LoadConfig | undefined
}

/** Outcomes of the next loads of a key, set by a test. */
export type LoadOutcome =
  | { readonly _tag: "Ok" }
  | { readonly _tag: "Guardrail" }
  | { readonly _tag: "Sigabrt" }
  | { readonly _tag: "Fails"; readonly message: string }
  | { readonly _tag: "Slow"; readonly ms: number }
  | { readonly _tag: "Never" }

export class LoadFailed extends Schema.TaggedError<LoadFailed>()("SimulatedLoadFailed", {
  reason: Schema.Literal("NotOnDisk", "Guardrail", "Crashed", "IdentifierInUse", "Failed", "Cancelled"),
  key: Schema.String,
  text: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return this.text
  }
}

/** The instance that worked on a request is gone. */
export class InstanceGone extends Schema.TaggedError<InstanceGone>()("SimulatedInstanceGone", {
  id: Schema.String,
  reason: Schema.Literal("unloaded", "crashed"),
  /** Of a crash, as LM Studio writes it. */
  exitCode: Schema.optionalWith(Schema.String, { exact: true }),
  /** In place of LM Studio's words. */
  text: Schema.optionalWith(Schema.String, { exact: true }),
  /** The error's type on routes that have one. */
  type: Schema.optionalWith(Schema.String, { exact: true })
}) {
  readonly retryable = false
  override get message() {
    if (this.text !== undefined) return this.text
    return this.reason === "crashed"
      ? `The model has crashed without additional information. (Exit code: ${this.exitCode ?? "null"})`
      : "Model unloaded."
  }
}

export const goneBy = (id: string, crash: boolean, settings: Settings): InstanceGone =>
  settings.api === "llama-router"
    ? new InstanceGone({ id, reason: "crashed", text: "proxy error: Failed to read connection" })
    : crash
      ? new InstanceGone({
          id,
          reason: "crashed",
          exitCode: settings.crashExitCode,
          ...(settings.crashCallsItselfLoad ? { type: "model_load_failed" } : {})
        })
      : new InstanceGone({ id, reason: "unloaded" })

export class NoSuchInstance extends Schema.TaggedError<NoSuchInstance>()("SimulatedNoSuchInstance", {
  id: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `Cannot find a model with the identifier "${this.id}".`
  }
}

export class PortTaken extends Schema.TaggedError<PortTaken>()("SimulatedPortTaken", { port: Schema.Int }) {
  readonly retryable = false
  override get message() {
    return `Something else listens on port ${this.port}.`
  }
}

/** The sockets under the HTTP server. `open` may choose another port if it gets 0. */
export interface Listener {
  readonly open: (port: number) => Effect.Effect<number, PortTaken>
  readonly close: Effect.Effect<void>
}

/** The progress of a load, 0 to 1. */
export const progressOf = (loading: Loading, now: number): number =>
  loading.durationMs === 0 ? 1 : Math.min(1, (now - loading.startedAt) / loading.durationMs)

/** The key itself, or `key:2` and so on when it is taken. */
export const freeIdentifier = (key: string, taken: ReadonlySet<string>): string => {
  if (!taken.has(key)) return key
  let copy = 2
  while (taken.has(`${key}:${copy}`)) copy += 1
  return `${key}:${copy}`
}

export const isVariantOf = (model: ModelOnDisk, name: string): boolean => model.variants?.includes(name) ?? false

export const notOnDisk = (key: string, state: Machine): string =>
  `Cannot find a model with path "${key}". Available models: ${state.models.map((model) => model.key).join(", ")}`

/** LM Studio's whole message when an engine dies while loading, including out of memory. */
export const sigabrt = (key: string): string =>
  `Failed to load LLM '${key}': Error: Engine protocol runtime llama-server for ${key} exited before becoming healthy. exitCode=null, signal=SIGABRT`
