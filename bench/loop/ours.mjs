// The library's agent loop, as the executables wire it.
import { AgentLoop } from "@lms-bridge/core/AgentLoop"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { runtime, serve } from "../runtime.mjs"
import { sampler } from "./sampler.mjs"

const steps = Number(process.env.LMS_BRIDGE_BENCH_STEPS)

const task = {
  task: "Say every step after me.",
  model: process.env.LMS_BRIDGE_BENCH_MODEL,
  servers: { _tag: "Named", names: ["everything"] },
  allowedTools: ["echo"],
  budgets: { rounds: steps + 10, wallMillis: 3_600_000, toolCalls: steps + 10 }
}

// measured from the first request to the end, like the reference
const runOnce = Effect.gen(function* () {
  const loop = yield* AgentLoop
  const sample = sampler()
  let finished
  yield* Stream.runForEach(loop.run(task), (event) =>
    Effect.sync(() => {
      if (event._tag === "RoundStarted") sample.step()
      if (event._tag === "RunFinished") finished = { ...sample.end(), outcome: event.outcome }
    })
  )
  const { outcome, ...measured } = finished
  if (outcome.status !== "done") return { error: JSON.stringify(outcome) }
  return { ...measured, toolCalls: outcome.toolCalls.length }
})

serve(() => runtime.runPromise(runOnce))
