import { assert, describe, it } from "@effect/vitest"
import { McpRegistry } from "@lms-bridge/core/McpRegistry"
import { exited, layerTest, McpRegistryCalls, textResult } from "#src/McpRegistryTest.ts"
import { Effect, Fiber, TestClock } from "effect"

describe("McpRegistryTest", () => {
  it.effect("runs handlers, reports progress and records calls", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const heard: Array<number> = []
      const [tool] = yield* registry.tools("files")
      assert.deepInclude(tool, { server: "files", name: "read", description: "", inputSchema: { type: "object" } })
      const result = yield* registry.call(
        "files",
        "read",
        { path: "a" },
        { onProgress: ({ progress }) => Effect.sync(() => heard.push(progress)) }
      )
      assert.deepStrictEqual(result, textResult("content of a"))
      assert.deepStrictEqual(heard, [1])
      const { calls, held } = yield* McpRegistryCalls
      assert.deepStrictEqual(yield* calls, [{ server: "files", tool: "read", arguments: { path: "a" }, ended: "ok" }])
      assert.strictEqual(yield* held("files"), 0)
    }).pipe(
      Effect.provide(
        layerTest({
          files: {
            tools: {
              read: (args, report) =>
                Effect.as(report({ progress: 1, total: 1, message: undefined }), `content of ${String(args["path"])}`)
            }
          }
        })
      )
    )
  )

  it.effect("plays failures to connect in order, then connects", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const error = yield* Effect.flip(registry.tools("files"))
      assert.deepInclude(error, { _tag: "McpServerUnavailable", reason: "Exited", exitCode: 3 })
      const waiting = yield* Effect.fork(registry.tools("files"))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* Fiber.join(waiting), [])
      assert.strictEqual(yield* (yield* McpRegistryCalls).attempts("files"), 2)
    }).pipe(Effect.provide(layerTest({ files: { failures: [exited("files", 3), { after: "5 seconds" }] } })))
  )

  it.effect("refuses unknown tools, and tools that the entry does not allow", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      assert.deepInclude(yield* Effect.flip(registry.tools("flies")), { _tag: "McpServerNotFound", nearest: ["files"] })
      assert.deepInclude(yield* Effect.flip(registry.tools("off")), { _tag: "McpEntryUnusable", reason: "Disabled" })
      assert.deepInclude(yield* Effect.flip(registry.call("files", "nope", {})), { reason: "UnknownTool" })
    }).pipe(Effect.provide(layerTest({ files: {}, off: { unusable: "Disabled" } })))
  )

  it.effect("ends a call at its time limit, and records which calls were interrupted", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const limited = yield* Effect.fork(Effect.flip(registry.call("files", "hang", {}, { timeout: "2 seconds" })))
      const cancelled = yield* Effect.fork(registry.call("files", "hang", {}))
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(yield* Fiber.join(limited), { _tag: "McpCallFailed", reason: "Timeout" })
      yield* Fiber.interrupt(cancelled)
      const calls = yield* (yield* McpRegistryCalls).calls
      assert.deepStrictEqual(
        calls.map(({ ended }) => ended),
        ["failed", "interrupted"]
      )
    }).pipe(Effect.provide(layerTest({ files: { tools: { hang: () => Effect.never } } })))
  )
})
