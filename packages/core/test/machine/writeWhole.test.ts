import { assert, describe, it } from "@effect/vitest"
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Effect } from "effect"
import { writeWhole } from "#src/machine/writeWhole.ts"

describe("writeWhole", () => {
  it.scopedLive("has the new text on the disk before the file bears its good name", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/a.json`
      const done: Array<string> = []
      const told = <A, E, R>(what: string, self: Effect.Effect<A, E, R>) => Effect.tap(self, () => done.push(what))
      const watched: FileSystem.FileSystem = {
        ...fs,
        open: (path, options) =>
          Effect.map(fs.open(path, options), (open) => ({
            ...open,
            writeAll: (bytes) => told("written", open.writeAll(bytes)),
            sync: told("synced", open.sync)
          })),
        rename: (from, to) => told("renamed", fs.rename(from, to))
      }
      yield* Effect.provideService(writeWhole(file, "new"), FileSystem.FileSystem, watched)
      assert.deepStrictEqual(done, ["written", "synced", "renamed"])
      assert.strictEqual(yield* fs.readFileString(file), "new")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scopedLive("writes nothing as an empty file", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/a.toml`
      yield* writeWhole(file, "")
      assert.strictEqual(yield* fs.readFileString(file), "")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scopedLive("leaves nothing behind when the file cannot be replaced", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.makeDirectory(`${folder}/a.json`)
      yield* Effect.flip(writeWhole(`${folder}/a.json`, "new"))
      assert.deepStrictEqual(yield* fs.readDirectory(folder), ["a.json"])
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
