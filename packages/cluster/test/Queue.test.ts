import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { refusing } from "#src/Queue.ts"

describe("what a worker leaves to others", () => {
  it.effect("is said once for each part, by however many fibers at once", () => {
    const said: Array<unknown> = []
    const logger = Logger.make(({ message }) => void said.push(message))
    return Effect.gen(function* () {
      const refuse = refusing(new Set())
      const prepared = refuse("one", "it is made, and not carried out")
      assert.deepStrictEqual(said, [])
      yield* Effect.all([prepared, refuse("one", "odd"), refuse("two", "odd"), refuse("one", "odd")], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(said, [
        ["A part of a run is left to other workers.", { id: "one", why: "it is made, and not carried out" }],
        ["A part of a run is left to other workers.", { id: "two", why: "odd" }]
      ])
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })
})
