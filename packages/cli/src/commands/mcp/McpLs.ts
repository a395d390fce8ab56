/**
 * `mcp ls`: lists the MCP servers in the user's mcp.json. Starts none of them.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Settings } from "@lms-bridge/core/Settings"
import { type ConfigCandidate, McpRegistry, ServerSummary } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as McpExplanation from "../../views/McpExplanation.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Table from "../../views/Table.ts"

export const command = Command.make("ls", {
  explain: Options.boolean("explain").pipe(
    Options.withDescription("Show which files were looked for, which are used, and where each entry comes from.")
  ),
  json: SharedOptions.listingJson
}).pipe(
  Command.withDescription("List the MCP servers in your mcp.json."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ explain, json }) {
      const screen = yield* Screen
      const registry = yield* McpRegistry
      if (explain) {
        const found = yield* Effect.either(registry.servers)
        const { mcpSources: mode } = yield* Settings
        const explanation = {
          mode,
          files: yield* registry.candidates,
          servers: Either.getOrElse(found, () => [])
        }
        yield* screen.out(json ? encodeExplanation(explanation) : McpExplanation.render(explanation, screen.columns))
        return yield* Effect.asVoid(found)
      }
      const servers = yield* registry.servers
      if (json) return yield* screen.out(encode(servers))
      const candidates = yield* registry.candidates
      yield* screen.err(whereFrom(candidates))
      if (servers.length > 0) yield* screen.out(render(servers, screen.columns, candidates))
    })
  )
)

/** With the source of each entry where there are several. */
export const render = (
  servers: ReadonlyArray<ServerSummary>,
  columns?: number,
  candidates: ReadonlyArray<ConfigCandidate> = []
): string =>
  Table.render(
    ["SERVER", "STATE", "SOURCE", "TRANSPORT", "TARGET", "VARIABLES", "LOCK", "PROBLEM"],
    servers.map((server) => [
      server.name,
      server.state,
      sourceOf(server, servers, candidates),
      server.transport,
      server.target,
      server.envNames.join(", "),
      server.lock === undefined ? "" : lockOf(server.lock),
      problemOf(server)
    ]),
    columns
  )

/** In how many places an mcp.json was looked for; a single one is named. */
export const lookedFor = (candidates: ReadonlyArray<ConfigCandidate>): string => {
  const [first] = candidates
  return first !== undefined && candidates.length === 1
    ? `looked for ${first.path}`
    : `looked in ${candidates.length} places, which \`lms-bridge mcp ls --explain\` lists`
}

/** Every file in use, and its problem. */
export const whereFrom = (candidates: ReadonlyArray<ConfigCandidate>): string => {
  const used = candidates.filter((candidate) => candidate.used)
  return used.length === 0
    ? `No mcp.json was found (${lookedFor(candidates)}). \`lms-bridge init\` makes one, \`lms-bridge mcp add NAME -- COMMAND\` adds a server.`
    : [`From ${used.map(({ path }) => path).join(", ")}:`, ...used.flatMap(({ problem }) => problem ?? [])].join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The client whose file it is; the file itself where the client has several of them. */
const sourceOf = (
  { source }: ServerSummary,
  servers: ReadonlyArray<ServerSummary>,
  candidates: ReadonlyArray<ConfigCandidate>
) => {
  const sources = new Set(servers.map((server) => server.source))
  if (sources.size < 2) return ""
  const nameOf = (path: string) => {
    const origin = candidates.find((candidate) => candidate.path === path)?.origin
    return origin === undefined ? path : McpExplanation.whose(origin)
  }
  const name = nameOf(source)
  return [...sources].some((other) => other !== source && nameOf(other) === name) ? source : name
}

const lockOf = ({ problem, trusted, withheld }: NonNullable<ServerSummary["lock"]>) =>
  problem === undefined
    ? `${trusted} trusted${withheld.length === 0 ? "" : `, ${withheld.length} withheld`}`
    : "cannot be used"

const encodeExplanation = Schema.encodeSync(Schema.parseJson(McpExplanation.Explanation))

const problemOf = ({ login, name, onlyByName = false, problem, state }: ServerSummary) => {
  if (state !== "usable") return problem ?? ""
  if (onlyByName) return "comes with this folder: used only when it is named"
  return login === "wanted" ? `needs a login: lms-bridge mcp login ${name}` : ""
}

const encode = Schema.encodeSync(Schema.parseJson(Schema.Array(ServerSummary)))
