import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Ref } from "effect"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import type { LoadProgress } from "#src/models/EnsureOptions.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { Outcome } from "@lms-bridge/simulator/Faults"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { llamaRouter, type RouterSettings, type Settings } from "@lms-bridge/simulator/Settings"
import { model } from "@lms-bridge/simulator/Catalogue"
import { inMemory, machine, onMachine, layer, type Options, requests, startProcess } from "./simulated.ts"

const models = [model("a"), model("b"), model("c")]

const router = (settings: Partial<RouterSettings> = {}, others: Partial<Settings> = {}): Options => ({
  simulator: { models, settings: { loadTime: "2 seconds", ...llamaRouter(settings), ...others } }
})
const test = (settings: Partial<RouterSettings> = {}, others: Partial<Settings> = {}) =>
  onMachine(layer(router(settings, others)))

const ensure = (...args: Parameters<ModelLifecycle["Type"]["ensureLoaded"]>) =>
  Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.ensureLoaded(...args))
const unload = (...args: Parameters<ModelLifecycle["Type"]["unload"]>) =>
  Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.unload(...args))
const loaded = Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.loaded)
const byPerson = (key: string) => Effect.flatMap(SimulatorControl, (control) => control.loadAsUser(key))
const hello = { messages: [{ role: "user", content: "hi" }] } as const

describe("ModelLifecycle: llama.cpp's router", () => {
  describe("what is there", () => {
    it.effect("is recognised by its list, which says of each model whether it runs", () =>
      Effect.gen(function* () {
        const api = yield* LmStudioApi
        assert.deepInclude(yield* api.server, { dialect: "llama-router", isLmStudio: false })
        yield* byPerson("b")
        const listed = yield* api.models
        assert.deepStrictEqual(
          listed.map(({ fixedContext, instances, key }) => [key, fixedContext, instances]),
          [
            ["a", 4096, []],
            ["b", 4096, [{ id: "b", contextLength: 4096 }]],
            ["c", 4096, []]
          ]
        )
        assert.deepStrictEqual(
          (yield* loaded).map(({ instanceId, owner }) => [instanceId, owner]),
          [["b", "user"]]
        )
      }).pipe(test())
    )

    it.effect("an empty folder is no reason to take it for another server", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* (yield* LmStudioApi).server).dialect, "llama-router")
      }).pipe(onMachine(layer({ simulator: { models: [], settings: llamaRouter() } })))
    )

    it.effect("another server at the address is found out again", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const api = yield* LmStudioApi
        assert.strictEqual((yield* api.server).dialect, "openai")
        yield* control.setSettings(llamaRouter())
        assert.deepStrictEqual(
          (yield* api.models).flatMap(({ instances }) => instances),
          []
        )
        assert.strictEqual((yield* api.server).dialect, "llama-router")
      }).pipe(onMachine(layer({ simulator: { models, settings: { api: "openai-only" } } })))
    )
  })

  describe("loading", () => {
    it.effect("waits until the model runs, tells how it goes, and says with which context", () =>
      Effect.gen(function* () {
        const told = yield* Ref.make<ReadonlyArray<string>>([])
        const onProgress = ({ _tag }: LoadProgress) => Ref.update(told, (tags) => [...tags, _tag])
        const ensured = yield* ensure("a", { onProgress, ttl: "5 minutes" })
        assert.deepInclude(ensured, {
          action: "loaded",
          way: "rest",
          owner: "lms-bridge",
          contextLength: 4096,
          ttlMillis: 300_000
        })
        assert.isAtLeast(ensured.tookMillis, 2000)
        assert.deepStrictEqual(yield* Ref.get(told), ["Loading", "Verifying"])
        assert.deepInclude(yield* ensure("a"), { action: "already-loaded", owner: "lms-bridge" })
      }).pipe(test())
    )

    it.effect("a context that the server does not give is refused before anything is pushed out", () =>
      Effect.gen(function* () {
        yield* ensure("a")
        for (const name of ["a", "b"]) {
          const error = yield* Effect.flip(ensure(name, { contextLength: 16_384 }))
          assert.deepInclude(error, { _tag: "ContextFixed", model: name, asked: 16_384, contextLength: 4096 })
          assert.include(error.message, "-c 16384")
        }
        assert.deepStrictEqual(yield* inMemory, ["a"])
      }).pipe(test())
    )

    it.effect("a context that is known only when the model runs is checked then, and the load taken back", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure("a", { contextLength: 65_536 }))
        assert.deepInclude(error, { _tag: "ContextFixed", contextLength: 32_768 })
        assert.deepStrictEqual(yield* inMemory, [])
        assert.strictEqual((yield* ensure("a", { contextLength: 32_768 })).contextLength, 32_768)
      }).pipe(test({ contextLength: 0 }))
    )

    it.effect("what a load cannot set is said, and not left out", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure("a", { gpu: "max", identifier: "mine" }))
        assert.strictEqual(error._tag, "Unsupported")
        assert.include(error.message, "an identifier, a GPU share")
        assert.notInclude(yield* requests, "POST /models/load")
      }).pipe(test())
    )

    it.effect("a file that cannot be loaded: the exit code is the reason, and the list keeps it", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.scriptLoads("b", [{ _tag: "Fails", message: "cut short" }])
        const error = yield* Effect.flip(ensure("b"))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "Ended" })
        assert.include(error.message, "its process ended with exit code 1")
        const listed = (yield* (yield* LmStudioApi).models).find(({ key }) => key === "b")
        assert.deepStrictEqual(listed?.absence, { _tag: "Failed", exitCode: 1 })
        // and the next one may succeed
        assert.strictEqual((yield* ensure("b")).action, "loaded")
      }).pipe(test())
    )

    it.effect("one that is being loaded by somebody else is waited for, and stays theirs", () =>
      Effect.gen(function* () {
        const person = yield* Effect.fork(byPerson("a"))
        yield* Effect.sleep("500 millis")
        assert.deepInclude(yield* ensure("a"), { action: "already-loaded", owner: "user" })
        yield* Fiber.join(person)
      }).pipe(test())
    )

    it.effect("unloaded by somebody else meanwhile: said, not waited for", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const ours = yield* Effect.fork(Effect.flip(ensure("a")))
        yield* control.until(({ loading }) => loading.length > 0)
        yield* control.until(({ instances }) => instances.length > 0)
        yield* control.unloadAsUser("a")
        const error = yield* Fiber.join(ours)
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "Ended" })
        assert.include(error.message, "another program unloaded it")
      }).pipe(test())
    )

    it.effect("the server goes away during a load and comes back: it is loaded then", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const ours = yield* Effect.fork(ensure("a"))
        yield* control.until(({ loading }) => loading.length > 0)
        yield* control.setSettings({ serverRunning: false })
        yield* Effect.sleep("5 seconds")
        yield* control.setSettings({ serverRunning: true })
        const ensured = yield* Fiber.join(ours)
        assert.strictEqual(ensured.model, "a")
        assert.deepStrictEqual(yield* inMemory, ["a"])
      }).pipe(test())
    )
  })

  describe("places", () => {
    it.effect("A B A B with room for one: each load says what it pushed out", () =>
      Effect.gen(function* () {
        yield* ensure("a")
        for (const [name, other] of [
          ["b", "a"],
          ["a", "b"],
          ["b", "a"]
        ] as const) {
          assert.deepInclude(yield* ensure(name), { action: "loaded", pushedOut: [other] })
          assert.deepStrictEqual(yield* inMemory, [name])
        }
      }).pipe(test())
    )

    it.effect("a model of the person is left alone, awake: refused with the next step", () =>
      Effect.gen(function* () {
        yield* byPerson("a")
        const error = yield* Effect.flip(ensure("b"))
        assert.deepInclude(error, { _tag: "ModelLoadRefused", reason: "Places" })
        assert.include(error.message, "a, which lms-bridge did not load")
        assert.include(error.message, "--force")
        assert.deepInclude(yield* Effect.flip(unload("a")), { _tag: "ModelInUse", reason: "UserLoaded" })
        assert.deepStrictEqual(yield* inMemory, ["a"])
        yield* unload("a", { force: true })
        assert.strictEqual((yield* ensure("b")).action, "loaded")
      }).pipe(test())
    )

    it.effect("with the person's and one of ours, ours makes room, though theirs was used earlier", () =>
      Effect.gen(function* () {
        yield* byPerson("a")
        yield* ensure("b")
        assert.deepInclude(yield* ensure("c"), { pushedOut: ["b"] })
        assert.deepStrictEqual(yield* inMemory, ["a", "c"])
      }).pipe(test({ places: 2 }))
    )

    it.effect("one that a run holds is not pushed out", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* lifecycle.lease("a")
            assert.include((yield* Effect.flip(ensure("b"))).message, "a, which a run holds")
          })
        )
        assert.deepInclude(yield* ensure("b"), { pushedOut: ["a"] })
      }).pipe(test())
    )

    it.effect("one of ours that answers another program is not pushed out, nor unloaded", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* ensure("a")
        yield* control.setBusy("a", "generating")
        assert.include((yield* Effect.flip(ensure("b"))).message, "a, which is at work")
        assert.deepInclude(yield* Effect.flip(unload("a")), { _tag: "ModelInUse", reason: "Busy" })
        yield* control.setBusy("a", "idle")
        assert.strictEqual((yield* ensure("b")).action, "loaded")
      }).pipe(test())
    )

    it.effect("a server that does not tell who is at work: what nobody holds may go", () =>
      Effect.gen(function* () {
        yield* ensure("a")
        assert.deepInclude(yield* ensure("b"), { pushedOut: ["a"] })
      }).pipe(test({ slots: false }))
    )
  })

  describe("sleep", () => {
    it.effect("one that sleeps is shown so, woken, and keeps its owner", () =>
      Effect.gen(function* () {
        yield* ensure("a")
        yield* Effect.sleep("30 seconds")
        assert.deepStrictEqual(
          (yield* loaded).map(({ instanceId, owner, status }) => [instanceId, owner, status]),
          [["a", "lms-bridge", "sleeping"]]
        )
        const ensured = yield* ensure("a")
        assert.deepInclude(ensured, { action: "woken", owner: "lms-bridge", contextLength: 4096 })
        assert.isAtLeast(ensured.tookMillis, 2000)
        assert.deepStrictEqual(
          (yield* loaded).map(({ status }) => status),
          [undefined]
        )
      }).pipe(test({ sleepAfter: "20 seconds" }))
    )

    it.effect("to be looked at does not keep a model awake", () =>
      Effect.gen(function* () {
        yield* ensure("a")
        for (let second = 0; second < 30; second++) yield* Effect.zipRight(Effect.sleep("1 second"), loaded)
        assert.deepStrictEqual(
          (yield* loaded).map(({ status }) => status),
          ["sleeping"]
        )
      }).pipe(test({ sleepAfter: "20 seconds" }))
    )

    it.effect("the person's sleeping model gives its place, where a request to it loads it again", () =>
      Effect.gen(function* () {
        yield* byPerson("a")
        yield* Effect.sleep("30 seconds")
        assert.deepInclude(yield* ensure("b"), { pushedOut: ["a"] })
      }).pipe(test({ sleepAfter: "20 seconds" }))
    )

    it.effect("and keeps it where no request would", () =>
      Effect.gen(function* () {
        yield* byPerson("a")
        yield* Effect.sleep("30 seconds")
        assert.deepInclude(yield* Effect.flip(ensure("b")), { _tag: "ModelLoadRefused", reason: "Places" })
      }).pipe(test({ sleepAfter: "20 seconds", autoload: false }))
    )
  })

  describe("idle limits", () => {
    it.effect("are kept by our own clock; the person's model stays", () =>
      Effect.gen(function* () {
        yield* byPerson("a")
        yield* ensure("b", { ttl: "5 minutes" })
        yield* Effect.sleep("4 minutes")
        assert.deepStrictEqual(yield* inMemory, ["a", "b"])
        yield* Effect.sleep("2 minutes")
        assert.deepStrictEqual(yield* inMemory, ["a"])
        yield* Effect.sleep("2 hours")
        assert.deepStrictEqual(yield* inMemory, ["a"])
      }).pipe(test({ places: 2 }))
    )

    it.effect("one that answers another program is left until it is idle", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* ensure("a", { ttl: "5 minutes" })
        yield* control.setBusy("a", "generating")
        yield* Effect.sleep("10 minutes")
        assert.deepStrictEqual(yield* inMemory, ["a"])
        yield* control.setBusy("a", "idle")
        yield* Effect.sleep("1 minute")
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(test())
    )

    it.effect("a process that was killed leaves its model to the next one", () =>
      Effect.gen(function* () {
        const first = yield* startProcess(router())
        yield* first.lifecycle.ensureLoaded("a", { ttl: "5 minutes" })
        yield* first.crash
        const second = yield* startProcess(router())
        assert.deepStrictEqual(
          (yield* second.lifecycle.loaded).map(({ owner }) => owner),
          ["lms-bridge"]
        )
        yield* Effect.sleep("8 minutes")
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(onMachine(machine(router())))
    )
  })

  describe("requests", () => {
    it.effect("a model whose process ended is loaded again, and the request repeated", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const lifecycle = yield* ModelLifecycle
        yield* Effect.scoped(
          Effect.gen(function* () {
            const lease = yield* lifecycle.lease("a")
            const asked = yield* Effect.fork(lease.chat(hello))
            yield* control.until(({ instances }) => instances.some(({ status }) => status === "processingPrompt"))
            yield* control.crash("a")
            assert.strictEqual((yield* Fiber.join(asked)).finishReason, "stop")
          })
        )
        const loads = (yield* requests).filter((request) => request === "POST /models/load")
        assert.strictEqual(loads.length, 2)
      }).pipe(test({ autoload: false }, { promptProcessing: "1 second" }))
    )

    it.effect("in the middle of a reply it is an error that names the end of the process", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const lifecycle = yield* ModelLifecycle
        const error = yield* Effect.scoped(
          Effect.gen(function* () {
            const lease = yield* lifecycle.lease("a")
            return yield* Effect.flip(
              lease.chatWith(hello, (event) =>
                event._tag === "TextDelta" ? Effect.ignore(control.crash("a")) : Effect.void
              )
            )
          })
        )
        assert.deepInclude(error, { _tag: "ModelCrashed", reason: "Crashed" })
      }).pipe(test({}, { tokenDelay: "1 second", wordsPerPiece: 1 }))
    )

    it.effect("a place that is never free: the server's own words, and no waiting for ever", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.script("POST /models/load", [
          Outcome.httpError(500, {
            error: { code: 500, message: "model limit reached, try again later", type: "server_error" }
          })
        ])
        const error = yield* Effect.flip(ensure("a"))
        assert.deepInclude(error, { _tag: "ModelLoadRefused", reason: "Places" })
        assert.include(error.message, "model limit reached")
      }).pipe(test())
    )
  })
})
