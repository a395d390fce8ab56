/** What the help adds to the commands themselves: an example of each, and the order of many options. */

/** One line for each command, by its path. */
export const examples: Readonly<Record<string, string>> = {
  run: 'lms-bridge run "Sort these notes by topic." --files .',
  chat: "lms-bridge chat --files .",
  "runs ls": "lms-bridge runs ls --since 1d --status failed",
  "runs show": "lms-bridge runs show last --transcript",
  "runs resume": "lms-bridge runs resume last --max-rounds 100",
  "runs follow": 'lms-bridge runs follow last "And which of them are stale?"',
  "runs rm": "lms-bridge runs rm --older-than 168h",
  replay: "lms-bridge replay run.jsonl",
  stats: "lms-bridge stats --days 7",
  "models ls": "lms-bridge models ls",
  "models show": "lms-bridge models show qwen/qwen3-8b",
  "models ps": "lms-bridge models ps --watch",
  "models load": "lms-bridge models load qwen/qwen3-8b --context-length 16384 --ttl 30m",
  "models ensure": "lms-bridge models ensure qwen/qwen3-8b --context-length 16384",
  "models unload": "lms-bridge models unload qwen/qwen3-8b",
  "models estimate": "lms-bridge models estimate qwen/qwen3-8b --context-length 32768",
  "models probe": "lms-bridge models probe qwen/qwen3-8b",
  "models get": "lms-bridge models get qwen/qwen3-8b",
  "server status": "lms-bridge server status",
  "server start": "lms-bridge server start --port 1234",
  "server stop": "lms-bridge server stop",
  "mcp ls": "lms-bridge mcp ls --explain",
  "mcp add": "lms-bridge mcp add files -- npx -y @modelcontextprotocol/server-filesystem .",
  "mcp remove": "lms-bridge mcp remove files",
  "mcp import": "lms-bridge mcp import claude-code",
  "mcp tools": "lms-bridge mcp tools filesystem",
  "mcp call": `lms-bridge mcp call filesystem read_text_file '{"path":"notes.md"}'`,
  "mcp lock": "lms-bridge mcp lock filesystem",
  "mcp trust": "lms-bridge mcp trust filesystem",
  "mcp resources": "lms-bridge mcp resources everything",
  "mcp prompts": "lms-bridge mcp prompts everything",
  "mcp login": "lms-bridge mcp login linear",
  "mcp logout": "lms-bridge mcp logout linear",
  "config ls": "lms-bridge config ls",
  "config get": "lms-bridge config get maxRounds",
  "config set": "lms-bridge config set defaultModel qwen/qwen3-8b",
  "config unset": "lms-bridge config unset maxRounds --scope project",
  "config path": "lms-bridge config path",
  "config schema": "lms-bridge config schema > config.schema.json",
  init: "lms-bridge init",
  doctor: "lms-bridge doctor",
  serve: "lms-bridge serve --http --port 8811",
  ui: "lms-bridge ui",
  install: "lms-bridge install claude-code",
  uninstall: "lms-bridge uninstall claude-code",
  simulate: "lms-bridge simulate --port 1234"
}

/** Options in this order, under these words, where a command has many. */
export const groups: ReadonlyArray<readonly [title: string, options: ReadonlyArray<string>]> = [
  ["Common", ["--files", "--file", "--mcp", "--all-mcps", "--model", "--yes", "--json", "--continue", "--at"]],
  ["Tools", ["--memory", "--fetch", "--folder", "--tools", "--exclude-tools", "--allow", "--resources"]],
  ["Model", ["--context-length", "--max-tokens", "--temperature", "--tool-form", "--system", "--output-schema"]],
  ["Limits", ["--max-rounds", "--timeout", "--max-tool-calls", "--max-total-tokens", "--max-total-bytes"]]
]
