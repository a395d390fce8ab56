/**
 * The `lms` command line: one method per subcommand we use; arguments in, schemas out.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { CircuitOpen } from "../resilience/CircuitBreaker.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/**
 * A model on disk, as `lms ls --json` prints it. Unknown fields are ignored and unknown enum values kept, because old
 * and new versions differ (contract F3, F4, F11).
 *
 * @since 0.1.0
 * @category models
 */
export class LmsModel extends Schema.Class<LmsModel>("@lms-bridge/core/lmstudio/LmsModel")({
  modelKey: Schema.String,
  type: Schema.String,
  format: optional(Schema.String),
  displayName: optional(Schema.String),
  publisher: optional(Schema.String),
  path: optional(Schema.String),
  sizeBytes: optional(Schema.Number),
  /** Absent or null is this machine; else a peer of LM Link. */
  deviceIdentifier: Schema.optionalWith(Schema.String, { exact: true, nullable: true }),
  paramsString: Schema.optionalWith(Schema.String, { exact: true, nullable: true }),
  architecture: Schema.optionalWith(Schema.String, { exact: true, nullable: true }),
  variants: optional(Schema.Array(Schema.String)),
  vision: optional(Schema.Boolean),
  trainedForToolUse: optional(Schema.Boolean),
  maxContextLength: optional(Schema.NonNegativeInt)
}) {}

/**
 * A model in memory, as `lms ps --json` prints it. Every listed model is loaded, whatever its status: `generating`
 * and `processingPrompt` mean busy, `idle` means loaded and free.
 *
 * @since 0.1.0
 * @category models
 */
export class LmsInstance extends LmsModel.extend<LmsInstance>("@lms-bridge/core/lmstudio/LmsInstance")({
  identifier: Schema.String,
  /** Milliseconds of idle time; absent or null is for ever. */
  ttlMs: Schema.optionalWith(Schema.Number, { exact: true, nullable: true }),
  /** Epoch milliseconds. */
  lastUsedTime: Schema.optionalWith(Schema.Number, { exact: true, nullable: true }),
  contextLength: optional(Schema.NonNegativeInt),
  status: optional(Schema.String),
  queued: optional(Schema.NonNegativeInt),
  parallel: Schema.optionalWith(Schema.NonNegativeInt, { exact: true, nullable: true })
}) {
  /** Whether a request is running or waiting on it. */
  get isBusy() {
    return (this.status !== undefined && this.status !== "idle") || (this.queued ?? 0) > 0
  }
}

/**
 * What went wrong with a call of `lms`. `detail` is a bounded tail of its stderr, without colours.
 *
 * @since 0.1.0
 * @category errors
 */
export class LmsCliError extends Schema.TaggedError<LmsCliError>()("LmsCliError", {
  reason: Schema.Literal(
    "NotInstalled",
    "Disabled",
    "BadArgument",
    "Spawn",
    "Exit",
    "Timeout",
    "Output",
    "ModelNotFound",
    "LoadRefused",
    "NotRunning"
  ),
  subcommand: Schema.String,
  exitCode: optional(Schema.Int),
  detail: optional(Schema.String),
  cause: optional(Schema.Defect)
}) {
  get retryable() {
    return this.reason === "Timeout" || this.reason === "Spawn"
  }
  override get message() {
    const said = this.detail === undefined || this.detail === "" ? "" : ` It said: ${this.detail}`
    switch (this.reason) {
      case "NotInstalled":
        return "The `lms` command was not found. It comes with LM Studio: run `~/.lmstudio/bin/lms bootstrap`, or set LMS_BRIDGE_LMS_BINARY to its path (or to `none` to do without it)."
      case "Disabled":
        return "The `lms` command is switched off by LMS_BRIDGE_LMS_BINARY=none."
      case "BadArgument":
        return `${this.detail ?? "That argument"} cannot be passed to \`lms ${this.subcommand}\`: names must not begin with "-" or hold control characters.`
      case "Timeout":
        return `\`lms ${this.subcommand}\` did not finish in time and was stopped. \`lms-bridge models ps\` shows whether it did its work.`
      case "NotRunning":
        return `LM Studio is not running, so \`lms ${this.subcommand}\` was not called. Start LM Studio, or allow it with LMS_BRIDGE_AUTOSTART=true.`
      case "Output":
        return `\`lms ${this.subcommand}\` printed something unexpected.${said}`
      default:
        return `\`lms ${this.subcommand}\` failed.${said}`
    }
  }
}

/**
 * How to load. `ttl` is not optional: without it LM Studio would keep the model for ever (contract E).
 *
 * @since 0.1.0
 * @category models
 */
export interface LmsLoad {
  /** Exact model key. `lms` matches fuzzily, so the caller must have looked it up. */
  readonly key: string
  readonly ttl: Duration.Duration
  readonly contextLength?: number | undefined
  /** Share of layers on the GPU: `off`, `max` or 0..1. */
  readonly gpu?: "off" | "max" | number | undefined
  readonly parallel?: number | undefined
  readonly identifier?: string | undefined
}

/**
 * `lms load --estimate-only`, which exits 0 even when it says that the load will fail.
 *
 * @since 0.1.0
 * @category models
 */
export interface LoadEstimate {
  readonly gpuBytes: number | undefined
  readonly totalBytes: number | undefined
  readonly fits: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface DaemonStatus {
  readonly running: boolean
  readonly pid: number | undefined
  readonly isDaemon: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ServerStatus {
  readonly running: boolean
  readonly port: number | undefined
}

/**
 * Progress of `lms get`, read from its bar: fractions 0..1, bytes.
 *
 * @since 0.1.0
 * @category models
 */
export type GetProgress =
  | { readonly _tag: "Downloading"; readonly fraction: number; readonly detail: string }
  | { readonly _tag: "Done"; readonly alreadyDownloaded: boolean }

/**
 * A line of `lms log stream --json`; `data` is kept as it comes.
 *
 * @since 0.1.0
 * @category models
 */
export interface LogEvent {
  /** Epoch milliseconds. */
  readonly timestamp: number
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

/**
 * @since 0.1.0
 * @category errors
 */
export type LmsCallError = LmsCliError | CircuitOpen

/**
 * Every method starts a process without a shell, with stdin closed, and ends the whole process group when it is
 * interrupted or takes too long. A missing binary is a `NotInstalled` error and is looked for again at the next call.
 *
 * Most subcommands start LM Studio when it is off and may take minutes (contract F0): ask `daemonStatus` or
 * `LmStudioApi.ping` first.
 *
 * @since 0.1.0
 * @category services
 */
export class LmsCli extends Context.Tag("@lms-bridge/core/lmstudio/LmsCli")<
  LmsCli,
  {
    /** Where the binary is. */
    readonly binary: Effect.Effect<string, LmsCallError>
    /** `lms ps --json`. */
    readonly ps: Effect.Effect<ReadonlyArray<LmsInstance>, LmsCallError>
    /** `lms ls --json`. */
    readonly ls: Effect.Effect<ReadonlyArray<LmsModel>, LmsCallError>
    /** `lms load KEY --yes --ttl S …`. Exit 0 does not prove that this key is loaded: verify through the API. */
    readonly load: (options: LmsLoad) => Effect.Effect<void, LmsCallError>
    /** `lms load KEY --estimate-only --yes`. */
    readonly estimate: (
      options: Pick<LmsLoad, "key" | "contextLength" | "gpu">
    ) => Effect.Effect<LoadEstimate, LmsCallError>
    /** `lms unload ID`. Exits 0 on unknown ids: verify. */
    readonly unload: (identifier: string) => Effect.Effect<void, LmsCallError>
    /** `lms unload --all`. */
    readonly unloadAll: Effect.Effect<void, LmsCallError>
    /** `lms get NAME --yes`: progress, then `Done`. Interrupting it cancels the download. */
    readonly get: (name: string) => Stream.Stream<GetProgress, LmsCallError>
    /** `lms server status --json`. Starts nothing. */
    readonly serverStatus: Effect.Effect<ServerStatus, LmsCallError>
    /** `lms server start [--port N]`. Starts LM Studio when it is off. */
    readonly serverStart: (options?: { readonly port?: number | undefined }) => Effect.Effect<void, LmsCallError>
    /** `lms server stop`. Cuts running requests. */
    readonly serverStop: Effect.Effect<void, LmsCallError>
    /** `lms daemon status --json`. Starts nothing. */
    readonly daemonStatus: Effect.Effect<DaemonStatus, LmsCallError>
    /** `lms version --json`: a commit hash in newer versions. Starts nothing. */
    readonly version: Effect.Effect<string, LmsCallError>
    /** `lms log stream --json --source …`. Ends when interrupted. */
    readonly logStream: (source: "model" | "server" | "runtime") => Stream.Stream<LogEvent, LmsCallError>
  }
>() {}
