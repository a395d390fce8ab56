/** The mcp.json of the user: which one is meant, and how a change of it is carried out and told. */
import { ClientFiles } from "@lms-bridge/core/McpConfig"
import { type ConfigCandidate, McpRegistry, type ServerSummary } from "@lms-bridge/core/McpRegistry"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import { UsageError } from "../../ExitCode.ts"
import { Program } from "../../Program.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as FileChange from "../../views/FileChange.ts"

/**
 * `used`: the file that is used where it is the user's own, else that of `MCP_JSON_PATH` or of the home folder. Anything
 * but the other names is a path.
 */
export const place = Effect.fnUntraced(function* (wanted: string) {
  const path = yield* Path.Path
  const candidates = yield* Effect.flatMap(McpRegistry, (registry) => registry.candidates)
  const of = (...origins: ReadonlyArray<ConfigCandidate["origin"]>) =>
    candidates.find(({ origin }) => origins.includes(origin))
  const own = candidates.filter(({ origin }) => owns.includes(origin) && origin !== "above")
  // in the home folder, the file of the user is that of the project
  const ofUser = of("home") ?? of("project")
  switch (wanted) {
    case "used":
      return (own.find(({ used }) => used) ?? of("setting") ?? ofUser)?.path ?? (yield* noPlace())
    case "project":
    case "user":
    case "lmstudio": {
      const files = { project: of("project"), user: ofUser, lmstudio: of("LM Studio") }
      return files[wanted]?.path ?? (yield* noPlace(of("setting") === undefined ? undefined : wanted))
    }
    default:
      return path.resolve(wanted)
  }
})

/** The servers that can be used, without lms-bridge itself. */
export const used = Effect.map(
  Effect.orElseSucceed(
    Effect.flatMap(McpRegistry, (registry) => registry.servers),
    () => []
  ),
  (servers) => servers.filter(({ state }) => state !== "itself")
)

/** What a change of `file` did to the choice of files; `before` are the servers that were in use. */
export const consequences = Effect.fnUntraced(function* (file: string, before: ReadonlyArray<ServerSummary>) {
  const candidates = yield* Effect.flatMap(McpRegistry, (registry) => registry.candidates)
  const own = candidates.find(({ path }) => path === file)
  const first = candidates.find((candidate) => candidate.used)
  if (first !== undefined && own?.used !== true) {
    return own?.entries?.length === 0 ? [] : [`${file} is not used, because ${first.path} comes first.`]
  }
  const after = new Set((yield* used).map(({ name }) => name))
  const lost = before.filter(({ name, source }) => source !== file && !after.has(name))
  return [...new Set(lost.map(({ source }) => source))].map((source) => {
    const names = lost.flatMap((server) => (server.source === source ? [server.name] : []))
    const isOfClient = candidates.some(({ origin, path }) => path === source && !owns.includes(origin))
    const hint = isOfClient
      ? "`lms-bridge mcp import` takes them over."
      : "With LMS_BRIDGE_MCP_SOURCES=all every file is used."
    return `${file} comes before ${source}, whose servers are not used now: ${names.join(", ")}. ${hint}`
  })
})

/** Writes the plan, and says what was done, what follows from it and how to undo it. */
export const carryOut = Effect.fnUntraced(function* (
  plan: ClientFiles.Plan,
  dryRun: boolean,
  words: {
    readonly did: string
    readonly already: string
    readonly next: string | undefined
    readonly variables: ReadonlySet<string>
  }
) {
  const screen = yield* Screen
  if (plan.changes.length === 0) return yield* screen.out(words.already)
  const shown = FileChange.lines(plan, plan.path, words.variables)
  if (dryRun) return yield* screen.out([...shown, "Nothing was written."].join("\n"))
  const before = yield* used
  const { backup } = yield* ClientFiles.write(plan)
  const notes = yield* consequences(plan.path, before)
  const next = words.next === undefined ? [] : [words.next]
  yield* screen.out([...shown, words.did, ...notes, ...next, ...(yield* undo(plan, backup))].join("\n"))
})

/** The line that says how to undo a change; none where the file is new. */
export const undo = ({ path }: ClientFiles.Plan, backup: string | undefined) =>
  Effect.map(Program, ({ platform }) =>
    backup === undefined ? [] : [`Undo: ${FileChange.undo(platform, backup, path)}`]
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The files that are nobody else's; LM Studio's counts as one, because it is the usual place. */
const owns: ReadonlyArray<ConfigCandidate["origin"]> = ["setting", "project", "home", "above", "LM Studio"]

const noPlace = (wanted?: string) =>
  new UsageError({
    problem:
      wanted === undefined
        ? "There is no place for an mcp.json. Set HOME or MCP_JSON_PATH."
        : `MCP_JSON_PATH names the only file that is read. Unset it to write to another one (${wanted}).`
  })
