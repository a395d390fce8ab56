/** The limits of the loop that are not budgets of a task, as data. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

export class LoopPolicy extends Schema.Class<LoopPolicy>("@lms-bridge/core/agent/LoopPolicy")({
  /** Longest time for the final request, the one for the best answer after a budget is used up. */
  wrapUp: Schema.DurationFromMillis,
  /** MCP servers that are started concurrently. */
  connectConcurrency: Schema.Int.pipe(Schema.positive()),
  /** Calls of one turn that run concurrently when all of them only read. */
  callConcurrency: Schema.Int.pipe(Schema.positive()),
  /** The same for one server. */
  callConcurrencyPerServer: Schema.Int.pipe(Schema.positive()),
  /**
   * Largest context, in tokens, with which a model of ours may be reloaded when a conversation does not fit otherwise.
   * Absent means never.
   */
  largestContext: optional(Schema.Int.pipe(Schema.positive())),
  /** Share of the context that tool definitions may take at the start. */
  toolShare: Schema.Number.pipe(Schema.between(0, 1)),
  /** Share of it that names of tools may take besides, where not all tools fit with their parameters. */
  nameShare: Schema.Number.pipe(Schema.between(0, 1)),
  /** Tools told in one line each beside the names of all, where not all fit in lines. */
  toolLines: Schema.Int.pipe(Schema.positive()),
  /**
   * Where not all tools can be offered: most of them for a model of at most so many billions of parameters, smallest first.
   */
  toolCounts: Schema.Array(Schema.Struct({ billions: Schema.Positive, tools: Schema.Int })),
  /** Most tools to offer to any model; the choice for a larger one, or one whose name does not state its size. */
  toolCount: Schema.Int.pipe(Schema.positive()),
  /**
   * Whether tools are also ranked by an embedding model where not all can be offered: by one in memory, else by one on disk
   * that is loaded for it, as far as memory allows beside what is there; only by one in memory; or never.
   */
  embeddings: Schema.Literal("load", "when-loaded", "never"),
  /** Longest wait for that model, its load included; after it, tools are ranked without. */
  embeddingWait: Schema.DurationFromMillis,
  /** Longest time to find out how a model makes calls, and the largest share of the run's time that it may take. */
  probe: Schema.DurationFromMillis,
  probeShare: Schema.Number.pipe(Schema.between(0, 1))
}) {}

/** The policy of every run unless a caller provides another. */
export class CurrentLoopPolicy extends Context.Reference<CurrentLoopPolicy>()(
  "@lms-bridge/core/agent/CurrentLoopPolicy",
  {
    defaultValue: () =>
      new LoopPolicy({
        wrapUp: Duration.seconds(60),
        connectConcurrency: 16,
        callConcurrency: 8,
        callConcurrencyPerServer: 4,
        toolShare: 0.3,
        nameShare: 0.15,
        toolLines: 24,
        toolCounts: [
          { billions: 4, tools: 10 },
          { billions: 10, tools: 16 },
          { billions: 20, tools: 24 }
        ],
        toolCount: 40,
        embeddings: "load",
        embeddingWait: Duration.seconds(10),
        probe: Duration.seconds(30),
        probeShare: 0.2
      })
  }
) {}
