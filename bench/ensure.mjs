// The cost of ensuring a loaded model, and the number of loads that a hundred callers of an unloaded model cause.
import { join } from "node:path"
import { exactly, interleaved } from "./measure.mjs"
import { withWorkers } from "./workers.mjs"

export const title = "ensuring a model"

const callers = 100

export const run = ({ rounds }) =>
  withWorkers(async ({ folder, start }) => {
    const simulator = await start("ensure/simulator", {})
    const env = {
      LMSTUDIO_BASE_URL: simulator.first.baseUrl,
      LMS_BRIDGE_LMS_BINARY: simulator.first.lmsBinary,
      LMS_BRIDGE_DATA_DIR: join(folder, "data"),
      LMS_BRIDGE_PROBE: "off",
      LMS_BRIDGE_BENCH_CALLERS: String(callers)
    }
    const ours = await start("ensure/ours", env)
    const together = await ours.ask({ what: "together" })
    const { loads } = await simulator.ask({ what: "loads" })
    const result = await interleaved({ ours: "ensure", fetch: "fetch" }, rounds, async (what) => {
      const { millis } = await ours.ask({ what })
      return millis
    })
    return [
      {
        what: "ensureLoaded of a loaded model",
        unit: "ms",
        measured: result.ours,
        beside: "fetch of the models list",
        reference: result.fetch,
        atMost: 1.5
      },
      {
        what: `loads for ${together.callers} callers of one unloaded model`,
        unit: "loads",
        measured: exactly(loads),
        limit: 1
      }
    ]
  })
