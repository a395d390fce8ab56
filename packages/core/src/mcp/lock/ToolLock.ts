/**
 * What an `mcp.lock` says: how each tool of a server looked when somebody trusted it. And what that means for the tools
 * of now: pure.
 */
import * as Schema from "effect/Schema"
import { optional, present } from "../../schema/Fields.ts"
import * as ExactJson from "../../json/ExactJson.ts"
import { type McpTool, ToolAnnotations } from "../McpTool.ts"

const JsonSchema = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/** All of a tool that a model reads or a policy goes by. */
export const ToolDefinition = Schema.Struct({
  title: optional(Schema.String),
  description: Schema.String,
  inputSchema: JsonSchema,
  outputSchema: optional(JsonSchema),
  annotations: ToolAnnotations
})
export type ToolDefinition = typeof ToolDefinition.Type

/** `hash` decides; the rest is there for people, to read it in a review and to see what has changed. */
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

/** A tool that is not offered: nobody has trusted it as it is now. `before` is how it was when somebody did. */
export interface WithheldTool {
  readonly tool: McpTool
  readonly change: "new" | "changed"
  readonly before: ToolDefinition | undefined
}

export interface Comparison {
  /** Tools that are as they were. */
  readonly tools: ReadonlyArray<McpTool>
  readonly withheld: ReadonlyArray<WithheldTool>
  /** Names of tools that the server had and has no longer. */
  readonly removed: ReadonlyArray<string>
}

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

/** What a tool's hash is taken of: its name and its definition, the same text whatever the order of keys. */
export const textOf = (tool: McpTool): string => ExactJson.canonical({ name: tool.name, ...definitionOf(tool) })

/** The tools of now beside those of the lock. */
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

/** The lock in which a server is not guarded. */
export const release = (lock: ToolLock, server: string): ToolLock => ({
  ...lock,
  servers: Object.fromEntries(Object.entries(lock.servers).filter(([name]) => name !== server))
})

/** A schema or annotations for people, one fact a line. */
export const readable = (value: unknown): string => ExactJson.canonical(value, 2)

/** The text of the file: the same for the same lock, one fact a line, so that a review shows what has changed. */
export const encode = (lock: ToolLock): string => `${readable(lock)}\n`
