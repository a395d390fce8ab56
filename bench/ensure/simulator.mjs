// LM Studio whose loads take a while, so that callers meet.
import * as Simulator from "@lms-bridge/simulator/Simulator"
import * as Effect from "effect/Effect"
import { standIn } from "../standIn.mjs"

const main = Effect.gen(function* () {
  const { baseUrl, control, lmsBinary } = yield* Simulator.start({ settings: { loadTime: "300 millis" } })
  process.on("message", () => {
    Effect.runPromise(control.events).then((events) =>
      process.send({ loads: events.filter(({ type }) => type === "loadStarted").length })
    )
  })
  return { baseUrl, lmsBinary }
})

standIn(main)
