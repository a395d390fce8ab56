import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Stream } from "effect"
import { download } from "#src/models/catalog/ModelDownload.ts"
import { Outcome } from "@lms-bridge/simulator/Faults"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { layer, lmsCalls, onMachine, requests, type Options } from "../simulated.ts"

const gemma = "google/gemma-3-4b"

const test = (options: Options = {}) =>
  onMachine(layer({ ...options, simulator: { settings: { downloadTime: "10 seconds" }, ...options.simulator } }))

const collected = Effect.map(Stream.runCollect(download(gemma)), Chunk.toReadonlyArray)

describe("ModelDownload", () => {
  it.effect("uses `lms get`, and reports progress and the end", () =>
    Effect.gen(function* () {
      const told = yield* collected
      assert.isAbove(told.length, 2)
      assert.deepStrictEqual(told.at(-1), { _tag: "Done", alreadyDownloaded: false })
      assert.deepStrictEqual(yield* collected, [{ _tag: "Done", alreadyDownloaded: true }])
    }).pipe(test())
  )

  it.effect("ends `lms` when its reader ends", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      const fiber = yield* Effect.fork(collected)
      yield* Effect.sleep("3 seconds")
      yield* Fiber.interrupt(fiber)
      const { commands } = yield* control.seen
      assert.isTrue(commands.find(({ argv }) => argv[0] === "get")?.killed)
    }).pipe(test())
  )

  it.effect("uses LM Studio's own route where there is no `lms`", () =>
    Effect.gen(function* () {
      const told = yield* collected
      const fractions = told.flatMap((one) => (one._tag === "Downloading" ? [one.fraction] : []))
      assert.isAbove(fractions.length, 5)
      assert.deepStrictEqual(
        fractions.toSorted((left, right) => left - right),
        fractions
      )
      assert.deepStrictEqual(told.at(-1), { _tag: "Done", alreadyDownloaded: false })
      assert.lengthOf(yield* lmsCalls, 0)
      assert.deepStrictEqual(yield* collected, [{ _tag: "Done", alreadyDownloaded: true }])
    }).pipe(test({ lms: false }))
  )

  it.effect("fails when LM Studio says that the download has failed", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("GET /api/v1/models/download/status/:job_id", [
        Outcome.httpError(200, { job_id: "job_1", status: "failed" })
      ])
      assert.deepInclude(yield* Effect.flip(collected), { _tag: "ServerFault", operation: "download" })
      assert.lengthOf(
        (yield* requests).filter((one) => one.includes("download/status")),
        1
      )
    }).pipe(test({ lms: false }))
  )
})
