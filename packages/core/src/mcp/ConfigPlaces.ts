/**
 * Where MCP configurations are looked for, first to last: pure.
 *
 * @since 0.1.0
 */
import type * as Path from "@effect/platform/Path"

/**
 * `first`: one file is used, the first that exists. `all`: every file that exists, those of the project before those of
 * the user; where a name is in several, the first has it.
 *
 * @since 0.1.0
 * @category models
 */
export type SourceMode = "first" | "all"

/**
 * @since 0.1.0
 * @category models
 */
export interface PlaceOptions {
  readonly mode: SourceMode
  /** `MCP_JSON_PATH`: then it is the only place. `~` is the home directory. */
  readonly override: string | undefined
  readonly home: string | undefined
  readonly cwd: string
  /** `APPDATA`, where Windows keeps the settings of programs. */
  readonly appData: string | undefined
}

/**
 * In mode `first` LM Studio's file, the project's, the user's, and that of the folder above. In mode `all` also those
 * of VS Code, Cursor and Claude Desktop, on whatever system they exist.
 *
 * @since 0.1.0
 * @category constructors
 */
export const places = (path: Path.Path, options: PlaceOptions): ReadonlyArray<string> => {
  const { cwd, home, mode, override } = options
  if (override !== undefined) {
    const expanded = /^~(?=$|[\\/])/.test(override) && home !== undefined ? `${home}${override.slice(1)}` : override
    return [path.resolve(cwd, expanded)]
  }
  const atHome = (...parts: ReadonlyArray<string>) => (home === undefined ? [] : [path.join(home, ...parts)])
  const lmStudio = atHome(".lmstudio", "mcp.json")
  const project = path.join(cwd, ".mcp.json")
  const user = atHome(".mcp.json")
  const above = path.join(cwd, "..", ".mcp.json")
  const found =
    mode === "first"
      ? [...lmStudio, project, ...user, above]
      : [
          project,
          path.join(cwd, ".vscode", "mcp.json"),
          path.join(cwd, ".cursor", "mcp.json"),
          ...lmStudio,
          ...user,
          ...atHome(".cursor", "mcp.json"),
          ...ofPrograms(path, options),
          above
        ]
  return [...new Set(found)]
}

/**
 * The files of programs that keep them with their settings, below the folder that each system has for these.
 *
 * @since 0.1.0
 * @category constants
 */
export const programFiles = {
  claudeDesktop: ["Claude", "claude_desktop_config.json"],
  vscode: ["Code", "User", "mcp.json"]
} as const

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ofPrograms = (path: Path.Path, { appData, home }: PlaceOptions): ReadonlyArray<string> => {
  const folders = [
    ...(appData === undefined ? [] : [appData]),
    ...(home === undefined ? [] : [path.join(home, "Library", "Application Support"), path.join(home, ".config")])
  ]
  return [programFiles.claudeDesktop, programFiles.vscode].flatMap((file) =>
    folders.map((folder) => path.join(folder, ...file))
  )
}
