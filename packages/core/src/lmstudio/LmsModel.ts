/** The inputs and outputs of `lms`: models, instances, loads and the state of the application. */
import * as Schema from "effect/Schema"
import { Amount, Count, open, openArray } from "../schema/Fields.ts"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"

/**
 * A model on disk, as `lms ls --json` prints it. Some versions omit fields, write `null` or add fields, and unknown
 * enum values are kept (contract F3, F4, F11).
 */
export class LmsModel extends Schema.Class<LmsModel>("@lms-bridge/core/lmstudio/LmsModel")({
  modelKey: Schema.String,
  /**
   * `llm`, `vlm`, `embedding`, or another kind, such as `drafter`; a missing kind is `llm`, as in the first versions.
   */
  type: Schema.optionalWith(Schema.String, { default: () => "llm", nullable: true }),
  format: open(Schema.String),
  displayName: open(Schema.String),
  publisher: open(Schema.String),
  path: open(Schema.String),
  sizeBytes: Amount,
  /** Absent or null for this machine; else a peer of LM Link. */
  deviceIdentifier: open(Schema.String),
  paramsString: open(Schema.String),
  architecture: open(Schema.String),
  variants: openArray(Schema.String),
  vision: open(Schema.Boolean),
  trainedForToolUse: open(Schema.Boolean),
  maxContextLength: Count
}) {}

/**
 * A model in memory, as `lms ps --json` prints it. Every listed model is loaded, whatever its status: `generating`
 * and `processingPrompt` mean busy, `idle` means loaded and free.
 */
export class LmsInstance extends LmsModel.extend<LmsInstance>("@lms-bridge/core/lmstudio/LmsInstance")({
  identifier: Schema.String,
  /** Milliseconds of idle time; absent or null means forever. */
  ttlMs: Amount,
  /** Epoch milliseconds. */
  lastUsedTime: Amount,
  contextLength: Count,
  status: open(Schema.String),
  queued: Count,
  parallel: Count
}) {
  /** Whether a request is running or waiting on it. */
  get isBusy() {
    return (this.status !== undefined && this.status !== "idle") || (this.queued ?? 0) > 0
  }
}

/** How to load. `ttl` is required: without it, LM Studio would keep the model forever (contract E). */
export interface LmsLoad {
  /** Exact model key, looked up by the caller: `lms` itself matches fuzzily. */
  readonly key: string
  readonly ttl: Duration.Duration
  readonly contextLength?: number | undefined
  /** Share of layers on the GPU: `off`, `max` or 0..1. */
  readonly gpu?: "off" | "max" | number | undefined
  readonly parallel?: number | undefined
  readonly identifier?: string | undefined
  /** Called with the progress, 0..1, if this version of `lms` reports it (since May 2026). */
  readonly onProgress?: ((fraction: number) => Effect.Effect<void>) | undefined
}

/** Result of `lms load --estimate-only`, which exits 0 even when it says that the load will fail. */
export interface LoadEstimate {
  readonly gpuBytes: number | undefined
  readonly totalBytes: number | undefined
  readonly fits: boolean
}

/** The application that `lms` talks to. `package` is `lm-studio`, `llmster` or another name. */
export interface Application {
  readonly version: string
  readonly package?: string | undefined
}

export interface DaemonStatus {
  readonly running: boolean
  readonly pid: number | undefined
  readonly isDaemon: boolean | undefined
}

export interface ServerStatus {
  readonly running: boolean
  readonly port: number | undefined
}

/** Progress of `lms get`, read from its bar: fractions 0..1, bytes. */
export type GetProgress =
  | { readonly _tag: "Downloading"; readonly fraction: number; readonly detail: string }
  | { readonly _tag: "Done"; readonly alreadyDownloaded: boolean }

/** A line of `lms log stream --json`; `data` is kept verbatim. */
export interface LogEvent {
  /** Epoch milliseconds. */
  readonly timestamp: number
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface LmsVariants {
  readonly model: LmsModel
  readonly variants: ReadonlyArray<LmsModel>
}
