/**
 * The tools of one run: those that its servers have now, under the names that the model sees, and which of them are
 * offered. Servers may change their tools during the run; each request is built with the tools of that moment.
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import { present } from "../../schema/Fields.ts"
import type { McpConnection } from "../../mcp/McpConnection.ts"
import type { McpTool } from "../../mcp/McpTool.ts"
import * as Builtins from "../tools/Builtins.ts"
import { tokensOf } from "./ContextWindow.ts"
import * as ReadingTools from "../tools/ReadingTools.ts"
import * as SkillTool from "../tools/SkillTool.ts"
import type { RunLog } from "./RunLog.ts"
import * as Toolbox from "../tools/Toolbox.ts"
import type { CatalogTool } from "../tools/CatalogTool.ts"
import * as ToolCatalog from "../tools/ToolCatalog.ts"
import type { Nearness } from "../tools/SemanticRank.ts"
import { comparable } from "../tools/ToolResultText.ts"

export interface RunTools {
  /** As of the last `refresh`. */
  readonly catalog: ToolCatalog.ToolCatalog
  readonly toolbox: Toolbox.Toolbox
  readonly limits: Toolbox.Limits
  /**
   * Checks whether servers have changed their tools. Asks only those that reported a change or were reconnected; a server
   * that does not answer keeps its previous tools.
   */
  readonly refresh: Effect.Effect<void>
}

/** A server of the run with the tools that it listed. */
export interface ReadyServer {
  readonly server: string
  readonly connection: Pick<McpConnection, "tools" | "toolsEdition">
  readonly tools: ReadonlyArray<McpTool>
  /** The edition of `tools`, or an earlier one. */
  readonly edition: string
}

/**
 * Offers the best matching tools within the limits, and those that a resumed run offered before. The semantic ranking is
 * requested only when not all tools may be offered; tools that are added later are ranked by words.
 */
export const make = Effect.fnUntraced(function* (
  ready: ReadonlyArray<ReadyServer>,
  log: RunLog,
  limits: Toolbox.Limits,
  nearness: (tools: ReadonlyArray<CatalogTool>) => Effect.Effect<Nearness>
) {
  const { skills = [], task } = log.state
  const names = skills.map(({ name }) => name)
  let near: Extract<Nearness, { readonly _tag: "Near" }> | undefined
  const viewOf = (servers: ReadonlyArray<ReadyServer>) => {
    const catalog = ToolCatalog.make(
      servers.flatMap(({ tools }) => tools),
      task,
      names
    )
    return { servers, catalog, toolbox: Toolbox.make(catalog.tools, task.task, near?.order) }
  }
  let view = viewOf(ready)
  if (!Toolbox.fits(view.catalog.tools, limits)) {
    const found = yield* nearness(view.catalog.tools)
    if (found._tag === "Near") {
      near = found
      view = viewOf(ready)
    }
    if (found._tag === "Untold") {
      const text = `Tools are ranked by words alone: ${found.reason}`
      yield* log.tell({ _tag: "Noted", kind: "embeddings", text })
    }
  }
  const offer = (tools: ReadonlyArray<CatalogTool>, anew = false) => {
    const { catalog } = view
    const offered = tools.filter(({ builtin }) => !builtin)
    const finders =
      offered.length < catalog.tools.length && !(limits.inLines && Toolbox.namesFit(catalog.tools, limits))
        ? [Builtins.findTools, ...(limits.inLines ? [] : [Builtins.callTool])]
        : []
    const all = [
      ...tools,
      ...finders.flatMap((name) => catalog.find(name) ?? []).filter((tool) => !tools.includes(tool))
    ]
    return log.tell({
      _tag: "ToolsOffered",
      offered: all.map(({ name }) => name),
      // tools that the task excludes do not count, since they cannot be found either
      withheld: catalog.tools.length - offered.length,
      estimatedTokens: tokensOf(all, limits.inLines),
      ...(anew ? { anew } : {}),
      ...(offered.length === catalog.tools.length ? {} : { choice: choiceOf(limits, view.toolbox, near?.model) })
    })
  }
  const onOffer = () => log.state.offered.flatMap((name) => view.catalog.find(name) ?? [])

  const first = Toolbox.choose(view.toolbox, view.catalog.tools, limits)
  const reading = task.resources === true ? ReadingTools.names.flatMap((name) => view.catalog.find(name) ?? []) : []
  const opening = skills.length > 0 ? [SkillTool.name].flatMap((name) => view.catalog.find(name) ?? []) : []
  const begin = [...first, ...reading, ...opening]
  yield* offer([...begin, ...onOffer().filter((tool) => !begin.includes(tool))])

  const refresh = Effect.gen(function* () {
    const servers: Array<ReadyServer> = []
    for (const server of view.servers) servers.push(yield* asNow(server))
    if (servers.every((server, index) => server === view.servers[index])) return
    const before = view
    view = viewOf(servers)
    const changes = servers.flatMap(({ server, tools }, index) =>
      changesOf(server, before.servers[index]?.tools ?? [], tools)
    )
    if (changes.length === 0) return
    yield* log.tell({ _tag: "Noted", kind: "tools-changed", text: changes.join(" ") })
    const kept = onOffer()
    const isNew = ({ builtin, name }: CatalogTool) => !builtin && before.catalog.find(name) === undefined
    yield* offer([...kept, ...fitting(view.catalog.tools.filter(isNew), kept, limits)], true)
  })

  const tools: RunTools = {
    get catalog() {
      return view.catalog
    },
    get toolbox() {
      return view.toolbox
    },
    limits,
    refresh
  }
  return tools
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Enough of the ranking to explain the choice. */
const choiceOf = ({ count, tokens }: Toolbox.Limits, { ranked }: Toolbox.Toolbox, embeddings: string | undefined) => ({
  limits: { count, ...present({ tokens }) },
  ...present({ embeddings }),
  ranked: ranked.slice(0, count + 20).map(({ name }) => name)
})

const asNow = (known: ReadyServer): Effect.Effect<ReadyServer> =>
  // read before the list is requested, so that a change meanwhile is noticed the next time
  Effect.flatMap(known.connection.toolsEdition, (edition) =>
    edition === known.edition
      ? Effect.succeed(known)
      : Effect.match(known.connection.tools, {
          onFailure: () => ({ ...known, edition }),
          onSuccess: (tools) => ({ ...known, edition, tools })
        })
  )

/** A sentence about the changes; empty when the server lists the same tools as before. */
const changesOf = (
  server: string,
  before: ReadonlyArray<McpTool>,
  after: ReadonlyArray<McpTool>
): ReadonlyArray<string> => {
  const old = new Map(before.map((tool) => [tool.name, tool]))
  const names = new Set(after.map(({ name }) => name))
  const parts = [
    ["new", after.filter(({ name }) => !old.has(name))],
    ["gone", before.filter(({ name }) => !names.has(name))],
    [
      "changed",
      after.filter((tool) => old.has(tool.name) && !Equal.equals(comparable(old.get(tool.name)), comparable(tool)))
    ]
  ] as const
  const told = parts.flatMap(([what, tools]) => (tools.length === 0 ? [] : [`${what}: ${namesOf(tools)}`]))
  return told.length === 0 ? [] : [`MCP server ${server} changed its tools (${told.join("; ")}).`]
}

const namesOf = (tools: ReadonlyArray<McpTool>) => {
  const names = tools.map(({ name }) => name)
  return names.length > 10 ? `${names.slice(0, 9).join(", ")} and ${names.length - 9} more` : names.join(", ")
}

/** New tools for which there is room beside the offered ones; the others can be found with `find_tools`. */
const fitting = (
  added: ReadonlyArray<CatalogTool>,
  kept: ReadonlyArray<CatalogTool>,
  { count, inLines, tokens }: Toolbox.Limits
): ReadonlyArray<CatalogTool> => {
  const chosen: Array<CatalogTool> = []
  for (const tool of added) {
    const all = [...kept, ...chosen, tool]
    const tooMany = all.filter(({ builtin }) => !builtin).length > count
    if (!tooMany && (tokens === undefined || tokensOf(all, inLines) <= tokens)) chosen.push(tool)
  }
  return chosen
}
