/**
 * The numbers of the loop that are not a task's budgets, as data.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/**
 * @since 0.1.0
 * @category models
 */
export class LoopPolicy extends Schema.Class<LoopPolicy>("@lms-bridge/core/agent/LoopPolicy")({
  /** Longest time for the last request, the one for the best answer after a budget has ended. */
  wrapUp: Schema.DurationFromMillis,
  /** MCP servers that are started at the same time. */
  connectConcurrency: Schema.Int.pipe(Schema.positive())
}) {}

/**
 * The policy of every run unless a caller provides another.
 *
 * @since 0.1.0
 * @category references
 */
export class CurrentLoopPolicy extends Context.Reference<CurrentLoopPolicy>()(
  "@lms-bridge/core/agent/CurrentLoopPolicy",
  { defaultValue: () => new LoopPolicy({ wrapUp: Duration.seconds(60), connectConcurrency: 4 }) }
) {}
