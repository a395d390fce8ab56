import { assert, describe, it } from "@effect/vitest"
import * as MemoryFileSystem from "@lms-bridge/testing/MemoryFileSystem"
import { Effect, Layer, Option } from "effect"
import { SemanticRank } from "#src/agent/tools/SemanticRank.ts"
import { StoredVectors } from "#src/agent/tools/StoredVectors.ts"
import * as ToolCatalog from "#src/agent/tools/ToolCatalog.ts"
import { Settings } from "#src/configuration/Settings.ts"
import { Embedder } from "#src/models/catalog/Embedder.ts"
import { manyTools } from "../manyTools.ts"

const model = "nomic/embed:v1*"
const { tools } = ToolCatalog.make(manyTools, {})

const settings = Settings.layerWith({ dataDir: Option.some("/data") })

/** The ranking of a process that starts now, and how many texts it embeds. */
const startedAnew = Effect.fnUntraced(function* (dimensions = 3) {
  let embedded = 0
  const embedder: Embedder["Type"] = {
    atHand: Effect.succeedSome(model),
    small: Effect.succeedSome(model),
    embed: (texts) =>
      Effect.sync(() => {
        embedded += texts.length
        const vectors = texts.map((text) => Array.from({ length: dimensions }, (_, n) => (text.length % (n + 2)) + 0.5))
        return { model, vectors, usage: undefined, contextLength: 512, tooLong: [] }
      })
  }
  const found = yield* Effect.flatMap(SemanticRank, (rank) =>
    rank.of("a task", tools, { load: true, wait: "5 seconds", onProgress: () => Effect.void })
  ).pipe(
    Effect.provide(
      SemanticRank.layer.pipe(
        Layer.provide(Layer.merge(Layer.succeed(Embedder, embedder), StoredVectors.layer)),
        Layer.provide(settings),
        Layer.fresh
      )
    )
  )
  return { found, embedded }
})

describe("StoredVectors", () => {
  it.effect("spare the next process the vectors of tools that the last one has embedded", () =>
    Effect.gen(function* () {
      const first = yield* startedAnew()
      assert.isAbove(first.embedded, tools.length)
      const second = yield* startedAnew()
      assert.strictEqual(second.embedded, 1)
      assert.deepStrictEqual(second.found, first.found)
    }).pipe(Effect.provide(MemoryFileSystem.layer()))
  )

  it.effect("are dropped when the model of that name gives others now, or when they cannot be read", () =>
    Effect.gen(function* () {
      yield* startedAnew()
      assert.strictEqual((yield* startedAnew(4)).found._tag, "Untold")
      const anew = yield* startedAnew(4)
      assert.strictEqual(anew.found._tag, "Near")
      assert.isAbove(anew.embedded, tools.length)
      const files = yield* MemoryFileSystem.MemoryFiles
      for (const path of (yield* files.all).keys()) yield* files.write(path, "{ broken")
      assert.isAbove((yield* startedAnew(4)).embedded, tools.length)
    }).pipe(Effect.provide(MemoryFileSystem.layer()))
  )

  it.effect("are not needed: without a writable folder tools are ranked all the same", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* startedAnew()).found._tag, "Near")
    }).pipe(Effect.provide(MemoryFileSystem.layer({ readOnly: true })))
  )
})
