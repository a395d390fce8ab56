import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, FastCheck, Option } from "effect"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { Outcome } from "@lms-bridge/simulator/Faults"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { layer, nomic, onMachine, qwen, qwen8 } from "../models/simulated.ts"
import { bentFrom, errors, pieces, sentences, texts, values } from "./anything.ts"

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const routesAsked = [
  "GET /api/v1/models",
  "POST /v1/chat/completions",
  "POST /v1/embeddings",
  "POST /api/v1/models/load"
] as const

describe("any server", () => {
  it.effect.prop(
    "every call ends with a reply or a typed error, whatever the server answers",
    [
      FastCheck.oneof(...errors.map(bentFrom), ...pieces.map(bentFrom), sentences, values, texts),
      FastCheck.constantFrom(200, 400, 404, 500, 503),
      FastCheck.constantFrom("application/json", "text/event-stream", "text/html")
    ],
    ([body, code, type]) => {
      const answer = code === 200 ? Outcome.garbage(body, type) : Outcome.httpError(code, parsed(body))
      const streamed = Outcome.garbage(`data: ${body}\n\n`, "text/event-stream")
      return onMachine(layer({ settings: { loadTimeout: Duration.seconds(5) } }))(
        Effect.gen(function* () {
          const { script } = yield* SimulatorControl
          const api = yield* LmStudioApi
          const { ensureLoaded } = yield* ModelLifecycle
          for (const route of routesAsked) yield* script(route, [Outcome.ok, answer, streamed], answer)
          for (const call of [
            api.chat({ model: qwen, messages: [{ role: "user", content: "hi" }] }),
            api.chat({ model: qwen, messages: [{ role: "user", content: "hi" }] }),
            api.chat({ model: qwen, messages: [{ role: "user", content: "hi" }] }),
            api.embed({ model: nomic, input: ["a"] }),
            api.load(qwen8),
            api.load(qwen8),
            api.models,
            ensureLoaded(qwen)
          ] as ReadonlyArray<Effect.Effect<unknown, { readonly message: string }>>) {
            const exit = yield* Effect.exit(call)
            if (Exit.isSuccess(exit)) continue
            const failure = Cause.failureOption(exit.cause)
            assert.isTrue(Option.isSome(failure), Cause.pretty(exit.cause))
            if (Option.isSome(failure)) assert.isNotEmpty(failure.value.message)
          }
        })
      )
    },
    { fastCheck: { numRuns: 8 } }
  )
})
