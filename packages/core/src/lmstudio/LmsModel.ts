/** Models and instances as `lms` lists them. */
import * as Schema from "effect/Schema"
import { Amount, Count, open, openArray } from "../schema/Fields.ts"

/**
 * A model on disk, as `lms ls --json` prints it. Old and new versions leave fields out, write `null` or add others, and
 * unknown enum values are kept (contract F3, F4, F11).
 */
export class LmsModel extends Schema.Class<LmsModel>("@lms-bridge/core/lmstudio/LmsModel")({
  modelKey: Schema.String,
  /** `llm`, `vlm`, `embedding`, or another kind, such as `drafter`; no kind is `llm`, as in the first versions. */
  type: Schema.optionalWith(Schema.String, { default: () => "llm", nullable: true }),
  format: open(Schema.String),
  displayName: open(Schema.String),
  publisher: open(Schema.String),
  path: open(Schema.String),
  sizeBytes: Amount,
  /** Absent or null is this machine; else a peer of LM Link. */
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
  /** Milliseconds of idle time; absent or null is for ever. */
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
