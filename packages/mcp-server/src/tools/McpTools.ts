/**
 * Tools about the user's MCP servers.
 */
import { inBrief, LockSummary, McpRegistry } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { brief, optional } from "./Fields.ts"
import { asTools } from "../protocol/Hints.ts"
import { count } from "../runs/RunProgress.ts"
import * as Tool from "./Tool.ts"

const Server = Schema.Struct({
  name: Schema.String,
  state: Schema.Literal("usable", "missing", "disabled", "itself", "invalid"),
  transport: Schema.String,
  target: Schema.String,
  envNames: Schema.Array(Schema.String),
  source: Schema.String,
  onlyByName: optional(Schema.Boolean),
  connected: Schema.Boolean,
  tools: optional(Schema.Int),
  lock: optional(LockSummary),
  problem: optional(Schema.String)
})

export const listAvailable = Tool.make({
  name: "list_available_mcps",
  title: "List MCP servers",
  description:
    "The user's MCP servers that a delegated task can use, with tool counts where known, and why others cannot; starts none. Use it to find the name for a task.",
  annotations: Tool.looks,
  input: Schema.Struct({}),
  output: Schema.Struct({
    servers: Schema.Array(Server).annotations(brief("array")),
    count: Schema.Int,
    problems: optional(Schema.Array(Schema.String).annotations(brief("array")))
  }),
  text: ({ problems = [], servers }) => [
    ...problems,
    servers.length === 0
      ? "There are no MCP servers. A person can add one with `lms-bridge mcp add`, or take over those of other programs with `lms-bridge mcp import`, at a terminal. autonomous_filesystem_full, autonomous_fetch_full and autonomous_memory_full need none."
      : servers
          .map(({ lock, name, onlyByName = false, problem, source, state, target, tools }, index) =>
            state === "usable"
              ? `${index + 1}. ${name}: ${[target, ...(tools === undefined ? [] : [count(tools, "tool")]), `from ${source}`].join(", ")}${onlyByName ? " (only when it is named)" : ""}${withheldIn(lock)}`
              : `${index + 1}. ${name}: not usable. ${problem ?? state}`
          )
          .join("\n")
  ],
  handler: () =>
    Effect.flatMap(McpRegistry, (registry) => Effect.all([registry.servers, registry.problems])).pipe(
      Effect.map(([servers, problems]) => ({
        servers: servers
          .map(inBrief)
          .map(({ problem, ...server }) => (problem === undefined ? server : { ...server, problem: asTools(problem) })),
        count: servers.filter(({ state }) => state === "usable").length,
        ...(problems.length === 0 ? {} : { problems: problems.map(asTools) })
      }))
    )
})

const withheldIn = (lock: typeof LockSummary.Type | undefined): string =>
  lock === undefined || lock.withheld.length === 0
    ? ""
    : ` (withheld: ${lock.withheld.join(", ")}; a person can accept them with \`lms-bridge mcp trust\`)`

export const tools = [listAvailable]
