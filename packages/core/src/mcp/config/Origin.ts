/** Whose configuration file one is. */
import * as Schema from "effect/Schema"

/**
 * Whose file it is: `setting` is `MCP_JSON_PATH`, `project`, `home` and `above` are `.mcp.json` in the working folder,
 * the home directory and the folder above.
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
