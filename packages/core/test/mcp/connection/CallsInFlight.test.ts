import { assert, describe, it } from "@effect/vitest"
import * as CallsInFlight from "#src/mcp/connection/CallsInFlight.ts"
import { CurrentElicitation, type ElicitationHandler } from "#src/mcp/Elicitation.ts"
import { Deferred, Effect, Fiber, Option } from "effect"

const question = {
  _tag: "Form",
  server: "s",
  message: "Which branch?",
  schema: { properties: {}, required: [] }
} as const

describe("CallsInFlight", () => {
  it.effect("withdraws a question when the call that it belongs to ends, also if the server does not", () =>
    Effect.gen(function* () {
      const calls = CallsInFlight.make("s")
      const withdrawn = yield* Deferred.make<void>()
      const person: ElicitationHandler = {
        who: "ada",
        opensPages: false,
        ask: () => Effect.onInterrupt(Effect.never, () => Deferred.succeed(withdrawn, undefined))
      }
      const answered = yield* Deferred.make<void>()
      const call = yield* calls
        .during(Deferred.await(answered))
        .pipe(Effect.provideService(CurrentElicitation, Option.some(person)), Effect.fork)
      yield* Effect.yieldNow()
      const asking = yield* Effect.fork(calls.ask(question))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(answered, undefined)
      yield* Fiber.join(call)
      assert.deepStrictEqual(yield* Fiber.join(asking), { action: "cancel" })
      yield* Deferred.await(withdrawn)
    })
  )
})
