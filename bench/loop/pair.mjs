// The agent loop and its reference with one simulator: both keep their connections open, send the same requests with the
// same single tool, and use the same model alternately.
import { join } from "node:path"
import { officialServer, writeMcpJson } from "../servers.mjs"
import { withWorkers } from "../workers.mjs"

export const withPair = ({ nodeOptions = [], steps }, use) =>
  withWorkers(async ({ folder, start }) => {
    const everything = officialServer("server-everything")
    const shared = { LMS_BRIDGE_BENCH_STEPS: String(steps), LMS_BRIDGE_BENCH_MODEL: "qwen/qwen3-4b-2507" }
    const simulator = await start("loop/simulator", shared)
    const env = {
      ...shared,
      LMSTUDIO_BASE_URL: simulator.first.baseUrl,
      LMS_BRIDGE_LMS_BINARY: "none",
      LMS_BRIDGE_DATA_DIR: join(folder, "data"),
      LMS_BRIDGE_PROBE: "off",
      MCP_JSON_PATH: writeMcpJson(folder, { everything }),
      LMS_BRIDGE_BENCH_SERVER: everything.args[0]
    }
    const checked = (worker) => async () => {
      const result = await worker.ask({ go: true })
      if (result.toolCalls !== steps) throw new Error(`${result.toolCalls} tool calls instead of ${steps}`)
      return result
    }
    return use({
      ours: checked(await start("loop/ours", env, nodeOptions)),
      plain: checked(await start("loop/plain", env, nodeOptions))
    })
  })
