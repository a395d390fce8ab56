import { assert, describe, it } from "@effect/vitest"
import { NodeContext } from "@effect/platform-node"
import * as FileSystem from "@effect/platform/FileSystem"
import * as BenchTools from "#src/bench/BenchTools.ts"
import { Effect } from "effect"

/** Calls tools of one folder; of a failure, what the model is told. */
const world = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* Effect.flatMap(fs.makeTempDirectoryScoped(), fs.realPath)
  return (name: string, input: Readonly<Record<string, unknown>> = {}) =>
    Effect.merge(Effect.mapError(BenchTools.call(name, input, folder), ({ message }) => `! ${message}`))
})

describe("the tools of the bench", () => {
  it.scoped("work on the files of their folder", () =>
    Effect.gen(function* () {
      const call = yield* world
      assert.strictEqual(yield* call("list_files"), "There are no files.")
      yield* call("write_file", { path: "sub/a.txt", text: "one $& two\n" })
      assert.strictEqual(yield* call("read_file", { path: "sub/a.txt" }), "one $& two\n")
      yield* call("edit_file", { path: "sub/a.txt", old_text: "two", new_text: "$& three" })
      assert.strictEqual(yield* call("read_file", { path: "./sub/a.txt" }), "one $& $& three\n")
      yield* call("move_file", { from: "sub/a.txt", to: "b.txt" })
      assert.strictEqual(yield* call("list_files"), "b.txt")
      assert.strictEqual(yield* call("search_files", { name: "B*" }), "b.txt")
      assert.strictEqual(yield* call("search_files", { name: "c" }), "There is no file with c in its name.")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("keep what they are told, out of sight of the others", () =>
    Effect.gen(function* () {
      const call = yield* world
      assert.strictEqual(yield* call("recall", { key: "a" }), "! Nothing is in memory under a. Memory is empty.")
      yield* call("remember", { key: "Plumber", text: "555" })
      assert.strictEqual(yield* call("recall", { key: "plumber" }), "555")
      assert.strictEqual(yield* call("recall", { key: "x" }), "! Nothing is in memory under x. There are: Plumber.")
      assert.strictEqual(yield* call("list_files"), "There are no files.")
      assert.strictEqual(yield* call("add", { a: 4711, b: 1289 }), "6000")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("say what cannot be done, and leave everything else alone", () =>
    Effect.gen(function* () {
      const call = yield* world
      yield* call("write_file", { path: "a.txt", text: "a" })
      yield* call("write_file", { path: "b.txt", text: "b" })
      for (const [name, input, says] of [
        ["read_file", { path: "no.txt" }, "! There is no file no.txt."],
        ["read_file", { path: "." }, "! . is a folder."],
        ["read_file", { path: "/etc/hostname" }, /^! \/etc\/hostname is outside of the folder/],
        ["write_file", { path: "../x.txt", text: "" }, /is outside of the folder/],
        ["write_file", { path: "x.txt" }, "! text must be a string."],
        ["add", { a: 1, b: "2" }, "! b must be a number."],
        ["edit_file", { path: "a.txt", old_text: "z", new_text: "y" }, /does not contain this old_text/],
        ["edit_file", { path: "a.txt", old_text: "", new_text: "y" }, /does not contain this old_text/],
        ["move_file", { from: "a.txt", to: "b.txt" }, "! b.txt is there already. Nothing was changed."],
        ["move_file", { from: "no.txt", to: "c.txt" }, "! There is no file no.txt."],
        ["fly", {}, "! There is no tool fly."]
      ] as const) {
        const told = yield* call(name, input)
        if (typeof says === "string") assert.strictEqual(told, says)
        else assert.match(told, says)
      }
      assert.strictEqual(yield* call("list_files"), "a.txt\nb.txt")
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
