import * as Schema from "effect/Schema"

/**
 * The owner of a configuration file: `setting` is `MCP_JSON_PATH`; `project`, `home` and `above` are `.mcp.json` in the
 * working folder, the home directory and the parent folder.
 */
export const Origin = Schema.Literal(
  "setting",
  "LM Studio",
  "project",
  "home",
  "above",
  "VS Code",
  "Cursor",
  "Claude Desktop",
  "Claude Code",
  "Codex",
  "opencode",
  "Gemini CLI",
  "Qwen Code",
  "Windsurf",
  "Zed",
  "Goose",
  "Continue",
  "Cline",
  "Roo Code",
  "Kiro",
  "Copilot CLI",
  "Junie"
)
export type Origin = typeof Origin.Type
