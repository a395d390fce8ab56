// A run of a thousand rounds beside the plain loop: the cost of a step and the memory in use as the conversation grows.
// It measures CPU, because over minutes wall time depends more on the machine than on the program. Each request contains
// the whole conversation, so the cost of both loops grows with it. Draws docs/bench/rounds.svg.
import { mkdirSync, writeFileSync } from "node:fs"
import { inRoot } from "../scripts/workspace.mjs"
import { withPair } from "./loop/pair.mjs"
import { summary } from "./measure.mjs"
import { chart } from "./plot.mjs"

export const title = "a run of a thousand rounds"

const steps = 1000

export const run = () =>
  withPair({ steps, nodeOptions: ["--expose-gc"] }, async (pair) => {
    const [ours, plain] = [await pair.ours(), await pair.plain()]
    draw(ours.looks, plain.looks)
    const beyond = ours.looks.map(({ cpuMillis }, at) => cpuMillis - plain.looks[at].cpuMillis)
    const half = ours.looks.length / 2
    return [
      {
        what: `CPU of a step of ${steps} beyond the plain loop's, second half`,
        unit: "ms",
        measured: summary(beyond.slice(half)),
        beside: "first half",
        reference: summary(beyond.slice(0, half)),
        atMost: 1.3
      },
      {
        what: `memory that a round of ${steps} adds, second half`,
        unit: "kB",
        measured: summary([perRound(ours.looks.slice(half))]),
        beside: "first half",
        reference: summary([perRound(ours.looks.slice(0, half))]),
        atMost: 1.3
      }
    ]
  })

const perRound = (looks) => ((looks.at(-1).heapMiB - looks[0].heapMiB) * 1024) / (looks.at(-1).step - looks[0].step)

const draw = (ours, plain) => {
  mkdirSync(inRoot("docs", "bench"), { recursive: true })
  const panel = (name, unit, field) => ({
    name,
    unit,
    series: [
      { name: "AgentLoop, journal on", points: ours.map((look) => [look.step, look[field]]) },
      { name: "fetch and SDK client", points: plain.map((look) => [look.step, look[field]]) }
    ]
  })
  writeFileSync(
    inRoot("docs", "bench", "rounds.svg"),
    chart([panel("CPU of a step", "ms", "cpuMillis"), panel("memory held after collection", "MiB", "heapMiB")], "round")
  )
}
