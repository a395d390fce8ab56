/**
 * `mcp ls --explain`: which files were looked for, how each is used, and where every entry comes from.
 */
import { ConfigCandidate, ServerSummary } from "@lms-bridge/core/McpRegistry"
import * as Schema from "effect/Schema"
import * as Table from "./Table.ts"
import * as Words from "./Words.ts"

export const Explanation = Schema.Struct({
  /** LMS_BRIDGE_MCP_SOURCES. */
  mode: Schema.Literal("first", "all"),
  /** In the order in which they were looked for. */
  files: Schema.Array(ConfigCandidate),
  servers: Schema.Array(ServerSummary)
})
export type Explanation = typeof Explanation.Type

export const render = ({ files, mode, servers }: Explanation, columns?: number): string =>
  [
    mode === "first"
      ? "The first of these files that has servers is used (LMS_BRIDGE_MCP_SOURCES=first):"
      : "All of these files that exist are used; if a name is in several, the first one counts (LMS_BRIDGE_MCP_SOURCES=all):",
    "",
    Table.render(
      ["", "FILE", "BELONGS TO", "USE"],
      files.map((file, index) => [String(index + 1), file.path, whose(file.origin), fate(file)]),
      columns
    ),
    ...files.flatMap(({ problem }) => (problem === undefined ? [] : ["", Words.oneLine(problem)])),
    ...(servers.length === 0
      ? []
      : [
          "",
          Table.render(
            ["SERVER", "STATE", "FROM", "INSTEAD OF", "PROBLEM"],
            servers.map(({ line, name, problem, shadows = [], source, state }) => [
              name,
              state,
              place({ source, line }),
              shadows.map(place).join(", "),
              state === "usable" ? "" : (problem ?? "")
            ]),
            columns
          )
        ])
  ].join("\n")

/** The program's name, or words for a place of ours. */
export const whose = (origin: ConfigCandidate["origin"]): string => {
  switch (origin) {
    case "setting":
      return "MCP_JSON_PATH"
    case "project":
      return "this folder"
    case "home":
      return "home directory"
    case "above":
      return "folder above"
    default:
      return origin
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const fate = ({ entries, exists, problem, used }: ConfigCandidate): string => {
  if (!exists) return "does not exist"
  const below = problem === undefined ? "" : ", see below"
  if (problem !== undefined && entries === undefined) return `${used ? "" : "not used, "}invalid${below}`
  if (used) return `used, ${Words.count(entries?.length ?? 0, "server")}${below}`
  const names = (entries ?? []).map(({ name }) => name).join(", ")
  return names === "" ? `not used, has no servers${below}` : `not used: ${names}${below}`
}

const place = ({ line, source }: { readonly source: string; readonly line?: number | undefined }) =>
  line === undefined ? source : `${source}:${line}`
