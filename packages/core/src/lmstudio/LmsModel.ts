/**
 * Models and instances as `lms` lists them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Old and new versions leave out, or write `null`, for the same thing.
 *
 * @since 0.1.0
 * @category combinators
 */
export const nullable = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optionalWith(schema, { exact: true, nullable: true })

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
  format: nullable(Schema.String),
  displayName: nullable(Schema.String),
  publisher: nullable(Schema.String),
  path: nullable(Schema.String),
  sizeBytes: nullable(Schema.Number),
  /** Absent or null is this machine; else a peer of LM Link. */
  deviceIdentifier: nullable(Schema.String),
  paramsString: nullable(Schema.String),
  architecture: nullable(Schema.String),
  variants: nullable(Schema.Array(Schema.String)),
  vision: nullable(Schema.Boolean),
  trainedForToolUse: nullable(Schema.Boolean),
  maxContextLength: nullable(Schema.NonNegativeInt)
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
  ttlMs: nullable(Schema.Number),
  /** Epoch milliseconds. */
  lastUsedTime: nullable(Schema.Number),
  contextLength: nullable(Schema.NonNegativeInt),
  status: nullable(Schema.String),
  queued: nullable(Schema.NonNegativeInt),
  parallel: nullable(Schema.NonNegativeInt)
}) {
  /** Whether a request is running or waiting on it. */
  get isBusy() {
    return (this.status !== undefined && this.status !== "idle") || (this.queued ?? 0) > 0
  }
}
