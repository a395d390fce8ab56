/**
 * The environment of an MCP server that we start: the variables of its entry and a short safe list, never the rest of
 * ours, which contains other programs' secrets.
 */
import * as Redacted from "effect/Redacted"
import * as NetworkVariables from "./NetworkVariables.ts"

/**
 * Passed on when set: what a program needs to find its tools, its home, its language and the network. No tokens; an
 * entry names those itself, as in `"TOKEN": "${TOKEN}"`.
 */
export const safeNames: ReadonlyArray<string> = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "TERM",
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "TZ",
  "TMPDIR",
  "XDG_CACHE_HOME",
  "XDG_CONFIG_HOME",
  "XDG_DATA_HOME",
  "XDG_RUNTIME_DIR",
  // Windows
  "APPDATA",
  "COMSPEC",
  "HOMEDRIVE",
  "HOMEPATH",
  "LOCALAPPDATA",
  "NUMBER_OF_PROCESSORS",
  "OS",
  "PATHEXT",
  "PROCESSOR_ARCHITECTURE",
  "PROGRAMDATA",
  "PROGRAMFILES",
  "SYSTEMDRIVE",
  "SYSTEMROOT",
  "TEMP",
  "TMP",
  "USERNAME",
  "USERPROFILE",
  "WINDIR",
  ...NetworkVariables.names
]

/** Marks processes started by lms-bridge, so that an lms-bridge inside one knows its depth. */
export const depthVariable = "LMS_BRIDGE_DEPTH"

/** How many bridges may be nested: one, so a bridge inside another starts nothing. */
export const maxDepth = 1

export const make = (options: {
  /** Our own variables, by name. */
  readonly inherited: (name: string) => string | undefined
  readonly entry: Readonly<Record<string, Redacted.Redacted>>
  /** Our own depth. */
  readonly depth: number
}): Record<string, string> => {
  // without a prototype, so that any name can be used
  const environment = Object.create(null) as Record<string, string>
  for (const name of safeNames) {
    const value = options.inherited(name)
    if (value !== undefined) environment[name] = value
  }
  for (const [name, value] of Object.entries(options.entry)) environment[name] = Redacted.value(value)
  environment[depthVariable] = String(options.depth + 1)
  const windows = environment["OS"] === "Windows_NT"
  if (!windows) environment["PATH"] = withUsualFolders(environment["PATH"] ?? "/usr/bin:/bin", environment["HOME"])
  return environment
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Graphical programs start us with a minimal PATH that does not contain `npx` and `uvx`. */
const withUsualFolders = (path: string, home: string | undefined): string => {
  const folders = path.split(":")
  // where the installer of uv puts `uvx`
  const ofHome = home === undefined || home === "" ? [] : [`${home}/.local/bin`]
  const usual = ["/usr/local/bin", "/opt/homebrew/bin", ...ofHome]
  return [...folders, ...usual.filter((folder) => !folders.includes(folder))].join(":")
}
