/**
 * What to say instead of serving, when the program is started by hand. It takes no arguments: settings are variables.
 */
import * as Version from "../Version.ts"

export interface Answer {
  readonly channel: "stdout" | "stderr"
  readonly text: string
  readonly exitCode: number
}

/** Undefined without arguments: then it serves. */
export const answerTo = (args: ReadonlyArray<string>): Answer | undefined => {
  const [first] = args
  if (first === undefined) return undefined
  if (args.includes("--help") || args.includes("-h")) return { channel: "stdout", text: help, exitCode: 0 }
  if (first === "--version" || first === "-v") return { channel: "stdout", text: Version.version, exitCode: 0 }
  return {
    channel: "stderr",
    text: `lms-bridge-mcp: unknown argument "${first}"; it takes none but --help and --version.`,
    exitCode: 2
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const help = [
  "lms-bridge-mcp: an MCP server on stdin and stdout that lets local models in LM Studio work with your MCP servers.",
  "An MCP client starts it, without arguments; the README has the client's entry and the settings (LMS_BRIDGE_…)."
].join("\n")
