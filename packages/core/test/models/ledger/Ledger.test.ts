import { assert, describe, it } from "@effect/vitest"
import { FileSystem, Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Deferred, Effect, Fiber, Layer, Logger, Option, Ref, TestClock } from "effect"
import { Settings } from "#src/configuration/Settings.ts"
import * as Ledger from "#src/models/ledger/Ledger.ts"
import type { LedgerEntry } from "#src/models/ledger/Ownership.ts"
import * as StateDirectory from "#src/machine/StateDirectory.ts"
import * as MemoryFileSystem from "@lms-bridge/testing/MemoryFileSystem"

const here = "http://127.0.0.1:1234"

const processOn = (disk: FileSystem.FileSystem, server = here) =>
  Effect.flatMap(StateDirectory.make, (state) => Ledger.make(state, server)).pipe(
    Effect.provideService(FileSystem.FileSystem, disk),
    Effect.provide(Layer.merge(Path.layer, Settings.layerWith({ dataDir: Option.some("/data") })))
  )

const entry = (instanceId: string, changes: Partial<LedgerEntry> = {}): LedgerEntry => ({
  instanceId,
  model: "m",
  way: "rest",
  server: here,
  ttlMillis: 600_000,
  state: "loaded",
  startedAt: 0,
  lastUsedAt: 0,
  worked: false,
  ...changes
})

const ids = (entries: ReadonlyArray<LedgerEntry>) => entries.map(({ instanceId }) => instanceId).toSorted()

describe("Ledger", () => {
  it.effect("tells other processes what is loaded and held", () =>
    Effect.gen(function* () {
      const { fs } = MemoryFileSystem.make()
      const [one, two] = [yield* processOn(fs), yield* processOn(fs)]
      yield* one.put(entry("a"))
      yield* one.hold(["a", "theirs"])
      yield* two.put(entry("b"))
      assert.deepStrictEqual(ids(yield* two.all), ["a", "b"])
      assert.deepStrictEqual(ids(yield* two.own), ["b"])
      assert.deepStrictEqual(yield* two.heldElsewhere, new Set(["a", "theirs"]))
      assert.deepStrictEqual(yield* one.heldElsewhere, new Set())
    })
  )

  it.effect("leaves no file behind when there is nothing to record", () =>
    Effect.gen(function* () {
      const { files, fs } = MemoryFileSystem.make()
      const one = yield* processOn(fs)
      yield* one.beat
      yield* one.all
      assert.deepStrictEqual([...(yield* files.all).keys()], [])
      yield* one.put(entry("a"))
      assert.strictEqual((yield* files.all).size, 1)
      yield* one.forget(["a"])
      assert.deepStrictEqual([...(yield* files.all).keys()], [])
    })
  )

  it.effect("does not read the other files again for every look", () =>
    Effect.gen(function* () {
      const { fs } = MemoryFileSystem.make()
      const [one, two] = [yield* processOn(fs), yield* processOn(fs)]
      assert.deepStrictEqual(yield* two.recent, [])
      yield* one.put(entry("a"))
      assert.deepStrictEqual(yield* two.recent, [])
      yield* TestClock.adjust(Ledger.freshMillis)
      assert.deepStrictEqual(ids(yield* two.recent), ["a"])
    })
  )

  it.effect("takes over the entries of a process once it has stopped beating, and not before", () =>
    Effect.gen(function* () {
      const { files, fs } = MemoryFileSystem.make()
      const [dead, alive] = [yield* processOn(fs), yield* processOn(fs)]
      yield* dead.put(entry("a"))
      yield* dead.hold(["a"])
      yield* TestClock.adjust(Ledger.deadAfterMillis)
      yield* alive.takeOver
      assert.deepStrictEqual(ids(yield* alive.own), [])
      assert.deepStrictEqual(yield* alive.heldElsewhere, new Set(["a"]))
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* alive.heldElsewhere, new Set(), "the dead hold nothing")
      yield* alive.takeOver
      assert.deepStrictEqual(ids(yield* alive.own), ["a"])
      assert.strictEqual((yield* files.all).size, 1, "the file of the dead process is gone")
    })
  )

  it.effect("leaves the entries of a beating process alone", () =>
    Effect.gen(function* () {
      const { fs } = MemoryFileSystem.make()
      const [busy, other] = [yield* processOn(fs), yield* processOn(fs)]
      yield* busy.put(entry("a"))
      for (let i = 0; i < 10; i++) {
        yield* TestClock.adjust(Ledger.beatMillis)
        yield* busy.beat
      }
      yield* other.takeOver
      assert.deepStrictEqual(ids(yield* other.own), [])
    })
  )

  it.effect("counts a load once it was abandoned, and not before: what appears meanwhile may be somebody else's", () =>
    Effect.gen(function* () {
      const { fs } = MemoryFileSystem.make()
      const one = yield* processOn(fs)
      const givenUp = yield* Deferred.make<never, string>()
      const load = yield* Effect.fork(one.during(entry("a", { state: "loading" }))(Deferred.await(givenUp)))
      yield* Effect.yieldNow()
      assert.deepStrictEqual(ids(yield* one.own), [])
      yield* Deferred.fail(givenUp, "too late")
      yield* Fiber.await(load)
      assert.deepStrictEqual(ids(yield* one.own), ["a"])
    })
  )

  it.effect("takes over at once the entries of a process that exited cleanly", () =>
    Effect.gen(function* () {
      const { fs } = MemoryFileSystem.make()
      const [one, two] = [yield* processOn(fs), yield* processOn(fs)]
      yield* TestClock.adjust(1_000_000)
      yield* one.put(entry("a"))
      yield* one.hold(["a"])
      yield* one.close
      assert.deepStrictEqual(yield* two.heldElsewhere, new Set())
      yield* two.takeOver
      assert.deepStrictEqual(ids(yield* two.own), ["a"])
    })
  )

  it.effect("keeps entries of another LM Studio for a process that uses it", () =>
    Effect.gen(function* () {
      const { fs } = MemoryFileSystem.make()
      const there = "http://box:1234"
      const gone = yield* processOn(fs, there)
      yield* gone.put(entry("a", { server: there }))
      yield* gone.close
      yield* TestClock.adjust(1_000_000)
      const local = yield* processOn(fs)
      assert.deepStrictEqual(yield* local.all, [])
      yield* local.takeOver
      assert.deepStrictEqual(yield* local.own, [])
      const remote = yield* processOn(fs, there)
      yield* remote.takeOver
      assert.deepStrictEqual(ids(yield* remote.own), ["a"])
    })
  )

  it.effect("prefers the newest entry of an instance", () =>
    Effect.gen(function* () {
      const { fs } = MemoryFileSystem.make()
      const [one, two] = [yield* processOn(fs), yield* processOn(fs)]
      yield* one.put(entry("a", { startedAt: 5, contextLength: 4096 }))
      yield* two.put(entry("a", { startedAt: 9, contextLength: 8192 }))
      assert.deepStrictEqual(
        (yield* one.all).map(({ contextLength }) => contextLength),
        [8192]
      )
    })
  )

  it.effect("ignores files that are broken or from another version", () =>
    Effect.gen(function* () {
      const { files, fs } = MemoryFileSystem.make()
      yield* files.write("/data/models/x.json", "{ half")
      yield* files.write("/data/models/y.json", '{"version":2}')
      const one = yield* processOn(fs)
      assert.deepStrictEqual(yield* one.all, [])
      yield* one.takeOver
      assert.strictEqual((yield* files.all).size, 2)
    })
  )

  it.effect("keeps everything in memory where nothing can be written, and logs that once", () =>
    Effect.gen(function* () {
      const warnings = yield* Ref.make(0)
      const logger = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ logLevel }) => {
          if (logLevel._tag === "Warning") Ref.update(warnings, (n) => n + 1).pipe(Effect.runSync)
        })
      )
      const { fs } = MemoryFileSystem.make({ readOnly: true })
      yield* Effect.gen(function* () {
        const one = yield* processOn(fs)
        yield* one.put(entry("a"))
        yield* one.put(entry("b"))
        yield* one.hold(["a"])
        assert.deepStrictEqual(ids(yield* one.all), ["a", "b"])
      }).pipe(Effect.provide(logger))
      assert.strictEqual(yield* Ref.get(warnings), 1)
    })
  )

  it.scopedLive("writes and reads a real disk", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dataDir = Option.some(yield* fs.makeTempDirectoryScoped())
      const make = (server: string) =>
        Effect.flatMap(StateDirectory.make, (state) => Ledger.make(state, server)).pipe(
          Effect.provide(Settings.layerWith({ dataDir }))
        )
      const there = "http://box:1234"
      const [one, two, three] = [yield* make(here), yield* make(here), yield* make(there)]
      const folder = `${Option.getOrThrow(dataDir)}/models`
      const isPrivate = Effect.gen(function* () {
        assert.strictEqual((yield* fs.stat(folder)).mode & 0o777, 0o700)
        for (const name of yield* fs.readDirectory(folder)) {
          const { mode } = yield* fs.stat(`${folder}/${name}`)
          assert.strictEqual(mode & 0o777, 0o600, "nobody else is to learn what somebody works with")
        }
      })
      yield* one.put(entry("a"))
      yield* one.put(entry("b", { server: there }))
      assert.deepStrictEqual(ids(yield* two.all), ["a"])
      yield* isPrivate
      yield* one.close
      yield* two.takeOver
      yield* isPrivate
      yield* three.takeOver
      assert.deepStrictEqual([ids(yield* two.own), ids(yield* three.own)], [["a"], ["b"]])
      yield* two.forget(["a"])
      yield* three.forget(["b"])
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
