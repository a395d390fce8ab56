import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Fiber, TestClock } from "effect"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import { llamaRouter, type RouterSettings } from "#src/Settings.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { model } from "#src/state/Catalogue.ts"
import { ask, atPath, entry, get, post } from "../../asked.ts"

const on = (router: Partial<RouterSettings> = {}) =>
  Effect.provide(
    SimulatorLayers.layer({
      models: [model("a"), model("b")],
      settings: { loadTime: "1 second", tokenDelay: "1 second", wordsPerPiece: 1, ...llamaRouter(router) }
    })
  )

const pass = (time: Duration.DurationInput) => TestClock.adjust(time)
/** The answer to a request that takes its time. */
const later = <A, E, R>(request: Effect.Effect<A, E, R>) =>
  Effect.fork(request).pipe(
    Effect.tap(() => pass("1 minute")),
    Effect.flatMap((fiber) => Fiber.join(fiber))
  )

/** `value`, `exit_code` and `failed` as the list has them, and the context. */
const state = (name: string) =>
  Effect.map(get("/models"), ({ at }): Record<string, unknown> => {
    const row = entry(at("data"), "id", name)
    const told = (field: string) => {
      const value = atPath(row, field)
      return value === undefined ? {} : { [field.replace(/^.*\./, "")]: value }
    }
    return Object.assign({}, ...["status.value", "status.exit_code", "status.failed", "meta.n_ctx"].map(told))
  })
const load = (name: string) => post("/models/load", { model: name })
const unload = (name: string) => post("/models/unload", { model: name })
const hello = (name: string, stream = true) => ({ model: name, stream, messages: [{ role: "user", content: "hi" }] })
const message = (text: string, type = "invalid_request_error", code = 400) => ({ error: { code, message: text, type } })

/** Recorded from llama-server 0.6.0-dev: contract R. */
describe("llama.cpp's router", () => {
  it.effect("R1: it has neither the greeting nor the lists of LM Studio; both lists of its own are the same", () =>
    Effect.gen(function* () {
      for (const path of ["/lmstudio-greeting", "/api/v1/models", "/api/v0/models"]) {
        const { body, status } = yield* get(path)
        assert.strictEqual(status, 404)
        assert.deepStrictEqual(body, message("File Not Found", "not_found_error", 404))
      }
      assert.deepStrictEqual((yield* get("/v1/models")).body, (yield* get("/models")).body)
      assert.include((yield* get("/props")).body, { role: "router", max_instances: 1, models_autoload: true })
    }).pipe(on())
  )

  it.effect("R2: a load is accepted at once, and seen in the list", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* state("a"), { value: "unloaded" })
      const { body } = yield* load("a")
      assert.deepStrictEqual(body, { success: true })
      assert.deepStrictEqual(yield* state("a"), { value: "loading" })
      assert.deepStrictEqual((yield* load("a")).body, message("model is already running"))
      yield* pass("2 seconds")
      assert.deepStrictEqual(yield* state("a"), { value: "loaded", n_ctx: 4096 })
      const again = yield* post("/models/load", { model: "a", ctx_size: 512 })
      assert.strictEqual(again.status, 400)
      assert.deepStrictEqual((yield* load("nope")).body, message("File Not Found", "not_found_error", 404))
    }).pipe(on())
  )

  it.effect("R3: a load that fails is accepted too; the list then has its exit code until the next load", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.scriptLoads("a", [{ _tag: "Fails", message: "cut short" }])
      assert.deepStrictEqual((yield* load("a")).body, { success: true })
      yield* pass("2 seconds")
      assert.deepStrictEqual(yield* state("a"), { value: "unloaded", exit_code: 1, failed: true })
      yield* load("a")
      assert.deepStrictEqual(yield* state("a"), { value: "loading" })
      yield* pass("2 seconds")
      yield* control.crash("a")
      assert.deepStrictEqual(yield* state("a"), { value: "unloaded", exit_code: 1, failed: true })
    }).pipe(on())
  )

  it.effect("R4: a load pushes out the least recently used that is not at work, else there is no place", () =>
    Effect.gen(function* () {
      yield* load("a")
      assert.deepStrictEqual(
        (yield* load("b")).body,
        message("model limit reached, try again later", "server_error", 500)
      )
      yield* pass("2 seconds")
      yield* load("b")
      assert.deepStrictEqual([yield* state("a"), yield* state("b")], [{ value: "unloaded" }, { value: "loading" }])
    }).pipe(on())
  )

  it.effect("R5: a process that ends in a reply leaves a bare line in the stream, whose status was 200", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* load("a")
      yield* pass("2 seconds")
      const reply = yield* Effect.fork(ask("POST", "/v1/chat/completions", hello("a")))
      yield* pass("1500 millis")
      yield* control.crash("a")
      const { status, text } = yield* Fiber.join(reply)
      assert.strictEqual(status, 200)
      assert.match(text, /\n\nproxy error: Failed to read connection$/)
    }).pipe(on())
  )

  it.effect("R6: a request starts a model that does not run, if that is on", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* later(post("/v1/chat/completions", hello("a", false)))).status, 200)
      assert.deepStrictEqual(yield* state("a"), { value: "loaded", n_ctx: 4096 })
      assert.deepStrictEqual(
        (yield* post("/v1/chat/completions", hello("nope"))).body,
        message("model 'nope' not found")
      )
      const control = yield* SimulatorControl
      yield* control.scriptLoads("b", [{ _tag: "Fails", message: "cut short" }])
      const { body, status } = yield* later(post("/v1/chat/completions", hello("b")))
      assert.strictEqual(status, 500)
      assert.deepStrictEqual(body, message("model name=b failed to load", "server_error", 500))
    }).pipe(on())
  )

  it.effect("R6: and does not, if it is off", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* post("/v1/chat/completions", hello("a"))).body, message("model is not loaded"))
    }).pipe(on({ autoload: false }))
  )

  it.effect("R7: an unload is accepted at once; one at work has ten seconds to end", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* unload("nope")).body, message("model is not found"))
      assert.deepStrictEqual((yield* unload("a")).body, message("model is not running"))
      yield* load("a")
      yield* pass("2 seconds")
      assert.deepStrictEqual((yield* unload("a")).body, { success: true })
      assert.deepStrictEqual(yield* state("a"), { value: "loaded", n_ctx: 4096 })
      yield* pass("1 second")
      assert.deepStrictEqual(yield* state("a"), { value: "unloaded" })
    }).pipe(on())
  )

  it.effect("R8: a process that slept keeps its place, and is woken by a request and by a look at its slots", () =>
    Effect.gen(function* () {
      yield* load("a")
      yield* pass("20 seconds")
      assert.deepStrictEqual(yield* state("a"), { value: "sleeping", n_ctx: 4096 })
      assert.deepStrictEqual((yield* load("a")).body, message("model is already running"))
      const asked = yield* Effect.fork(get("/slots?model=a&autoload=false"))
      yield* pass("1 second")
      const { body } = yield* Fiber.join(asked)
      assert.deepStrictEqual(body, [{ id: 0, n_ctx: 4096, speculative: false, is_processing: false }])
      assert.deepStrictEqual(yield* state("a"), { value: "loaded", n_ctx: 4096 })
      assert.deepStrictEqual((yield* get("/slots?model=b&autoload=false")).body, message("model is not loaded"))
      yield* pass("20 seconds")
      yield* load("b")
      assert.deepStrictEqual(yield* state("a"), { value: "unloaded" })
    }).pipe(on({ sleepAfter: "15 seconds" }))
  )
})
