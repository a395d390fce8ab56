// LM Studio with slow loads, so that callers overlap.
import * as Simulator from "@lms-bridge/simulator/Simulator"
import * as Effect from "effect/Effect"
import { standIn } from "../standIn.mjs"

const main = Effect.gen(function* () {
  const { baseUrl, control, lmsBinary } = yield* Simulator.start({ settings: { loadTime: "300 millis" } })
  const answer = () =>
    Effect.map(control.events, (events) => ({ loads: events.filter(({ type }) => type === "loadStarted").length }))
  return { baseUrl, lmsBinary, answer }
})

standIn(main)
