// Planted uses of what belongs to Effect's services; each mark names the rule that must fire below it.
import * as Effect from "effect/Effect"
// expect: nodeBuiltinImport
import * as fs from "node:fs"

declare const work: Effect.Effect<number>

// expect: globalConsole
export const log = () => console.log("here")

// expect: globalDate
export const now = () => Date.now()

// expect: globalRandom
export const random = () => Math.random()

// expect: globalTimers
export const timer = () => setTimeout(() => undefined, 1)

// expect: globalFetch
export const get = () => fetch("http://127.0.0.1:1")

// expect: processEnv
export const home = () => process.env["HOME"]

export const inEffect = Effect.gen(function* () {
  yield* work
  // expect: globalConsoleInEffect
  console.log(fs.constants)
  // expect: globalDateInEffect
  const at = new Date()
  // expect: globalRandomInEffect
  const by = Math.random()
  // expect: globalTimersInEffect
  setTimeout(() => undefined, 1)
  // expect: globalFetchInEffect
  const answer = fetch("http://127.0.0.1:1")
  // expect: processEnvInEffect
  return [at, by, answer, process.env["HOME"]]
})
