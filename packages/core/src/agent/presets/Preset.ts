/**
 * Well-known MCP servers that a task can use without an mcp.json, as data: how each is started, and how the user's own
 * entry for the same server is recognised.
 */
import * as Schema from "effect/Schema"
import type { DefinedServer } from "../../mcp/config/DefinedServer.ts"

export const PresetName = Schema.Literal("filesystem", "memory", "fetch", "github")
export type PresetName = typeof PresetName.Type

export interface Preset {
  readonly name: PresetName
  readonly title: string
  /** The command that starts it, always with the same packages: see `npx` and `uvx`. */
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Whether it works in folders; then it is always started for those of the task, never from the user's entry. */
  readonly folders: boolean
  /** A file of the server that outlives its runs: the variable that holds its path, and its name in the data folder. */
  readonly file?: { readonly variable: string; readonly name: string }
  /** The variable of the secret that it requires. */
  readonly token?: string
  /** Matches the server in the command line or URL of an entry, however it is packaged. */
  readonly recognises: RegExp
  /** Tools that need no approval: by using this preset, the person named the folders that may be changed. */
  readonly approved: ReadonlyArray<string>
}

/**
 * A preset has an exact version, and nothing that is installed beneath it is younger than this. It is a week before the day
 * on which it was chosen: most bad releases are withdrawn within days.
 */
const before = "2026-11-21T00:00:00Z"

/** `name@version` from the npm registry. */
export const npx = (spec: string) => ({ command: "npx", args: ["-y", "--before", before, spec] })

/** `name@version` from the Python index, on a Python for which the packages of that day are built. */
export const uvx = (spec: string) => ({
  command: "uvx",
  args: ["--python", ">=3.10,<3.16", "--exclude-newer", before, spec]
})

export const presets: Readonly<Record<PresetName, Preset>> = {
  filesystem: {
    name: "filesystem",
    title: "files of the working folders",
    ...npx("@modelcontextprotocol/server-filesystem@2026.8.31"),
    folders: true,
    recognises: words("@modelcontextprotocol/server-filesystem", "mcp-server-filesystem", "mcp/filesystem"),
    approved: ["write_file", "edit_file", "create_directory", "move_file"]
  },
  memory: {
    name: "memory",
    title: "a knowledge graph that is kept",
    ...npx("@modelcontextprotocol/server-memory@2026.8.31"),
    folders: false,
    file: { variable: "MEMORY_FILE_PATH", name: "memory.jsonl" },
    recognises: words("@modelcontextprotocol/server-memory", "mcp-server-memory", "mcp/memory"),
    approved: []
  },
  fetch: {
    name: "fetch",
    title: "web pages",
    ...uvx("mcp-server-fetch@2026.10.24"),
    folders: false,
    recognises: words("mcp-server-fetch", "mcp_server_fetch", "mcp/fetch"),
    approved: []
  },
  github: {
    name: "github",
    title: "GitHub",
    ...npx("@modelcontextprotocol/server-github@2025.4.8"),
    folders: false,
    token: "GITHUB_PERSONAL_ACCESS_TOKEN",
    recognises: words(
      "@modelcontextprotocol/server-github",
      "github-mcp-server",
      "mcp/github",
      "api.githubcopilot.com/mcp"
    ),
    approved: []
  }
}

/** The server of a preset. `file` is the path of its file, if it has one. */
export const definition = (
  preset: Preset,
  options: { readonly folders: ReadonlyArray<string>; readonly file: string | undefined }
): DefinedServer => {
  const env = {
    ...(preset.token === undefined ? {} : { [preset.token]: `\${${preset.token}}` }),
    ...(preset.file === undefined || options.file === undefined
      ? {}
      : { [preset.file.variable]: `\${${preset.file.variable}:-${options.file}}` })
  }
  return {
    name: preset.name,
    command: preset.command,
    args: [...preset.args, ...(preset.folders ? options.folders : [])],
    startMillis: firstStart,
    ...(Object.keys(env).length === 0 ? {} : { env })
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The first start downloads the package. */
const firstStart = 180_000

/** Matches any name as a word of a command line, with or without a version, or at the end of a path or an image name. */
function words(...names: ReadonlyArray<string>): RegExp {
  const any = names.map((name) => name.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&")).join("|")
  return new RegExp(`(?:^|[\\s/\\\\])(?:${any})(?:[@=:/.][^\\s]*)?(?:\\s|$)`)
}
