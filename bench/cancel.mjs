// The time to cancel a run in each of its states, and what is left of it: a request that LM Studio still processes, a call
// that a server still executes, child processes after everything is closed.
import { join } from "node:path"
import { summary } from "./measure.mjs"
import { officialServer, writeMcpJson } from "./servers.mjs"
import { withWorkers } from "./workers.mjs"

export const title = "cancelling a run"

const states = {
  waiting: "while it waits for the model",
  streaming: "in the middle of a reply",
  calling: "in a tool call",
  approving: "while a person is asked for approval"
}

export const run = ({ rounds }) =>
  withWorkers(async ({ folder, start }) => {
    const simulator = await start("cancel/simulator", {})
    const ours = await start("cancel/ours", {
      LMSTUDIO_BASE_URL: simulator.first.baseUrl,
      LMS_BRIDGE_LMS_BINARY: "none",
      LMS_BRIDGE_DATA_DIR: join(folder, "data"),
      LMS_BRIDGE_PROBE: "off",
      MCP_JSON_PATH: writeMcpJson(folder, { everything: officialServer("server-everything") })
    })
    const samples = Object.fromEntries(Object.keys(states).map((state) => [state, []]))
    for (let round = 0; round <= Math.min(rounds, 5); round += 1) {
      for (const state of Object.keys(states)) {
        await simulator.ask({ state })
        const { left, millis } = await ours.ask({ state })
        const { busy } = await simulator.ask({ idle: true })
        if (busy || left.length > 0) throw new Error(`cancelled ${states[state]}, it left ${busy ? "a request" : left}`)
        if (round > 0) samples[state].push(millis)
      }
    }
    const { children } = await ours.ask({ state: "closed" })
    if (children > 0) throw new Error(`${children} child processes were left`)
    return Object.entries(states).map(([state, what]) => ({
      what: `cancelling ${what}`,
      unit: "ms",
      measured: summary(samples[state]),
      limit: 100
    }))
  })
