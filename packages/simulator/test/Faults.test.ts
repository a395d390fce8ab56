import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { Outcome } from "#src/Faults.ts"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { background, chat, get, lms, post } from "./asked.ts"

const model = "qwen/qwen3-8b"
const plain = SimulatorLayers.layer()

describe("scripted faults", () => {
  it.scoped("outcomes apply in order, one per call, and then the route answers again", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("GET /v1/models", [
        Outcome.httpError(503, { error: "busy" }),
        Outcome.ok,
        Outcome.httpError(502, "<h1>Bad gateway</h1>")
      ])
      const answers = yield* Effect.replicateEffect(get("/v1/models"), 4)
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        [503, 200, 502, 200]
      )
      assert.strictEqual(answers[2]?.text, "<h1>Bad gateway</h1>")
      assert.include(answers[2]?.headers["content-type"], "text/html")
    }).pipe(Effect.provide(plain))
  )

  it.scoped("an outcome may apply to all later calls, of that route only", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("GET /v1/models", [], Outcome.httpError(500, {}))
      yield* get("/v1/models")
      assert.strictEqual((yield* get("/v1/models")).status, 500)
      assert.strictEqual((yield* get("/api/v1/models")).status, 200)
      yield* control.clearFaults
      assert.strictEqual((yield* get("/v1/models")).status, 200)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("a refused connection looks as if nothing listened", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("GET /lmstudio-greeting", [Outcome.connectionRefused])
      const failure = yield* Effect.flip(get("/lmstudio-greeting"))
      assert.include(String(failure.cause), "ECONNREFUSED")
    }).pipe(Effect.provide(plain))
  )

  it.scoped("a hanging route never answers, and detects that its client leaves", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("GET /v1/models", [Outcome.hang])
      const fiber = yield* background(get("/v1/models"))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
      yield* Fiber.interrupt(fiber)
      yield* Effect.yieldNow()
      assert.deepInclude((yield* control.seen).requests[0], { disconnected: true, status: null, finished: false })
    }).pipe(Effect.provide(plain))
  )

  it.scoped("a slow route answers as usual, later", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("GET /v1/models", [Outcome.slow(5000)])
      const fiber = yield* background(get("/v1/models"))
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("a reset does nothing, a dropped reply has done the work", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("POST /api/v1/models/load", [Outcome.reset, Outcome.dropReply])
      const load = Effect.flip(post("/api/v1/models/load", { model }))
      assert.strictEqual((yield* load)._tag, "RequestError")
      assert.lengthOf((yield* control.snapshot).instances, 0)
      assert.strictEqual((yield* load)._tag, "RequestError")
      assert.lengthOf((yield* control.snapshot).instances, 1)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("a cut reply breaks off after exactly this many bytes", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("GET /v1/models", [Outcome.cut(10)])
      assert.strictEqual((yield* Effect.flip(get("/v1/models")))._tag, "ResponseError")
    }).pipe(Effect.provide(plain))
  )

  it.scoped("a stalled reply has begun and does not end", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("POST /v1/chat/completions", [Outcome.stall(100)])
      const fiber = yield* background(chat(model, { stream: true }))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
      assert.strictEqual((yield* control.seen).requests[0]?.status, 200)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("garbage comes as HTTP 200", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("GET /api/v1/models", [Outcome.garbage("<html>login</html>", "text/html")])
      const { status, text } = yield* get("/api/v1/models")
      assert.deepStrictEqual([status, text], [200, "<html>login</html>"])
    }).pipe(Effect.provide(plain))
  )

  it.scoped("an outcome that lms cannot have is a problem, not silence", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("lms ps", [Outcome.cut(3)])
      assert.strictEqual((yield* lms("ps")).code, 1)
      assert.lengthOf((yield* control.seen).problems, 1)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("loads can be slow, endless or refused, by key or for any", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.scriptLoads("*", [{ _tag: "Slow", ms: 3000 }, { _tag: "Guardrail" }, { _tag: "Never" }])
      const slow = yield* background(post("/api/v1/models/load", { model }))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* Fiber.join(slow)).at("load_time_seconds"), 3)
      assert.include(
        (yield* post("/api/v1/models/load", { model })).textAt("error.message"),
        "insufficient system resources"
      )
      const never = yield* background(post("/api/v1/models/load", { model }))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Fiber.poll(never))._tag, "None")
      assert.lengthOf((yield* control.snapshot).loading, 1)
    }).pipe(Effect.provide(plain))
  )
})
