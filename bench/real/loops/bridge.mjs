// lms-bridge as it is built: its command line, an mcp.json, and a data folder that it keeps from task to task.
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { executables, inRoot, run } from "../../../scripts/workspace.mjs"

const program = inRoot(executables.find(({ name }) => name === "lms-bridge").file)

export const bridge = (options = {}) => ({
  name: options.form === undefined ? "lms-bridge" : `lms-bridge, ${options.form}`,
  solve: async ({ baseUrl, entries, home, limits, model, place, schema, text }) => {
    const mcpJson = join(place, "mcp.json")
    writeFileSync(mcpJson, JSON.stringify({ mcpServers: entries }))
    const schemaFile = join(place, "schema.json")
    if (schema !== undefined) writeFileSync(schemaFile, JSON.stringify(schema))
    const cassette = join(place, "cassette.jsonl")
    const { code, stderr, stdout } = await run(
      process.execPath,
      [
        program,
        "run",
        "--all-mcps",
        "--model",
        model,
        "--yes",
        "--json",
        "--record",
        cassette,
        "--max-rounds",
        String(limits.rounds),
        "--timeout",
        `${limits.seconds}s`,
        "--temperature",
        "0",
        ...(schema === undefined ? [] : ["--output-schema", schemaFile]),
        ...(options.form === undefined ? [] : ["--tool-form", options.form]),
        text
      ],
      {
        cwd: place,
        env: {
          LMSTUDIO_BASE_URL: baseUrl,
          LMS_BRIDGE_LMS_BINARY: "none",
          LMS_BRIDGE_DATA_DIR: join(home, "data"),
          MCP_JSON_PATH: mcpJson
        },
        timeoutMillis: (limits.seconds + 90) * 1000
      }
    )
    const events = stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line))
    const outcome = events.findLast(({ _tag }) => _tag === "RunFinished")?.outcome
    return {
      status: outcome?.status ?? `exit ${code}: ${stderr.trim().slice(-300)}`,
      answer: outcome?.answer ?? "",
      structured: outcome?.structured,
      rounds: outcome?.rounds ?? 0,
      calls: outcome?.toolCalls.length ?? 0,
      refused: events.filter(({ _tag }) => _tag === "ToolCallRefused").length,
      events,
      cassette: existing(cassette)
    }
  }
})

const existing = (path) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}
