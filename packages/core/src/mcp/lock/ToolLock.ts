/**
 * The content of an `mcp.lock`: the definition of each tool of a server when the user trusted it; and the comparison
 * with the current tools. Pure.
 */
import * as Schema from "effect/Schema"
import { optional, present } from "../../schema/Fields.ts"
import * as ExactJson from "../../json/ExactJson.ts"
import { type McpTool, ToolAnnotations } from "../McpTool.ts"
import type { McpLockFailed } from "./ToolLockError.ts"

const JsonSchema = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/** Everything of a tool that a model reads or a policy depends on. */
export const ToolDefinition = Schema.Struct({
  title: optional(Schema.String),
  description: Schema.String,
  inputSchema: JsonSchema,
  outputSchema: optional(JsonSchema),
  annotations: ToolAnnotations
})
export type ToolDefinition = typeof ToolDefinition.Type

/** `hash` decides; the rest is for people, to read in a review and to see what has changed. */
export const LockedTool = Schema.Struct({ hash: Schema.String, ...ToolDefinition.fields })
export type LockedTool = typeof LockedTool.Type

export const LockedServer = Schema.Struct({ tools: Schema.Record({ key: Schema.String, value: LockedTool }) })
export type LockedServer = typeof LockedServer.Type

/** The whole file. A server that is not in it is not guarded. */
export const ToolLock = Schema.Struct({
  version: Schema.Literal(1),
  servers: Schema.Record({ key: Schema.String, value: LockedServer })
})
export type ToolLock = typeof ToolLock.Type

export interface HashedTool {
  readonly tool: McpTool
  readonly hash: string
}

/** A tool that is not offered because its current definition is not trusted. `before` is the trusted definition. */
export interface WithheldTool {
  readonly tool: McpTool
  readonly change: "new" | "changed"
  readonly before: ToolDefinition | undefined
}

export interface Comparison {
  /** Tools that are unchanged. */
  readonly tools: ReadonlyArray<McpTool>
  readonly withheld: ReadonlyArray<WithheldTool>
  /** Names of tools that the server no longer has. */
  readonly removed: ReadonlyArray<string>
}

/** The server's current tools compared with the lock. */
export interface ToolReview extends Comparison {
  readonly server: string
  /** The lock file of the server, existing or not; undefined for a server that is in no file. */
  readonly lock: string | undefined
  /** Whether the server is guarded. If it is not, all its tools are offered. */
  readonly locked: boolean
  /** Why the lock cannot be used; then everything is withheld. */
  readonly problem: McpLockFailed | undefined
}

export const LockSummary = Schema.Struct({
  path: Schema.String,
  /** How many tools are trusted. */
  trusted: Schema.Int,
  /** Names of tools that were withheld when the server last listed its tools to this process. */
  withheld: Schema.Array(Schema.String),
  /** Why the lock cannot be used; then everything is withheld. */
  problem: optional(Schema.String)
})
export type LockSummary = typeof LockSummary.Type

export const empty: ToolLock = { version: 1, servers: {} }

export const definitionOf = ({
  annotations,
  description,
  inputSchema,
  outputSchema,
  title
}: McpTool): ToolDefinition => ({
  ...present({ title }),
  description,
  inputSchema,
  ...present({ outputSchema }),
  annotations
})

/** The text to hash: the tool's name and definition, independent of the order of keys. */
export const textOf = (tool: McpTool): string => ExactJson.canonical({ name: tool.name, ...definitionOf(tool) })

/** Compares the current tools with those of the lock. */
export const compare = (locked: LockedServer, now: ReadonlyArray<HashedTool>): Comparison => {
  const known = (name: string) => (Object.hasOwn(locked.tools, name) ? locked.tools[name] : undefined)
  const isTrusted = ({ hash, tool }: HashedTool) => known(tool.name)?.hash === hash
  const names = new Set(now.map(({ tool }) => tool.name))
  return {
    tools: now.filter(isTrusted).map(({ tool }) => tool),
    withheld: now.flatMap((entry): ReadonlyArray<WithheldTool> => {
      if (isTrusted(entry)) return []
      const before = known(entry.tool.name)
      return [{ tool: entry.tool, change: before === undefined ? "new" : "changed", before }]
    }),
    removed: Object.keys(locked.tools).filter((name) => !names.has(name))
  }
}

/** The lock in which a server is trusted with exactly these tools. */
export const trust = (lock: ToolLock, server: string, tools: ReadonlyArray<HashedTool>): ToolLock => ({
  ...lock,
  servers: {
    ...lock.servers,
    [server]: {
      tools: Object.fromEntries(tools.map(({ hash, tool }) => [tool.name, { hash, ...definitionOf(tool) }]))
    }
  }
})

/** The tools as the file has them, each with its hash there. */
export const toolsOf = ({ servers }: ToolLock): ReadonlyArray<McpTool & { readonly locked: string }> =>
  Object.entries(servers).flatMap(([server, { tools }]) =>
    Object.entries(tools).map(([name, { hash, ...definition }]) => ({ server, name, ...definition, locked: hash }))
  )

/** The lock without a server, which is then not guarded. */
export const release = (lock: ToolLock, server: string): ToolLock => ({
  ...lock,
  servers: Object.fromEntries(Object.entries(lock.servers).filter(([name]) => name !== server))
})

/** A schema or annotations for people, one fact per line. */
export const readable = (value: unknown): string => ExactJson.canonical(value, 2)

/** The text of the file: deterministic, one fact per line, so that a review shows what has changed. */
export const encode = (lock: ToolLock): string => `${readable(lock)}\n`
