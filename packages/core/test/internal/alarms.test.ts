import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, TestClock } from "effect"
import * as Alarms from "../../src/internal/alarms.ts"

const makeRung = () => {
  const rung: Array<string> = []
  const alarm = (name: string, at: number) => {
    const state = { at }
    const made = {
      due: () => state.at,
      ring: Effect.sync(() => void rung.push(name)),
      move: (to: number) => void (state.at = to)
    }
    return made
  }
  return { rung, alarm }
}

describe("alarms", () => {
  it.scoped("ring when they are due, in whatever order they were set, and once", () =>
    Effect.gen(function* () {
      const { alarm, rung } = makeRung()
      const alarms = yield* Alarms.make
      alarms.set(alarm("third", 3000))
      yield* TestClock.adjust("999 millis")
      alarms.set(alarm("first", 1000))
      alarms.set(alarm("second", 2000))
      assert.deepStrictEqual(rung, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(rung, ["first"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(rung, ["first", "second"])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(rung, ["first", "second", "third"])
      alarms.set(alarm("late", 0))
      yield* TestClock.adjust("0 millis")
      assert.deepStrictEqual(rung.slice(3), ["late"])
    })
  )

  it.scoped("do not ring when they are taken back, even by one that rings at the same time", () =>
    Effect.gen(function* () {
      const { alarm, rung } = makeRung()
      const alarms = yield* Alarms.make
      const gone = alarm("gone", 1000)
      const other = alarm("other", 2000)
      alarms.set(gone)
      alarms.set({ due: () => 2000, ring: Effect.sync(() => alarms.takeBack(other)) })
      alarms.set(other)
      alarms.takeBack(gone)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(rung, [])
    })
  )

  it.scoped("do not ring when they are put off by one that rings at the same time", () =>
    Effect.gen(function* () {
      const { alarm, rung } = makeRung()
      const alarms = yield* Alarms.make
      const other = alarm("other", 1000)
      alarms.set({ due: () => 1000, ring: Effect.sync(() => other.move(5000)) })
      alarms.set(other)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(rung, [])
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(rung, ["other"])
    })
  )

  it.scoped("move: to a later time by themselves, to an earlier one when they say so", () =>
    Effect.gen(function* () {
      const { alarm, rung } = makeRung()
      const alarms = yield* Alarms.make
      const one = alarm("one", 1000)
      alarms.set(one)
      yield* TestClock.adjust("500 millis")
      one.move(5000)
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(rung, [])
      one.move(4600)
      alarms.sooner()
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(rung, ["one"])
    })
  )

  it.scoped("ring again when they are due later after they have rung", () =>
    Effect.gen(function* () {
      const rung: Array<number> = []
      let at = 1000
      const alarms = yield* Alarms.make
      alarms.set({ due: () => at, ring: Effect.sync(() => (rung.push(at), (at += 1000))) })
      yield* TestClock.adjust("3500 millis")
      assert.deepStrictEqual(rung, [1000, 2000, 3000])
    })
  )

  it.scoped("go on when one of them fails", () => {
    const said: Array<unknown> = []
    return Effect.gen(function* () {
      const { alarm, rung } = makeRung()
      const alarms = yield* Alarms.make
      alarms.set({ due: () => 1000, ring: Effect.dieMessage("a bug") })
      alarms.set(alarm("next", 1500))
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(rung, ["next"])
      assert.strictEqual(said.length, 1)
    }).pipe(
      Effect.provide(
        Logger.replace(
          Logger.defaultLogger,
          Logger.make(({ message }) => void said.push(message))
        )
      )
    )
  })
})
