/** The MCP clients to which lms-bridge can be added: where each stores its servers, and in which format. Pure. */
import type * as Path from "@effect/platform/Path"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { programFiles } from "../config/ConfigPlaces.ts"

export const Client = Schema.Literal("claude-code", "claude-desktop", "cursor", "vscode", "lmstudio")
export type Client = typeof Client.Type

/** `user`: for everything this user does. `project`: for the current folder. */
export const Scope = Schema.Literal("user", "project")
export type Scope = typeof Scope.Type

/** The part of the machine that decides where files are. */
export interface Machine {
  /** Node's name for it: `win32`, `darwin`, `linux`, … */
  readonly platform: string
  readonly cwd: string
  readonly home: string | undefined
  /** `APPDATA`. */
  readonly appData: string | undefined
  /** `XDG_CONFIG_HOME`. */
  readonly configHome: string | undefined
  /** `CLAUDE_CONFIG_DIR`. */
  readonly claudeHome: string | undefined
}

export interface Rules {
  /** The name that people know. */
  readonly title: string
  /** The member of the file that contains the servers. */
  readonly section: "mcpServers" | "servers"
  /** Whether an entry has `"type": "stdio"`. */
  readonly typed: boolean
  /** What the user does next to see the server there. */
  readonly next: string
}

export const rules: Readonly<Record<Client, Rules>> = {
  "claude-code": {
    title: "Claude Code",
    section: "mcpServers",
    typed: true,
    next: "Start a new session of Claude Code; /mcp shows it."
  },
  "claude-desktop": {
    title: "Claude Desktop",
    section: "mcpServers",
    typed: false,
    next: "Quit Claude Desktop and start it again."
  },
  cursor: {
    title: "Cursor",
    section: "mcpServers",
    typed: false,
    next: "Cursor shows it under Settings, MCP; switch it on there if it is off."
  },
  vscode: {
    title: "VS Code",
    section: "servers",
    typed: true,
    next: "VS Code asks once whether you trust it; `MCP: List Servers` shows it."
  },
  lmstudio: {
    title: "LM Studio",
    section: "mcpServers",
    typed: false,
    next: "LM Studio shows it under Program; switch it on there."
  }
}

/** Why there is no such file: the client has no files of that kind, or the home folder is unknown. */
export type NoPlace = "NoScope" | "NoHome"

/** The file of a client. `path` belongs to the machine's platform. */
export const place = (
  path: Path.Path,
  client: Client,
  scope: Scope,
  machine: Machine
): Either.Either<string, NoPlace> => {
  const parts = scope === "project" ? inProject(client, machine) : ofUser(client, machine)
  if (parts === undefined) return Either.left("NoScope")
  const [folder, ...rest] = parts
  return folder === undefined ? Either.left("NoHome") : Either.right(path.join(folder, ...rest))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A base folder, undefined if unknown, and the path below it. */
type Parts = readonly [folder: string | undefined, ...below: ReadonlyArray<string>]

const inProject = (client: Client, { cwd }: Machine): Parts | undefined => {
  switch (client) {
    case "claude-code":
      return [cwd, ".mcp.json"]
    case "cursor":
      return [cwd, ".cursor", "mcp.json"]
    case "vscode":
      return [cwd, ".vscode", "mcp.json"]
    case "claude-desktop":
    case "lmstudio":
      return undefined
  }
}

const ofUser = (client: Client, machine: Machine): Parts => {
  const { claudeHome, home } = machine
  switch (client) {
    case "claude-code":
      return [claudeHome ?? home, ".claude.json"]
    case "claude-desktop":
      return below(settingsFolder(machine), programFiles.claudeDesktop)
    case "cursor":
      return [home, ".cursor", "mcp.json"]
    case "vscode":
      return below(settingsFolder(machine), programFiles.vscode)
    case "lmstudio":
      return [home, ".lmstudio", "mcp.json"]
  }
}

const below = ([folder, ...rest]: Parts, file: ReadonlyArray<string>): Parts => [folder, ...rest, ...file]

/** Where programs store their settings. */
const settingsFolder = ({ appData, configHome, home, platform }: Machine): Parts => {
  switch (platform) {
    case "win32":
      return appData === undefined ? [home, "AppData", "Roaming"] : [appData]
    case "darwin":
      return [home, "Library", "Application Support"]
    default:
      return configHome === undefined ? [home, ".config"] : [configHome]
  }
}
