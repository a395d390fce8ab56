// Planted mistakes in and around Effect.gen; each mark names the rule that must fire below it.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

class Failed extends Schema.TaggedError<Failed>()("Failed", {}) {}

declare const work: Effect.Effect<number, Failed>
declare const decode: (input: unknown) => number

// expect: floatingEffect
Effect.succeed(1)

export const returns = Effect.gen(function* () {
  yield* work
  // expect: returnEffectInGen
  return work
})

export const neverSucceeds = Effect.gen(function* () {
  yield* work
  // expect: missingReturnYieldStar
  yield* Effect.fail(new Failed())
})

export const noStar = Effect.gen(function* () {
  yield* work
  // expect: missingStarInYieldEffectGen
  yield work
})

export const nested = Effect.gen(function* () {
  const before = yield* work
  // expect: nestedEffectGenYield
  const value = yield* Effect.gen(function* () {
    const one = yield* work
    return one + (yield* work)
  })
  return before + value
})

export const tried = Effect.gen(function* () {
  // expect: tryCatchInEffectGen
  try {
    return yield* work
  } catch {
    return 0
  }
})

export const ran = Effect.gen(function* () {
  const before = yield* work
  // expect: runEffectInsideEffect
  return before + Effect.runSync(Effect.succeed(1))
})

const decodeNumber = Schema.decodeUnknownSync(Schema.Number)
export const decodes = Effect.gen(function* () {
  const before = yield* work
  // expect: schemaSyncInEffect
  return before + Schema.decodeUnknownSync(Schema.Number)(before)
})

export const parses = Effect.gen(function* () {
  const before = yield* work
  // expect: preferSchemaOverJson
  return decode(JSON.parse(String(before)))
})

// expect: unnecessaryEffectGen
export const unnecessary = Effect.gen(function* () {
  return yield* work
})

// expect: effectFnOpportunity
export const opportunity = (by: number) =>
  Effect.gen(function* () {
    const value = yield* work
    return value * by
  })

// expect: effectFnOpportunity
export const spanned = (by: number) =>
  Effect.gen(function* () {
    const value = yield* work
    return value * by
  }).pipe(Effect.withSpan("spanned"))

// expect: effectDoNotation
export const notation = Effect.Do.pipe(
  Effect.bind("one", () => work),
  Effect.bind("two", () => work),
  Effect.map(({ one, two }) => one + two)
)

// expect: asyncFunction
export async function later() {
  return decodeNumber(1)
}

// expect: newPromise
export const promise = new Promise<void>((resolve) => resolve())
