/** One configured server, in a form that may be shown to a person or a program. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { optional, present } from "../schema/Fields.ts"
import { LockSummary } from "./lock/ToolLock.ts"
import { McpEntryUnusable } from "./McpError.ts"
import type { LaunchProblem, ServerDefinition } from "./config/ServerDefinition.ts"

/** One entry as it may be shown: with names of environment variables and headers, never their values. */
export const ServerSummary = Schema.Struct({
  name: Schema.String,
  transport: Schema.Literal("stdio", "http", "sse", "unknown"),
  /** Command and arguments, or the URL without its query, for the user; possible secrets are masked. */
  target: Schema.String,
  /** The command's name or the URL's host, for models and their clients. */
  brief: optional(Schema.String),
  envNames: Schema.Array(Schema.String),
  /** The file of the entry, and the line of the entry's name in it. */
  source: Schema.String,
  line: optional(Schema.Int),
  /** `missing`: as far as can be known without starting it, its program is not there. */
  state: Schema.Literal("usable", "missing", "disabled", "itself", "invalid"),
  /** Why it is not usable; absent when it is. */
  problem: optional(Schema.String),
  /** It came with the working folder, for another program: it is started only when it is named. */
  onlyByName: optional(Schema.Boolean),
  /** Whether a connection is open now. */
  connected: Schema.Boolean,
  /** How often it was started again in this process, after a loss or on request; absent for none. */
  restarts: optional(Schema.Int),
  /** How many tools it listed last in this process, those that its lock withholds included; absent when nobody asked. */
  tools: optional(Schema.Int),
  /** `wanted`: the server refused without a login, or with the present one. Absent when nothing is known. */
  login: optional(Schema.Literal("done", "wanted")),
  /** Present when the server's tools are locked. */
  lock: optional(LockSummary),
  /** Entries with this name in other files, which are not used because `source` takes precedence. */
  shadows: optional(Schema.Array(Schema.Struct({ source: Schema.String, line: optional(Schema.Int) })))
})
export type ServerSummary = typeof ServerSummary.Type

/** The error of an entry that cannot be used. */
export const unusable = ({ name, source }: ServerDefinition, { detail, line, reason }: LaunchProblem) =>
  new McpEntryUnusable({ server: name, path: source, reason, ...present({ line }), detail })

/** In a form that may be shown to models and their clients: without arguments, paths and queries. */
export const inBrief = ({ brief = "", restarts: _restarts, ...summary }: ServerSummary): ServerSummary => ({
  ...summary,
  target: brief
})

/** The servers to start when all are requested: also those that look missing, so that the failure is reported. */
export const startable = (all: ReadonlyArray<ServerSummary>): ReadonlyArray<ServerSummary> =>
  all.filter(({ onlyByName = false, state }) => mayStart(state) && !onlyByName)

/** Why a usable server is left out when all are requested; undefined if it is not. */
export const leftOut = ({ name, onlyByName = false, source, state }: ServerSummary): string | undefined =>
  mayStart(state) && onlyByName
    ? `MCP server "${name}" was not started: ${source} came with this folder, for another program. Name the server to use it.`
    : undefined

/** As if it were not connected. `shadowed` are the entries with its name in later files. */
export const summaryOf = (
  definition: ServerDefinition,
  shadowed: ReadonlyArray<ServerDefinition>,
  lock: LockSummary | undefined
): ServerSummary => {
  const { launch, name, shown } = definition
  const shadows = shadowed.map(placeOf)
  const known = {
    name,
    ...shown,
    ...placeOf(definition),
    connected: false,
    ...present({ lock, onlyByName: definition.onlyByName }),
    ...(shadows.length === 0 ? {} : { shadows })
  }
  if (Either.isRight(launch)) return { ...known, state: "usable" }
  const { reason } = launch.left
  const problem = unusable(definition, launch.left).message
  return { ...known, state: reason === "Disabled" ? "disabled" : reason === "Itself" ? "itself" : "invalid", problem }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const mayStart = (state: ServerSummary["state"]) => state === "usable" || state === "missing"

const placeOf = ({ line, source }: ServerDefinition) => ({ source, ...present({ line }) })
