/** The tools of a run under the names that the model sees, and how to judge the calls that it makes. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ToolCall } from "../../lmstudio/Chat.ts"
import type { McpTool } from "../../mcp/McpTool.ts"
import { nearest } from "../../names/nearest.ts"
import * as ToolName from "../../mcp/ToolName.ts"
import type { AgentEventBody } from "../rules/AgentEvent.ts"
import type { AgentTask } from "../AgentTask.ts"
import * as Builtins from "./Builtins.ts"
import { isNamedBy } from "../../names/namePattern.ts"
import * as ReadingTools from "./ReadingTools.ts"
import * as SkillTool from "./SkillTool.ts"
import { acceptable } from "../schema/SentSchema.ts"
import type { Arguments } from "../schema/ArgumentText.ts"
import * as ToolArguments from "../schema/ToolArguments.ts"
import { nearTools, onlyMeant } from "./NearTools.ts"
import type { CatalogTool } from "./CatalogTool.ts"

/** No server has a requested tool, so the run would have to do without it. */
export class NoSuchTool extends Schema.TaggedError<NoSuchTool>()("NoSuchTool", {
  pattern: Schema.String,
  nearest: Schema.Array(Schema.String),
  /** Servers whose tools were searched. */
  servers: Schema.Array(Schema.String)
}) {
  readonly retryable = false
  override get message() {
    const { nearest, pattern, servers } = this
    if (servers.length === 0)
      return `No tool is called "${pattern}", because this run has no MCP servers. Name a server that has it.`
    const hint =
      nearest.length > 0
        ? `Did you mean ${nearest.join(" or ")}?`
        : `\`lms-bridge mcp tools ${servers[0]}\` lists the tools of a server.`
    return `No tool of ${servers.join(", ")} is called "${pattern}". ${hint}`
  }
}

export interface ToolCatalog {
  /** The tools of the servers, in the order of the servers and of their lists. */
  readonly tools: ReadonlyArray<CatalogTool>
  /** Names of the skills that `open_skill` opens. */
  readonly skills: ReadonlyArray<string>
  /** Searches all tools, including those of the loop itself. */
  readonly find: (name: string) => CatalogTool | undefined
}

/**
 * What to do with a call: run it with these arguments, or tell the model why not. `schemaProblem` says what about the
 * tool's schema cannot be used, and so was not checked.
 */
export type Verdict =
  | {
      readonly _tag: "Run"
      readonly tool: CatalogTool
      readonly arguments: Arguments
      readonly schemaProblem: string | undefined
    }
  | {
      readonly _tag: "Refuse"
      readonly reason: Extract<AgentEventBody, { readonly _tag: "ToolCallRefused" }>["reason"]
      readonly told: string
    }

/**
 * The tools that the task allows. Names do not depend on `allowedTools` and `excludedTools`, so patterns can be taken from
 * any listing.
 */
export const make = (
  tools: ReadonlyArray<McpTool>,
  task: Pick<AgentTask, "allowedTools" | "excludedTools" | "resources">,
  skills: ReadonlyArray<string> = []
): ToolCatalog => {
  const own = [...builtins, ...(task.resources === true ? reading : []), ...(skills.length > 0 ? [openSkill] : [])]
  const names = ToolName.assign(tools, { reserved: own.map(({ name }) => name) })
  const several = new Set(tools.map(({ server }) => server)).size > 1
  const offered = tools.flatMap((tool): ReadonlyArray<CatalogTool> => {
    const name = Option.getOrUndefined(names.nameOf(tool))
    const matches = (pattern: string) => isNamedBy(pattern, tool)
    if (name === undefined || task.excludedTools?.some(matches) === true) return []
    if (task.allowedTools?.some(matches) === false) return []
    const description = several ? `[${tool.server}] ${tool.description}`.trim() : tool.description
    return [{ name, tool, definition: { name, description, parameters: acceptable(tool.inputSchema) }, builtin: false }]
  })
  const lasting = offered.filter((tool) => !isReplaced(tool, offered))
  const byName = new Map([...offered, ...own].map((tool) => [tool.name, tool]))
  const bySnake = new Map<string, CatalogTool | undefined>()
  for (const tool of offered) bySnake.set(snake(tool.name), bySnake.has(snake(tool.name)) ? undefined : tool)
  const exactly = (name: string) => byName.get(name) ?? bySnake.get(snake(name))
  return { tools: lasting, skills, find: (name) => exactly(name) ?? undecorated(name, offered, exactly) }
}

/** The first pattern that matches none of the tools, as an error. */
export const missing = (
  tools: ReadonlyArray<McpTool>,
  patterns: ReadonlyArray<string>,
  servers: ReadonlyArray<string>
): Option.Option<NoSuchTool> =>
  Option.map(
    Option.fromNullable(patterns.find((pattern) => !tools.some((tool) => isNamedBy(pattern, tool)))),
    (pattern) => {
      const names = tools.map(({ name, server }) => (pattern.includes("__") ? `${server}__${name}` : name))
      return new NoSuchTool({ pattern, nearest: nearest(pattern, [...new Set(names)]), servers })
    }
  )

/** Whether a call may run, and with which arguments. `whole` is false for a reply that may be truncated. */
export const judge = (catalog: ToolCatalog, made: ToolCall, options: { readonly whole: boolean }): Verdict => {
  const call = SkillTool.meant(Builtins.meant(made), catalog.skills)
  const tool = catalog.find(call.name)
  if (tool === undefined) {
    const meant = readerMeant(catalog, call.name)
    const verdict = meant === undefined ? undefined : judge(catalog, { ...call, name: meant }, options)
    return verdict?._tag === "Run"
      ? verdict
      : { _tag: "Refuse", reason: "UnknownTool", told: unknownTool(catalog, call.name) }
  }
  const checked = ToolArguments.check(tool.tool, tool.name, call.arguments, options)
  return checked._tag === "Unfit"
    ? { _tag: "Refuse", reason: "InvalidArguments", told: checked.told }
    : { _tag: "Run", tool, arguments: checked.arguments, schemaProblem: checked.schemaProblem }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The tool that can only be meant, if it only reads: one that changes something is never guessed. */
const readerMeant = ({ find, tools }: ToolCatalog, name: string): string | undefined => {
  const meant = onlyMeant(
    name,
    tools.map((tool) => tool.name)
  )
  return meant !== undefined && find(meant)?.tool.annotations?.readOnly === true ? meant : undefined
}

/** Whether its description says that it is deprecated and which other tool of its server takes its place. */
const isReplaced = ({ name, tool }: CatalogTool, all: ReadonlyArray<CatalogTool>): boolean =>
  /\bdeprecated\b/i.test(tool.description) &&
  all.some(
    (other) =>
      other.name !== name &&
      other.tool.server === tool.server &&
      new RegExp(`\\b(?:use|see|by|of|for)\\s+\\W?${other.tool.name.replaceAll(/\W/g, "\\$&")}\\b`, "i").test(
        tool.description
      )
  )

/** LM Studio shows tools to the model in snake_case (H25), so a model may call `readFile` by `read_file`. */
const snake = (name: string) =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(/[^a-zA-Z0-9]+/g, "_")
    .toLowerCase()

/**
 * The tool that a decorated name refers to, such as `functions.x:0` or `server.x`; undefined when it is ambiguous or names
 * another server.
 */
const undecorated = (
  written: string,
  offered: ReadonlyArray<CatalogTool>,
  exactly: (name: string) => CatalogTool | undefined
): CatalogTool | undefined => {
  const name = written.trim().replace(/\(\)$/, "")
  const ofServer = offered.filter(({ tool }) => snake(`${tool.server}_${tool.name}`) === snake(name))
  if (ofServer.length > 0) return ofServer.length === 1 ? ofServer[0] : undefined
  const plain = plainName(name, (candidate) => exactly(candidate) !== undefined)
  const found = exactly(plain)
  const around = name.slice(0, Math.max(0, name.lastIndexOf(plain))).split(/[.:/]/)
  const own = snake(found?.tool.server ?? "")
  return around.every((word) => word === "" || decorations.has(word) || snake(word) === own) ? found : undefined
}

/**
 * The name as the run offers it, or as written when no tool matches. `isOffered` is called with what remains after each
 * decoration is removed.
 */
const plainName = (written: string, isOffered: (name: string) => boolean): string => {
  const name = written.trim().slice(0, 200)
  const candidates = [name]
  const uncounted = name.replace(/:\d{1,4}$/, "")
  candidates.push(uncounted)
  for (let rest = uncounted; /[.:/]/.test(rest);) {
    rest = rest.slice(rest.search(/[.:/]/) + 1)
    candidates.push(rest)
  }
  candidates.push(...candidates.map((candidate) => candidate.replace(/(?:json|code|commentary)$/, "")))
  return candidates.find((candidate) => candidate !== "" && isOffered(candidate)) ?? name
}

/** Words that templates and models write before a name. */
const decorations = new Set([
  "functions",
  "function",
  "default_api",
  "api",
  "tools",
  "tool",
  "mcp",
  "namespace",
  "multi_tool_use"
])

const builtin = (tool: McpTool): CatalogTool => ({
  name: tool.name,
  tool,
  definition: { name: tool.name, description: tool.description, parameters: acceptable(tool.inputSchema) },
  builtin: true
})

const builtins = Builtins.tools.map(builtin)

const reading = ReadingTools.tools.map(builtin)

const openSkill = builtin(SkillTool.tool)

const unknownTool = (catalog: ToolCatalog, name: string): string => {
  const names = [...catalog.tools.map((tool) => tool.name), ...(catalog.skills.length > 0 ? [SkillTool.name] : [])]
  const shown = name.length > 80 ? `${name.slice(0, 79)}…` : name
  const near = nearTools(name, names)
  const hint =
    names.length === 0
      ? "There are no tools in this run; answer without them."
      : near.length > 0
        ? `Did you mean ${near.map((other) => `"${other}"`).join(" or ")}?`
        : `There are: ${names.slice(0, 20).join(", ")}${names.length > 20 ? `, and ${names.length - 20} more` : ""}.`
  return `There is no tool "${shown}", so nothing was run. ${hint}`
}
