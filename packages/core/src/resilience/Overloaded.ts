/** The answer where more is asked for than there is room for. */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

/** Nothing was done. The same call may succeed after `retryAfter`. */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", {
  /** What is asked for too much, as the subject of a sentence: `the model "qwen"`, `this client`. */
  what: Schema.String,
  /** The setting that allows more. */
  setting: Schema.String,
  limit: Schema.Int,
  reason: Schema.Literal("Queue", "Rate"),
  /** It is runs that the rate limits. */
  runs: optional(Schema.Boolean),
  retryAfter: Schema.DurationFromMillis
}) {
  readonly retryable = true
  override get message() {
    const why =
      this.reason === "Queue"
        ? `already has ${this.limit} requests that wait for it`
        : `may ${this.runs === true ? "start" : "make"} ${this.limit} ${this.runs === true ? "run" : "request"}${this.limit === 1 ? "" : "s"} a minute`
    return `${this.what.charAt(0).toUpperCase()}${this.what.slice(1)} ${why} (${this.setting}). Nothing was done; try again in ${Duration.format(this.retryAfter)}.`
  }
}
