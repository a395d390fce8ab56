/** What a person asks for: the task, who works on it, with which tools, within which budgets. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"
import { DefinedServer } from "../mcp/config/DefinedServer.ts"

/** Limits of one run. Whichever is reached first ends it with a last request, without tools, for the best answer. */
export const Budgets = Schema.Struct({
  /** Requests to the model, the last one for the answer not counted. */
  rounds: Schema.Int.pipe(Schema.between(1, 10_000)),
  /** Milliseconds of wall time. */
  wallMillis: Schema.Number.pipe(Schema.positive()),
  toolCalls: Schema.Int.pipe(Schema.between(1, 100_000)),
  /** Tokens read plus tokens written, as the server counts them; absent is no limit. */
  tokens: optional(Schema.Int.pipe(Schema.positive())),
  /** Bytes of all tool results together; absent is no limit. */
  resultBytes: optional(Schema.Int.pipe(Schema.positive()))
})
export type Budgets = typeof Budgets.Type

/**
 * Which of the user's MCP servers a run may use: named ones (each must start), all usable ones (those that do not start
 * are reported and left out), or none.
 */
export const ServerChoice = Schema.Union(
  Schema.TaggedStruct("Named", { names: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("All", {}),
  Schema.TaggedStruct("None", {})
)
export type ServerChoice = typeof ServerChoice.Type

export const AgentTask = Schema.Struct({
  task: Schema.String.pipe(Schema.minLength(1), Schema.maxLength(100_000)),
  servers: ServerChoice,
  /** Servers that are in no configuration, besides the chosen ones; each must start, and comes before one of its name. */
  definedServers: optional(Schema.Array(DefinedServer)),
  /** A model name; absent is the default model. */
  model: optional(Schema.String),
  budgets: Budgets,
  /** Longest reply of the model in tokens; absent leaves it to LM Studio. */
  maxTokens: optional(Schema.Int.pipe(Schema.positive())),
  temperature: optional(Schema.Number),
  /** Words of the caller for the system message, after ours. */
  instructions: optional(Schema.String),
  /** Absolute paths that the run is about. */
  workingFolders: optional(Schema.Array(Schema.String)),
  /** Only tools whose name (own or `server__tool`) matches one of these patterns (`*` is a wildcard). */
  allowedTools: optional(Schema.Array(Schema.String)),
  excludedTools: optional(Schema.Array(Schema.String)),
  /** Patterns of the same kind: what the person said yes to beforehand. What a rule refuses stays refused. */
  approvedTools: optional(Schema.Array(Schema.String)),
  /** Whether the model gets tools to list and read the resources and prompts of the servers. */
  resources: optional(Schema.Boolean),
  /** The answer must be JSON that fits this schema. */
  outputSchema: optional(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
  /** The run that this one goes on from, with all that was said in it; `events` only with its first so many events. */
  follows: optional(Schema.Struct({ run: Schema.String, events: optional(Schema.Int.pipe(Schema.positive())) })),
  /** Idle milliseconds for a model that has to be loaded. */
  ttlMillis: optional(Schema.Number.pipe(Schema.positive()))
})
export type AgentTask = typeof AgentTask.Type

/** Whether a person has chosen this server for the run, rather than all there are. */
export const isChosen = (
  { definedServers = [], servers }: Pick<AgentTask, "servers" | "definedServers">,
  server: string
): boolean =>
  (servers._tag === "Named" && servers.names.includes(server)) || definedServers.some(({ name }) => name === server)
