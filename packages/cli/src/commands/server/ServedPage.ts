/**
 * The server over HTTP with its page, and what only this program can do for the page.
 */
import type { ApprovalRequest } from "@lms-bridge/core/AgentLoop"
import { ClientFiles } from "@lms-bridge/core/McpConfig"
import { McpRegistry } from "@lms-bridge/core/McpRegistry"
import { Settings } from "@lms-bridge/core/Settings"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import { UsageError } from "../../ExitCode.ts"
import * as FileBefore from "../../terminal/approval/FileBefore.ts"
import * as FileEdit from "../../terminal/approval/FileEdit.ts"
import { findings } from "../../views/Diagnosis.ts"

export interface Options {
  readonly host: string
  readonly port: number
  readonly listening: (url: string) => Effect.Effect<void>
  /** Called with each link that logs in once. */
  readonly link: (url: string) => Effect.Effect<void>
}

/** Serves until it is interrupted. */
export const serve = Effect.fnUntraced(function* ({ host, link, listening, port }: Options) {
  const { httpToken, metricsOpen: openMetrics } = yield* Settings
  // loaded on first use: other commands do without it
  const { serveHttp } = yield* Effect.promise(() => import("@lms-bridge/mcp-server/serveHttp"))
  const doctor = yield* withContext(findings)
  const context = yield* Effect.context<McpRegistry | FileSystem.FileSystem | Path.Path>()
  return yield* serveHttp({
    host,
    port,
    token: httpToken,
    openMetrics,
    listening,
    page: {
      doctor,
      switchServer: (server, on) => Effect.provide(switchServer(server, on), context),
      changeOf: (request) => Effect.provide(changeOf(request), context),
      link
    }
  })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const mostLines = 500

const withContext = <A, R>(self: Effect.Effect<A, never, R>) =>
  Effect.map(Effect.context<R>(), (context) => Effect.provide(self, context))

/** Of a file that is not read, the texts of the call itself, where it has what they replace. */
const changeOf = Effect.fnUntraced(function* (request: ApprovalRequest) {
  const edit = FileEdit.of(request)
  if (edit === undefined) return []
  const before = yield* FileBefore.of(edit.path, [])
  if (before !== "unread") return yield* FileEdit.lines(edit, before, mostLines)
  return edit.edits.length === 0 ? [] : yield* FileEdit.lines(edit, undefined, mostLines)
})

/** Only in the file that the server stands in; where another setting switches it off, that one says so. */
const switchServer = Effect.fnUntraced(function* (name: string, on: boolean) {
  const registry = yield* McpRegistry
  const stateOf = Effect.map(registry.servers, (all) => all.find((server) => server.name === name))
  const found = yield* stateOf
  if (found === undefined) return yield* new UsageError({ problem: `There is no MCP server "${name}".` })
  const plan = yield* ClientFiles.planSwitch(found.source, name, on)
  if (plan.changes.length > 0) yield* ClientFiles.write(plan)
  const now = yield* stateOf
  if (on && now?.state === "disabled")
    return yield* new UsageError({ problem: now.problem ?? `"${name}" is still off.` })
})
