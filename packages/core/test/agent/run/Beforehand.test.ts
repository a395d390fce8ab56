import { assert, describe, it } from "@effect/vitest"
import * as Beforehand from "#src/agent/run/Beforehand.ts"
import { Skills } from "#src/skills/Skills.ts"
import { ModelNotFound } from "#src/lmstudio/LmStudioError.ts"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import * as McpRegistryTest from "@lms-bridge/testing/McpRegistryTest"
import { Effect, Fiber, Layer, TestClock } from "effect"

const notFound = (model: string) => new ModelNotFound({ model, available: ["qwen3-8b"], nearest: ["qwen3-8b"] })

const services = (resolve: Partial<typeof ModelLifecycle.Service>["resolve"]) =>
  Layer.merge(
    Layer.mock(ModelLifecycle, {
      withModel: () => () => Effect.dieMessage("nothing is loaded"),
      resolve: resolve ?? ((name = "qwen3-8b") => (name === "qwen3-8b" ? Effect.succeed(name) : notFound(name)))
    }),
    McpRegistryTest.layerTest({ files: {}, off: { unusable: "Disabled" } })
  )

const check = Effect.fnUntraced(function* (task: Parameters<typeof Beforehand.check>[1]) {
  const lifecycle = yield* ModelLifecycle
  const registry = yield* McpRegistry
  return yield* Beforehand.check({ lifecycle, registry, skills: yield* Skills }, task)
})

const named = (...names: ReadonlyArray<string>) => ({ servers: { _tag: "Named" as const, names } })

describe("what is checked before a run", () => {
  it.effect("servers and model are there, and nothing is started", () =>
    Effect.gen(function* () {
      yield* check(named("files"))
      yield* check({ servers: { _tag: "All" }, model: "qwen3-8b" })
      yield* check({
        ...named("mine"),
        definedServers: [{ name: "mine", command: "x" }]
      })
      assert.strictEqual(yield* (yield* McpRegistryTest.McpRegistryCalls).attempts("files"), 0)
    }).pipe(Effect.provide(services(undefined)))
  )

  it.effect("a server that is not there or not usable, and a model that is not there, with what may be meant", () =>
    Effect.gen(function* () {
      assert.include((yield* Effect.flip(check(named("flies")))).message, "Did you mean files?")
      assert.strictEqual((yield* Effect.flip(check(named("off"))))._tag, "McpEntryUnusable")
      const wrong = yield* Effect.flip(check({ servers: { _tag: "None" }, model: "quen3-8b" }))
      assert.include(wrong.message, "qwen3-8b")
    }).pipe(Effect.provide(services(undefined)))
  )

  it.effect("an LM Studio that takes long to tell says nothing", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(check({ servers: { _tag: "None" } }))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(fiber)
    }).pipe(Effect.provide(services(() => Effect.never)))
  )
})
