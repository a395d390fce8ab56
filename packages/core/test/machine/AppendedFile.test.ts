import { NodeContext } from "@effect/platform-node"
import { SystemError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import * as AppendedFile from "#src/machine/AppendedFile.ts"

const full = new SystemError({ reason: "Unknown", module: "FileSystem", method: "write", description: "ENOSPC" })

/** A disk that is full, or has no handles left, when it is told so; what is written to a full one is torn in the middle. */
const failing = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const now = { full: false, handles: true, stat: true, open: 0 }
  const counted = Effect.acquireRelease(
    Effect.sync(() => (now.open += 1)),
    () => Effect.sync(() => (now.open -= 1))
  )
  const files: FileSystem.FileSystem = {
    ...fs,
    open: (path, options) =>
      now.handles
        ? Effect.map(Effect.zipLeft(fs.open(path, options), counted), (file) => ({
            ...file,
            stat: Effect.suspend(() => (now.stat ? file.stat : Effect.fail(full))),
            truncate: (length) => file.truncate(length),
            writeAll: (bytes) =>
              now.full
                ? Effect.zipRight(file.writeAll(bytes.slice(0, bytes.length / 2)), Effect.fail(full))
                : file.writeAll(bytes)
          }))
        : Effect.fail(full)
  }
  const directory = yield* fs.makeTempDirectoryScoped()
  const name = `${directory}/lines`
  return { now, files, name, text: Effect.orDie(fs.readFileString(name)) }
})

const test = <A, E>(body: Effect.Effect<A, E, FileSystem.FileSystem | import("effect/Scope").Scope>) =>
  body.pipe(Effect.scoped, Effect.provide(NodeContext.layer))

describe("AppendedFile", () => {
  it.live("has every text whole or not at all, and catches up when there is room again", () =>
    test(
      Effect.gen(function* () {
        const { files, name, now, text } = yield* failing
        const { append } = yield* AppendedFile.make(files, name)
        assert.isUndefined(yield* append("one\n"))
        now.full = true
        assert.include(yield* append("second\n"), "ENOSPC")
        assert.include(yield* append("third\n"), "ENOSPC")
        now.full = false
        assert.isUndefined(yield* append("fourth\n"))
        assert.strictEqual(yield* text, "one\nsecond\nthird\nfourth\n")
      })
    )
  )

  it.live("keeps no file open that could not be looked at", () =>
    test(
      Effect.gen(function* () {
        const { files, name, now, text } = yield* failing
        const { append } = yield* AppendedFile.make(files, name)
        now.stat = false
        assert.include(yield* append("one\n"), "ENOSPC")
        assert.include(yield* append("second\n"), "ENOSPC")
        assert.strictEqual(now.open, 0)
        now.stat = true
        assert.isUndefined(yield* append("third\n"))
        assert.strictEqual(now.open, 1)
        assert.strictEqual(yield* text, "one\nsecond\nthird\n")
      })
    )
  )

  it.live("goes on writing what is left when it has been closed", () =>
    test(
      Effect.gen(function* () {
        const { files, name, now, text } = yield* failing
        now.full = true
        yield* Effect.scoped(Effect.flatMap(AppendedFile.make(files, name), ({ append }) => append("one\n")))
        now.full = false
        yield* Effect.repeat(text, { until: (found) => found === "one\n", schedule: Schedule.spaced("100 millis") })
      })
    )
  )

  it.live("opens a file later that could not be opened, after a line that was torn when a process was killed", () =>
    test(
      Effect.gen(function* () {
        const { files, name, now, text } = yield* failing
        yield* files.writeFileString(name, "one\ntw")
        now.handles = false
        const { append } = yield* AppendedFile.make(files, name)
        assert.include(yield* append(""), "ENOSPC")
        assert.include(yield* append("three\n"), "ENOSPC")
        now.handles = true
        assert.isUndefined(yield* append(""))
        assert.strictEqual(yield* text, "one\ntw\nthree\n")
      })
    )
  )

  it.live("does not take a file that cannot be read now for an empty one", () =>
    test(
      Effect.gen(function* () {
        const { files, name, text } = yield* failing
        yield* files.writeFileString(name, "one\ntw")
        let isReadable = false
        const readFileString: FileSystem.FileSystem["readFileString"] = (...given) =>
          isReadable ? files.readFileString(...given) : Effect.fail(full)
        const { append } = yield* AppendedFile.make({ ...files, readFileString }, name)
        assert.include(yield* append("three\n"), "ENOSPC")
        isReadable = true
        assert.isUndefined(yield* append(""))
        assert.strictEqual(yield* text, "one\ntw\nthree\n")
      })
    )
  )
})
