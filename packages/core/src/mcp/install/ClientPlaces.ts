/** Where each MCP client to which lms-bridge can be added stores its servers. Pure. */
import type * as Path from "@effect/platform/Path"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { programFiles } from "../config/ConfigPlaces.ts"
import * as ProgramPlaces from "../config/ProgramPlaces.ts"
import { type Client, rules } from "./ClientRules.ts"

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
  /** `CODEX_HOME`. */
  readonly codexHome: string | undefined
}

/** Why there is no such file: the client has no files of that kind, or the home folder is unknown. */
export type NoPlace = "NoScope" | "NoHome"

/** The files that a client may use; the first one that exists counts, else the first. `path` belongs to the platform. */
export const places = (
  path: Path.Path,
  client: Client,
  scope: Scope,
  machine: Machine
): Either.Either<readonly [string, ...ReadonlyArray<string>], NoPlace> => {
  const [first, ...others] = scope === "project" ? inProject(client, machine) : ofUser(client, machine)
  if (first === undefined) return Either.left("NoScope")
  const joined = ([folder = "", ...rest]: Parts) => path.join(folder, ...rest)
  return first[0] === undefined ? Either.left("NoHome") : Either.right([joined(first), ...others.map(joined)])
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A base folder, undefined if unknown, and the path below it. */
type Parts = readonly [folder: string | undefined, ...below: ReadonlyArray<string>]

const inProject = (client: Client, machine: Machine): ReadonlyArray<Parts> => {
  const { cwd } = machine
  switch (client) {
    case "claude-code":
      return [[cwd, ".mcp.json"]]
    case "cursor":
      return [[cwd, ".cursor", "mcp.json"]]
    case "vscode":
      return [[cwd, ".vscode", "mcp.json"]]
    default:
      return others(client, machine, true)
  }
}

const ofUser = (client: Client, machine: Machine): ReadonlyArray<Parts> => {
  const { claudeHome, home } = machine
  switch (client) {
    case "claude-code":
      return [[claudeHome ?? home, ".claude.json"]]
    case "claude-desktop":
      return [below(settingsFolder(machine), programFiles.claudeDesktop)]
    case "cursor":
      return [[home, ".cursor", "mcp.json"]]
    case "vscode":
      return [below(settingsFolder(machine), programFiles.vscode)]
    case "lmstudio":
      return [[home, ".lmstudio", "mcp.json"]]
    default:
      return others(client, machine, false)
  }
}

/** Of the places where servers are looked for, those of this client. */
const others = (client: Client, machine: Machine, ofProject: boolean): ReadonlyArray<Parts> => {
  const { codexHome, configHome, cwd, home, platform } = machine
  const config: Parts = configHome === undefined ? [home, ".config"] : [configHome]
  const roots = { project: [cwd], home: [home], programs: settingsFolder(machine), config, codex: [codexHome] } as const
  const system = platform === "win32" || platform === "darwin" ? platform : "linux"
  return ProgramPlaces.places({ system, configHome, codexHome }).flatMap(({ origin, parts, root }) =>
    origin === rules[client].origin && (root === "project") === ofProject ? [below(roots[root], parts)] : []
  )
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
