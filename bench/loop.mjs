// One step of the agent loop (a streamed reply with a tool call, the call, the result) beside a minimal loop that does the
// same.
import { withPair } from "./loop/pair.mjs"
import { interleaved, summary } from "./measure.mjs"

export const title = "a step of the agent loop"

const steps = 20

export const run = ({ rounds }) =>
  withPair({ steps }, async (pair) => {
    const cpu = { ours: [], plain: [] }
    const wall = await interleaved({ ours: "ours", plain: "plain" }, rounds, async (name) => {
      const { cpuMillis, millis } = await pair[name]()
      cpu[name].push(cpuMillis / steps)
      return millis / steps
    })
    const row = { unit: "ms", beside: "fetch and SDK client" }
    return [
      {
        ...row,
        what: `one step of ${steps}: AgentLoop, echo over stdio`,
        measured: wall.ours,
        reference: wall.plain,
        atMost: 2
      },
      {
        ...row,
        what: "CPU of the client in that step",
        measured: summary(cpu.ours.slice(1)),
        reference: summary(cpu.plain.slice(1)),
        atMost: 3
      }
    ]
  })
