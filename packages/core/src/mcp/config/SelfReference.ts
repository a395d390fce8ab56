/** Recognises lms-bridge in its own list of servers. Pure. */
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type { ConfigEntry, EntrySettings } from "./McpConfig.ts"
import type { Launch } from "./Launch.ts"

/**
 * Whether an entry starts lms-bridge: `lms-bridge-mcp`, `node …/lms-bridge-mcp.js`, `npx @lms-bridge/mcp-server`,
 * `lms-bridge serve`, `npx lms-bridge serve`, `node …/lms-bridge.js serve`, and each of them through a shell.
 */
export const isItself = ({ args = [], command = "" }: Pick<EntrySettings, "args" | "command">): boolean => {
  const names = wordsOf(command, args).map((word) => word.replace(/(?<=.)@[^@/\\]*$/, ""))
  const words = names.map(baseName)
  if (words.some((word) => /^lms-bridge-mcp(\.[cm]?js|\.exe|\.cmd)?$/.test(word))) return true
  if (names.includes("@lms-bridge/mcp-server")) return true
  const cli = words.findIndex((word) => /^lms-bridge(\.[cm]?js|\.exe|\.cmd)?$/.test(word))
  return (
    (cli >= 0 && words.slice(cli + 1).includes("serve")) ||
    (names.includes("@lms-bridge/cli") && names.includes("serve"))
  )
}

/** The name of lms-bridge in `initialize`, whatever command started it. */
export const ownName = "lms-bridge"

/** Whether a server named `ownName` runs on this machine. */
export const isHere = (launch: Launch): boolean =>
  launch._tag === "Stdio" || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(Redacted.value(launch.url)).hostname)

/** The paths in an entry that may be symbolic links. */
export const pathsOf = ({ settings }: ConfigEntry): ReadonlyArray<string> =>
  Either.match(settings, {
    onLeft: () => [],
    onRight: ({ args = [], command = "" }) => [command, ...args].filter((word) => /^(\/|[A-Za-z]:[\\/])/.test(word))
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** `sh -c "lms-bridge serve"` has one argument for us and two words for the shell. */
const wordsOf = (command: string, args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const shell = /^(sh|bash|zsh|dash|fish|cmd|powershell|pwsh)(\.exe)?$/i.test(baseName(command))
  return [command, ...args.flatMap((arg) => (shell ? arg.split(/[\s"']+/).filter((word) => word !== "") : arg))]
}

const baseName = (path: string) => path.split(/[\\/]/).at(-1) ?? ""
