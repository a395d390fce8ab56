/** The MCP clients to which lms-bridge can be added, and the format in which each of them stores a server. Pure. */
import * as Schema from "effect/Schema"
import type { Origin } from "../config/Origin.ts"
import type { Language } from "./ConfigEdit.ts"

export const Client = Schema.Literal(
  "claude-code",
  "claude-desktop",
  "cursor",
  "vscode",
  "lmstudio",
  "codex",
  "opencode",
  "gemini",
  "copilot",
  "zed",
  "windsurf",
  "cline",
  "junie",
  "goose"
)
export type Client = typeof Client.Type

/** How the server is started, as words that need no shell. */
export interface Program {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
}

export interface Rules {
  /** The name that people know. */
  readonly title: string
  /** The same as the owner of a file that is read. */
  readonly origin: Origin
  readonly language: Language
  /** The member of the file that contains the servers. */
  readonly section: string
  /** The key of an entry that contains the variables. */
  readonly variables: string
  /** The entry of a server; `env` is under `variables`, if it is not empty. */
  readonly entry: (name: string, program: Omit<Program, "env">) => Readonly<Record<string, unknown>>
  /** The members of the entry that say how it is started; the others belong to the user once they are there. */
  readonly start: ReadonlyArray<string>
  /** A value that the client replaces by a variable of its own environment, where it does so. */
  readonly reference?: (variable: string) => string
  /** What the user does next to see the server there. */
  readonly next: string
  /** What the user does next after it was removed. */
  readonly gone: string
}

export const rules: Readonly<Record<Client, Rules>> = {
  "claude-code": {
    ...usual("Claude Code", { typed: true }),
    reference: (variable) => `\${${variable}}`,
    next: "Start a new session of Claude Code; /mcp shows it.",
    gone: session("Claude Code")
  },
  "claude-desktop": {
    ...usual("Claude Desktop"),
    next: "Quit Claude Desktop and start it again.",
    gone: restart("Claude Desktop")
  },
  cursor: {
    ...usual("Cursor"),
    reference: (variable) => `\${env:${variable}}`,
    next: "Cursor shows it under Settings, MCP; switch it on there if it is off.",
    gone: restart("Cursor")
  },
  vscode: {
    ...usual("VS Code", { typed: true }),
    section: "servers",
    reference: (variable) => `\${env:${variable}}`,
    next: "VS Code asks once whether you trust it; `MCP: List Servers` shows it.",
    gone: restart("VS Code")
  },
  lmstudio: {
    ...usual("LM Studio"),
    next: "LM Studio shows it under Program; switch it on there.",
    gone: "LM Studio takes it away at once; a chat that uses it keeps it until it is opened again."
  },
  codex: {
    ...usual("Codex"),
    language: "toml",
    section: "mcp_servers",
    next: "Start a new session of Codex; /mcp shows it.",
    gone: session("Codex")
  },
  opencode: {
    ...usual("opencode"),
    section: "mcp",
    variables: "environment",
    entry: (_, { args, command }) => ({ type: "local", command: [command, ...args], enabled: true }),
    reference: (variable) => `{env:${variable}}`,
    next: "Start opencode again; `opencode mcp list` shows it.",
    gone: session("opencode")
  },
  gemini: {
    ...usual("Gemini CLI"),
    reference: (variable) => `\${${variable}}`,
    next: "Start a new session of Gemini CLI; /mcp shows it.",
    gone: session("Gemini CLI")
  },
  copilot: {
    ...usual("Copilot CLI"),
    entry: (_, { args, command }) => ({ type: "local", command, args, tools: ["*"] }),
    next: "Start a new session of Copilot CLI; /mcp show lists it.",
    gone: session("Copilot CLI")
  },
  zed: {
    ...usual("Zed"),
    section: "context_servers",
    next: "Zed starts it at once; its agent settings show it with a green dot.",
    gone: "Zed stops it at once."
  },
  windsurf: {
    ...usual("Windsurf"),
    reference: (variable) => `\${env:${variable}}`,
    next: "Press Refresh under Cascade, MCP servers, in Windsurf.",
    gone: restart("Windsurf")
  },
  cline: {
    ...usual("Cline"),
    next: "Cline starts it at once and shows it under MCP Servers.",
    gone: "Cline stops it at once."
  },
  junie: {
    ...usual("Junie"),
    next: "Junie shows it under Settings, Tools, Junie, MCP Settings.",
    gone: restart("the IDE")
  },
  goose: {
    ...usual("Goose"),
    language: "yaml",
    section: "extensions",
    variables: "envs",
    entry: (name, { args, command }) => ({
      enabled: true,
      type: "stdio",
      name,
      description: "Hands work to a local model in LM Studio",
      cmd: command,
      args,
      timeout: 300
    }),
    start: ["type", "cmd", "args"],
    next: "Start a new session of Goose; `goose info -v` shows it.",
    gone: session("Goose")
  }
}

/** The language and the section of a file that may belong to any client. */
export const ofFile = (path: string): Pick<Rules, "language" | "section"> =>
  known.find(([name]) => name.test(path))?.[1] ?? { language: "json", section: "mcpServers" }

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

function usual(title: Rules["title"] & Origin, { typed = false } = {}): Omit<Rules, "next" | "gone"> {
  return {
    title,
    origin: title,
    language: "json",
    section: "mcpServers",
    variables: "env",
    entry: (_, { args, command }) => ({ ...(typed ? { type: "stdio" } : {}), command, args }),
    start: ["type", "command", "args"]
  }
}

function session(title: string) {
  return `A session of ${title} that is open keeps it; start a new one.`
}

function restart(title: string) {
  return `Start ${title} again if it still shows it.`
}

const known: ReadonlyArray<readonly [RegExp, Pick<Rules, "language" | "section">]> = [
  [/[/\\](?:\.vscode|User)[/\\]mcp\.json$/, rules.vscode],
  [/[/\\]opencode\.jsonc?$/, rules.opencode],
  [/[/\\]\.?zed[/\\]settings\.json$/i, rules.zed],
  [/[/\\]goose[/\\](?:config[/\\])?config\.ya?ml$/, rules.goose],
  [/\.toml$/, rules.codex],
  [/\.ya?ml$/, { language: "yaml", section: "mcpServers" }]
]
