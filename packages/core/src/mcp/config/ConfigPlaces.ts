/** Where MCP configurations are looked for, in order. Pure. */
import type * as Path from "@effect/platform/Path"
import type { OperatingSystem } from "../../machine/OperatingSystem.ts"
import type { Origin } from "./Origin.ts"
import * as ProgramPlaces from "./ProgramPlaces.ts"

export { Origin } from "./Origin.ts"

/**
 * `first`: one file is used, the first that exists. `all`: every file that exists, those of the project before those of
 * the user; if a name is in several files, the first one wins.
 */
export type SourceMode = "first" | "all"

export interface Place {
  readonly path: string
  readonly origin: Origin
  /** It came with the working folder, for another program, which asks the user whether to trust the folder. */
  readonly onlyByName?: boolean
}

export interface PlaceOptions {
  readonly mode: SourceMode
  readonly system: OperatingSystem
  /** `MCP_JSON_PATH`; if set, it is the only place. `~` is the home directory. */
  readonly override: string | undefined
  readonly home: string | undefined
  readonly cwd: string
  /** `APPDATA`, where Windows stores the settings of programs; by default in the home directory. */
  readonly appData: string | undefined
  /** `XDG_CONFIG_HOME`, the same on Linux. */
  readonly configHome: string | undefined
  /** `CLAUDE_CONFIG_DIR`. */
  readonly claudeHome?: string | undefined
  /** `CODEX_HOME`. */
  readonly codexHome?: string | undefined
}

/**
 * In mode `first`: LM Studio's file, those of the project, the user and the parent folder, and only after them the
 * files of other programs. In mode `all`: those of the project, of the user, and of the parent folder. A place that
 * occurs twice counts at its first position.
 */
export const places = (path: Path.Path, options: PlaceOptions): ReadonlyArray<Place> => {
  const { cwd, home, mode, override } = options
  if (override !== undefined) {
    const expanded = /^~(?=$|[\\/])/.test(override) && home !== undefined ? `${home}${override.slice(1)}` : override
    return [{ path: path.resolve(cwd, expanded), origin: "setting" }]
  }
  const at = (origin: Origin, folder: string | undefined, ...parts: ReadonlyArray<string>): ReadonlyArray<Place> =>
    folder === undefined ? [] : [{ origin, path: path.join(folder, ...parts) }]
  const programs = folderOfPrograms(path, options)

  const project = at("project", cwd, ".mcp.json")
  const ofProject = [...at("VS Code", cwd, ".vscode", "mcp.json"), ...at("Cursor", cwd, ".cursor", "mcp.json")]
  const lmStudio = at("LM Studio", home, ".lmstudio", "mcp.json")
  const user = at("home", home, ".mcp.json")
  const ofUser = [
    ...at("Cursor", home, ".cursor", "mcp.json"),
    ...at("Claude Desktop", programs, ...programFiles.claudeDesktop),
    ...at("VS Code", programs, ...programFiles.vscode)
  ]
  const above = at("above", cwd, "..", ".mcp.json")
  const claude = at("Claude Code", options.claudeHome ?? home, ".claude.json")
  const others = ProgramPlaces.places({
    system: options.system,
    configHome: options.configHome,
    codexHome: options.codexHome
  })
  const placed = (wanted: ProgramPlaces.Root) =>
    others.flatMap(({ origin, parts, root }) => {
      if (root !== wanted) return []
      const folder = { project: cwd, home, programs, config: configFolder(path, options), codex: options.codexHome }[
        root
      ]
      return at(origin, folder, ...parts)
    })
  const cameAlong = (found: ReadonlyArray<Place>) => found.map((place): Place => ({ ...place, onlyByName: true }))
  const othersOfUser = [...placed("codex"), ...placed("home"), ...placed("config"), ...placed("programs")]

  const found =
    mode === "first"
      ? [
          ...lmStudio,
          ...project,
          ...user,
          ...above,
          ...cameAlong(ofProject),
          ...claude,
          ...ofUser,
          ...cameAlong(placed("project")),
          ...othersOfUser
        ]
      : [
          ...project,
          ...cameAlong(ofProject),
          ...cameAlong(placed("project")),
          ...lmStudio,
          ...user,
          ...claude,
          ...ofUser,
          ...othersOfUser,
          ...above
        ]
  return found
    .filter((place, index) => found.findIndex((other) => other.path === place.path) === index)
    .map((place) => {
      const { onlyByName, ...plain } = place
      // in the home directory, project and user have the same file
      const isOfUser = found.some((other) => other.path === place.path && other.onlyByName !== true)
      return onlyByName === true && isOfUser ? plain : place
    })
}

/** The files of programs that store them with their settings, relative to the system's folder for settings. */
export const programFiles = {
  claudeDesktop: ["Claude", "claude_desktop_config.json"],
  vscode: ["Code", "User", "mcp.json"]
} as const

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Where graphical programs store their settings. */
const folderOfPrograms = (path: Path.Path, { appData, configHome, home, system }: PlaceOptions): string | undefined => {
  const atHome = (...parts: ReadonlyArray<string>) => (home === undefined ? undefined : path.join(home, ...parts))
  switch (system) {
    case "win32":
      return appData ?? atHome("AppData", "Roaming")
    case "darwin":
      return atHome("Library", "Application Support")
    case "linux":
      return configHome ?? atHome(".config")
  }
}

/** Where command-line programs store theirs, on every system. */
const configFolder = (path: Path.Path, { configHome, home }: PlaceOptions): string | undefined =>
  configHome ?? (home === undefined ? undefined : path.join(home, ".config"))
