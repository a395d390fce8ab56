/** Where other MCP clients store their servers, as data. Pure. */
import type { OperatingSystem } from "../../machine/OperatingSystem.ts"
import type { Origin } from "./Origin.ts"

/**
 * The base folder of a place: the working folder, the home directory, the settings folder of graphical programs, that
 * of command-line programs (`XDG_CONFIG_HOME`), and `CODEX_HOME`.
 */
export type Root = "project" | "home" | "programs" | "config" | "codex"

export interface OtherPlace {
  readonly root: Root
  readonly origin: Origin
  readonly parts: ReadonlyArray<string>
}

/** In order of precedence. */
export const places = (machine: {
  readonly system: OperatingSystem
  readonly configHome: string | undefined
  readonly codexHome: string | undefined
}): ReadonlyArray<OtherPlace> => {
  const storage = (extension: string, file: string) => ["Code", "User", "globalStorage", extension, "settings", file]
  return [
    at("project", "Gemini CLI", ".gemini", "settings.json"),
    at("project", "Qwen Code", ".qwen", "settings.json"),
    at("project", "opencode", "opencode.json"),
    at("project", "opencode", "opencode.jsonc"),
    at("project", "Codex", ".codex", "config.toml"),
    at("project", "Roo Code", ".roo", "mcp.json"),
    at("project", "Kiro", ".kiro", "settings", "mcp.json"),
    at("project", "Copilot CLI", ".github", "mcp.json"),
    at("project", "Junie", ".junie", "mcp", "mcp.json"),
    at("project", "Zed", ".zed", "settings.json"),
    at("project", "VS Code", ".vscode", "settings.json"),

    machine.codexHome === undefined
      ? at("home", "Codex", ".codex", "config.toml")
      : at("codex", "Codex", "config.toml"),
    at("home", "Gemini CLI", ".gemini", "settings.json"),
    at("home", "Qwen Code", ".qwen", "settings.json"),
    at("home", "Windsurf", ".codeium", "windsurf", "mcp_config.json"),
    at("home", "Windsurf", ".codeium", "mcp_config.json"),
    at("home", "Copilot CLI", ".copilot", "mcp-config.json"),
    at("home", "Kiro", ".kiro", "settings", "mcp.json"),
    at("home", "Junie", ".junie", "mcp", "mcp.json"),
    at("home", "Continue", ".continue", "config.yaml"),
    at("home", "Continue", ".continue", "config.json"),
    at("home", "Cline", ".cline", "data", "settings", "cline_mcp_settings.json"),
    at("config", "opencode", "opencode", "opencode.json"),
    at("config", "opencode", "opencode", "opencode.jsonc"),
    machine.system === "win32"
      ? at("programs", "Goose", "Block", "goose", "config", "config.yaml")
      : at("config", "Goose", "goose", "config.yaml"),
    machine.system === "win32"
      ? at("programs", "Zed", "Zed", "settings.json")
      : at("config", "Zed", "zed", "settings.json"),
    at("programs", "Cline", ...storage("saoudrizwan.claude-dev", "cline_mcp_settings.json")),
    at("programs", "Roo Code", ...storage("rooveterinaryinc.roo-cline", "mcp_settings.json")),
    at("programs", "VS Code", "Code", "User", "settings.json")
  ]
}

/** Files in which a program stores more than its servers, so that they may have none. */
export const isSettings = (origin: Origin): boolean =>
  !["setting", "LM Studio", "project", "home", "above"].includes(origin)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const at = (root: Root, origin: Origin, ...parts: ReadonlyArray<string>): OtherPlace => ({ root, origin, parts })
