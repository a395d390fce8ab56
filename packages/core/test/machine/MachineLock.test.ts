import { assert, describe, it } from "@effect/vitest"
import { FileSystem, Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Deferred, Duration, Effect, Exit, Fiber, Layer, Option, Ref } from "effect"
import { Settings } from "#src/configuration/Settings.ts"
import * as MachineLock from "#src/machine/MachineLock.ts"
import * as StateDirectory from "#src/machine/StateDirectory.ts"
import { inVirtualTime } from "@lms-bridge/testing/VirtualTime"
import * as MemoryFileSystem from "@lms-bridge/testing/MemoryFileSystem"

const settings = Settings.layerWith({ dataDir: Option.some("/data") })

/** A separate process on the shared disk. */
const processOn = (disk: FileSystem.FileSystem) =>
  Effect.flatMap(StateDirectory.make, MachineLock.make).pipe(
    Effect.provideService(FileSystem.FileSystem, disk),
    Effect.provide(Layer.merge(Path.layer, settings))
  )

const linux = (pid: string) => ({ "/proc/self": pid, "/proc/self/ns/pid": "pid:[1]" })

/** Sleeps for as long as this many looks take. */
const looks = (count: number) => Effect.sleep(Duration.times(MachineLock.lookEvery, count))

describe("MachineLock", () => {
  it.effect("admits one process at a time, and the next when it is done", () =>
    Effect.gen(function* () {
      const { files, fs } = MemoryFileSystem.make()
      const [one, two] = [yield* processOn(fs), yield* processOn(fs)]
      const release = yield* Deferred.make<void>()
      const told = yield* Ref.make(0)
      const first = yield* Effect.fork(one.withLock("m", Effect.void)(Deferred.await(release)))
      yield* looks(0.5)
      const second = yield* Effect.fork(
        two.withLock(
          "m",
          Ref.update(told, (n) => n + 1)
        )(Effect.succeed("in"))
      )
      yield* looks(60)
      assert.isTrue(Option.isNone(yield* Fiber.poll(second)), "a lock that beats is never stale, however long it takes")
      assert.strictEqual(yield* Ref.get(told), 1)
      yield* Deferred.succeed(release, undefined)
      yield* looks(1)
      assert.strictEqual(yield* Fiber.join(second), "in")
      yield* Fiber.join(first)
      assert.deepStrictEqual([...(yield* files.all).keys()], [])
    }).pipe(inVirtualTime)
  )

  it.effect("keeps other names free", () =>
    Effect.gen(function* () {
      const { fs } = MemoryFileSystem.make()
      const [one, two] = [yield* processOn(fs), yield* processOn(fs)]
      yield* Effect.fork(one.withLock("http://h:1 a/b", Effect.void)(Effect.never))
      yield* looks(0.5)
      assert.strictEqual(yield* two.withLock("http://h:1 a/c", Effect.void)(Effect.succeed("in")), "in")
    }).pipe(inVirtualTime)
  )

  it.effect("releases the lock when the work fails, dies or is interrupted, and when a waiter is interrupted", () =>
    Effect.gen(function* () {
      const { files, fs } = MemoryFileSystem.make()
      const [one, two] = [yield* processOn(fs), yield* processOn(fs)]
      yield* Effect.exit(one.withLock("m", Effect.void)(Effect.fail("no")))
      yield* Effect.exit(one.withLock("m", Effect.void)(Effect.die("bug")))
      const working = yield* Effect.fork(one.withLock("m", Effect.void)(Effect.never))
      yield* looks(0.5)
      const waiting = yield* Effect.fork(two.withLock("m", Effect.void)(Effect.never))
      yield* looks(2)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(waiting)))
      yield* Fiber.interrupt(working)
      assert.deepStrictEqual([...(yield* files.all).keys()], [])
    }).pipe(inVirtualTime)
  )

  it.effect("takes over from a process that is known to be gone, at once", () =>
    Effect.gen(function* () {
      const dead = MemoryFileSystem.make({ links: linux("41") })
      const one = yield* processOn(dead.fs)
      const crashed = yield* Effect.fork(one.withLock("m", Effect.void)(Effect.never))
      yield* looks(0.5)
      const left = yield* dead.files.all
      yield* Fiber.interrupt(crashed)
      const { fs } = MemoryFileSystem.make({ files: Object.fromEntries(left), links: linux("42") })
      const two = yield* processOn(fs)
      assert.strictEqual(yield* two.withLock("m", Effect.dieMessage("no wait"))(Effect.succeed("in")), "in")
    }).pipe(inVirtualTime)
  )

  it.effect("does not consider a process in another container gone", () =>
    Effect.gen(function* () {
      const other = MemoryFileSystem.make({ links: { "/proc/self": "7", "/proc/self/ns/pid": "pid:[2]" } })
      const one = yield* processOn(other.fs)
      const fiber = yield* Effect.fork(one.withLock("m", Effect.void)(Effect.never))
      yield* looks(0.5)
      const left = yield* other.files.all
      yield* Fiber.interrupt(fiber)
      const { fs } = MemoryFileSystem.make({ files: Object.fromEntries(left), links: linux("42") })
      const two = yield* processOn(fs)
      const waiting = yield* Effect.fork(two.withLock("m", Effect.void)(Effect.succeed("in")))
      yield* looks(3)
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
      yield* looks(MachineLock.looksUntilStale)
      assert.strictEqual(yield* Fiber.join(waiting), "in")
    }).pipe(inVirtualTime)
  )

  it.effect("looks again before it removes a dead owner's lock: another process may have taken it over meanwhile", () =>
    Effect.gen(function* () {
      const { files, fs } = MemoryFileSystem.make()
      yield* files.write("/data/locks/m.lock", '{"token":"dead","beat":3}')
      const seen = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      // a process that pauses between seeing that the owner is gone and removing the file
      const slow: FileSystem.FileSystem = {
        ...fs,
        writeFileString: (path, text, how) =>
          path.includes(".lock.dead")
            ? Deferred.succeed(seen, undefined).pipe(
                Effect.zipRight(Deferred.await(goOn)),
                Effect.zipRight(fs.writeFileString(path, text, how))
              )
            : fs.writeFileString(path, text, how)
      }
      const [one, two] = [yield* processOn(slow), yield* processOn(fs)]
      const late = yield* Effect.fork(one.withLock("m", Effect.void)(Effect.succeed("in")))
      yield* Deferred.await(seen)
      const holder = yield* Effect.fork(two.withLock("m", Effect.void)(Effect.never))
      yield* looks(MachineLock.looksUntilStale + 2)
      yield* Deferred.succeed(goOn, undefined)
      yield* looks(3)
      assert.isTrue(Option.isNone(yield* Fiber.poll(late)), "the lock that it saw is no longer the current one")
      yield* Fiber.interrupt(holder)
      yield* looks(2)
      assert.strictEqual(yield* Fiber.join(late), "in")
    }).pipe(inVirtualTime)
  )

  it.effect("takes over a lock that does not beat, by only one of the waiters", () =>
    Effect.gen(function* () {
      const { files, fs } = MemoryFileSystem.make()
      yield* files.write("/data/locks/m.lock", '{"token":"gone","beat":3}')
      const inside = yield* Ref.make({ now: 0, most: 0 })
      const work = Ref.update(inside, ({ most, now }) => ({ now: now + 1, most: Math.max(most, now + 1) })).pipe(
        Effect.zipRight(Effect.sleep("2 seconds")),
        Effect.zipRight(Ref.update(inside, ({ most, now }) => ({ now: now - 1, most })))
      )
      const fibers = yield* Effect.forEach([1, 2, 3, 4], () =>
        Effect.flatMap(processOn(fs), (process) => Effect.fork(process.withLock("m", Effect.void)(work)))
      )
      yield* looks(30)
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(yield* Ref.get(inside), { now: 0, most: 1 })
      assert.deepStrictEqual([...(yield* files.all).keys()], [])
    }).pipe(inVirtualTime)
  )

  it.effect("takes over a lock file that cannot be read, but not at once: it may be about to be written", () =>
    Effect.gen(function* () {
      const { files, fs } = MemoryFileSystem.make()
      yield* files.write("/data/locks/m.lock", "{ half")
      const process = yield* processOn(fs)
      const waiting = yield* Effect.fork(process.withLock("m", Effect.void)(Effect.succeed("in")))
      yield* looks(MachineLock.looksUntilStale - 1)
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
      yield* looks(2)
      assert.strictEqual(yield* Fiber.join(waiting), "in")
    }).pipe(inVirtualTime)
  )

  it.effect("does not overwrite or remove a lock that was taken over from it", () =>
    Effect.gen(function* () {
      const { files, fs } = MemoryFileSystem.make()
      const process = yield* processOn(fs)
      const fiber = yield* Effect.fork(process.withLock("m", Effect.void)(Effect.never))
      yield* looks(0.5)
      const theirs = '{"token":"other","beat":0}'
      yield* files.write("/data/locks/m.lock", theirs)
      yield* Effect.sleep("1 minute")
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* files.all).get("/data/locks/m.lock"), theirs)
    }).pipe(inVirtualTime)
  )

  it.effect("just runs where nothing can be written", () =>
    Effect.gen(function* () {
      const { fs } = MemoryFileSystem.make({ readOnly: true })
      const process = yield* processOn(fs)
      assert.strictEqual(yield* process.withLock("m", Effect.void)(Effect.succeed("in")), "in")
    }).pipe(inVirtualTime)
  )

  it.scopedLive("works on a real disk", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dataDir = Option.some(yield* fs.makeTempDirectoryScoped())
      const make = Effect.flatMap(StateDirectory.make, MachineLock.make).pipe(
        Effect.provide(Settings.layerWith({ dataDir }))
      )
      const [one, two] = [yield* make, yield* make]
      const order = yield* Ref.make<ReadonlyArray<string>>([])
      const note = (what: string) => Ref.update(order, (all) => [...all, what])
      const [inside, release] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const first = yield* Effect.fork(
        one.withLock(
          "qwen/qwen3-4b*",
          Effect.void
        )(
          note("one in").pipe(
            Effect.zipRight(Deferred.succeed(inside, undefined)),
            Effect.zipRight(Deferred.await(release)),
            Effect.zipRight(note("one out"))
          )
        )
      )
      yield* Deferred.await(inside)
      const second = yield* Effect.fork(
        two.withLock(
          "qwen/qwen3-4b*",
          Effect.zipRight(note("two waits"), Deferred.succeed(release, undefined))
        )(note("two in"))
      )
      yield* Fiber.joinAll([first, second])
      assert.deepStrictEqual(yield* Ref.get(order), ["one in", "two waits", "one out", "two in"])
      const path = yield* Path.Path
      assert.deepStrictEqual(yield* fs.readDirectory(path.join(Option.getOrThrow(dataDir), "locks")), [])
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
