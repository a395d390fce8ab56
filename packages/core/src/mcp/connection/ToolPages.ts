/** The pages of a server's list of tools, and what they say of how each tool is called. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { McpTool } from "../McpTool.ts"
import * as HeaderParameters from "../reading/HeaderParameters.ts"
import * as McpWire from "../reading/McpWire.ts"
import type { Page } from "./CachedList.ts"

export interface ToolPages {
  readonly read: (result: unknown) => Effect.Effect<Page<McpTool>>
  /** Whether it is called as a task. */
  readonly asTask: (tool: string) => boolean
  /** Of a call over HTTP. */
  readonly headers: (tool: string, args: Readonly<Record<string, unknown>>) => Readonly<Record<string, string>>
}

/** `mirrors`: whether arguments are repeated in headers, where a tool says so. */
export const make = (
  server: string,
  options: { readonly allows: (tool: string) => boolean; readonly mirrors: boolean }
) => {
  const { allows, mirrors } = options
  const asTask = new Set<string>()
  const mirrored = new Map<string, ReadonlyArray<HeaderParameters.HeaderParameter>>()

  const isUsable = (tool: McpTool): Effect.Effect<boolean> => {
    if (!allows(tool.name)) return Effect.succeed(false)
    if (!mirrors) return Effect.succeed(true)
    return Either.match(HeaderParameters.declared(tool.inputSchema), {
      onLeft: (why) =>
        Effect.as(
          Effect.logWarning("a tool cannot be used, because of its schema", { server, tool: tool.name, why }),
          false
        ),
      onRight: (parameters) => Effect.sync(() => mirrored.set(tool.name, parameters)).pipe(Effect.as(true))
    })
  }

  const pages: ToolPages = {
    read: (result) => {
      const { items, next } = McpWire.toolPage(server, result)
      for (const { name, taskRequired } of items) asTask[taskRequired === true ? "add" : "delete"](name)
      return Effect.map(Effect.filter(items, isUsable), (usable) => ({ items: usable, next }))
    },
    asTask: (tool) => asTask.has(tool),
    headers: (tool, args) => HeaderParameters.headers(mirrored.get(tool) ?? [], args)
  }
  return pages
}
