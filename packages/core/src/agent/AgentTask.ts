/** A task for the loop: what to do, with which model and tools, within which budgets. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"
import { ToolForm } from "./ToolForm.ts"
import { DefinedServer } from "../mcp/config/DefinedServer.ts"

/** Limits of one run. The first one reached ends it with a final request, without tools, for the best answer. */
export const Budgets = Schema.Struct({
  /** Requests to the model, not counting the final one for the answer. */
  rounds: Schema.Int.pipe(Schema.between(1, 10_000)),
  /** Milliseconds of wall time. */
  wallMillis: Schema.Number.pipe(Schema.positive()),
  toolCalls: Schema.Int.pipe(Schema.between(1, 100_000)),
  /** Input plus output tokens, as the server counts them; absent means no limit. */
  tokens: optional(Schema.Int.pipe(Schema.positive())),
  /** Bytes of all tool results together; absent means no limit. */
  resultBytes: optional(Schema.Int.pipe(Schema.positive()))
})
export type Budgets = typeof Budgets.Type

/**
 * Which of the user's MCP servers a run may use: named ones (each must start), all usable ones (those that fail to start
 * are reported and left out), or none.
 */
export const ServerChoice = Schema.Union(
  Schema.TaggedStruct("Named", { names: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("All", {}),
  Schema.TaggedStruct("None", {})
)
export type ServerChoice = typeof ServerChoice.Type

/** What the person gives with the task: a file's text, or an image as a data URL for a model that can see. */
export const Attachment = Schema.Union(
  Schema.TaggedStruct("Text", { name: Schema.String, text: Schema.String }),
  Schema.TaggedStruct("Image", { name: Schema.String, dataUrl: Schema.String })
)
export type Attachment = typeof Attachment.Type

/**
 * A skill of the user as the model is told of it; `path` is its SKILL.md, and `given` its beginning, where it was named for
 * the task. `text` is all of it, where the run is carried out on another machine.
 */
export const SkillLine = Schema.Struct({
  name: Schema.String,
  description: Schema.String,
  path: Schema.String,
  given: optional(Schema.String),
  text: optional(Schema.String)
})
export type SkillLine = typeof SkillLine.Type

export const AgentTask = Schema.Struct({
  task: Schema.String.pipe(Schema.minLength(1), Schema.maxLength(100_000)),
  /** They follow the task in the first message, and count like every other token of it. */
  attachments: optional(Schema.Array(Attachment)),
  servers: ServerChoice,
  /** Servers defined for this task, besides the chosen ones; each must start, and takes precedence over its namesake. */
  definedServers: optional(Schema.Array(DefinedServer)),
  /** A model name; absent means the default model. */
  model: optional(Schema.String),
  /**
   * Models to try, in order, where that one cannot be loaded or keeps failing: one that lacks what the task needs is passed
   * over. The run says which it took, and why.
   */
  fallback: optional(Schema.Array(Schema.String)),
  budgets: Budgets,
  /** Least context for the model, in tokens; absent means what the settings say (`Settings.contextLength`). */
  contextLength: optional(Schema.Int.pipe(Schema.positive())),
  /** Longest reply of the model, in tokens; absent means a limit that depends on the context (`replyLimit`). */
  maxTokens: optional(Schema.Int.pipe(Schema.positive())),
  temperature: optional(Schema.Number),
  /** The caller's text for the system message, after ours. */
  instructions: optional(Schema.String),
  /** Absolute paths that the run is about. */
  workingFolders: optional(Schema.Array(Schema.String)),
  /** Only tools whose name (own or `server__tool`) matches one of these patterns (`*` is a wildcard). */
  allowedTools: optional(Schema.Array(Schema.String)),
  excludedTools: optional(Schema.Array(Schema.String)),
  /** An exclusion that matches no tool ends the run: nobody is asked about the calls that it was meant to prevent. */
  exclusionsMatch: optional(Schema.Boolean),
  /** Patterns of the same kind: tools that the person approved beforehand. What a rule refuses stays refused. */
  approvedTools: optional(Schema.Array(Schema.String)),
  /** Whether the model gets tools to list and read the resources and prompts of the servers. */
  resources: optional(Schema.Boolean),
  /**
   * Skills that the model may open: all of the user, or those with these names, whose beginning follows the task; absent
   * means what the settings say. Those of a project only by name.
   */
  skills: optional(Schema.Union(Schema.Literal("all"), Schema.Array(Schema.String))),
  /** The answer must be JSON that fits this schema. */
  outputSchema: optional(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
  /** The run whose conversation this one continues; `events` limits it to that run's first events. */
  follows: optional(Schema.Struct({ run: Schema.String, events: optional(Schema.Int.pipe(Schema.positive())) })),
  /** How the model is told of its tools; absent is what is known to suit it. */
  toolForm: optional(ToolForm),
  /** Idle milliseconds for a model that has to be loaded. */
  ttlMillis: optional(Schema.Number.pipe(Schema.positive()))
})
export type AgentTask = typeof AgentTask.Type

/** What a task that continues the conversation of another takes from it: approvals, the form of the answer and the files were for that one. */
export const keptOf = ({
  approvedTools: _approved,
  attachments: _attachments,
  follows: _follows,
  outputSchema: _schema,
  task: _task,
  ...same
}: AgentTask) => same

/** Whether the person chose this server itself for the run, rather than all servers. */
export const isChosen = (
  { definedServers = [], servers }: Pick<AgentTask, "servers" | "definedServers">,
  server: string
): boolean =>
  (servers._tag === "Named" && servers.names.includes(server)) || definedServers.some(({ name }) => name === server)
