// Runs a task with all servers, and says which tools it offered with their parameters and how long it took to begin.
import { AgentLoop } from "@lms-bridge/core/AgentLoop"
import { CurrentLoopPolicy, LoopPolicy } from "../../packages/core/src/agent/LoopPolicy.ts"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { runtime, serve } from "../runtime.mjs"

const measure = Effect.fnUntraced(function* ({ embeddings, model, text }) {
  const loop = yield* AgentLoop
  const policy = yield* CurrentLoopPolicy
  const notes = []
  let choice
  let readyAt
  let offeredAt
  yield* Stream.runForEach(
    loop.run({
      task: text,
      model,
      servers: { _tag: "All" },
      budgets: { rounds: 3, wallMillis: 120_000, toolCalls: 10 }
    }),
    (event) =>
      Effect.sync(() => {
        // the last of what comes before the ranking
        if (event._tag === "ServersReady" || event._tag === "ModelReady" || event._tag === "ToolFormChosen")
          readyAt = event.at
        if (event._tag === "ToolsOffered") {
          offeredAt ??= event.at
          choice ??= event.choice
        }
        if (event._tag === "Noted") notes.push(event.text)
      })
  ).pipe(
    Effect.provideService(
      CurrentLoopPolicy,
      new LoopPolicy({ ...policy, ...(embeddings ? {} : { embeddings: "never" }) })
    )
  )
  return { ranked: choice?.ranked ?? [], embeddings: choice?.embeddings, millis: offeredAt - readyAt, notes }
})

serve((message) => runtime.runPromise(measure(message)))
