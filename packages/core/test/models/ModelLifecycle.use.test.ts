import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import type { ChatEvent } from "#src/lmstudio/Chat.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { CurrentCaller } from "#src/observability/Correlation.ts"
import { Outcome } from "@lms-bridge/simulator/Faults"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { inMemory, layer, onMachine, llama, lmsCalls, qwen, requests, type Options } from "./simulated.ts"

const test = (options: Options = {}) => onMachine(layer(options))
const hello = { messages: [{ role: "user", content: "hi" }] } as const

const chats = Effect.flatMap(SimulatorControl, (control) =>
  Effect.map(control.seen, ({ requests }) =>
    requests.filter(({ path }) => path === "/v1/chat/completions").map(({ body }) => body as Record<string, unknown>)
  )
)
const loadsBegun = Effect.flatMap(SimulatorControl, (control) =>
  Effect.map(control.events, (events) => events.filter(({ type }) => type === "loadStarted").length)
)
const textOf = (events: ReadonlyArray<ChatEvent>) =>
  events.map((event) => (event._tag === "TextDelta" ? event.text : "")).join("")

const gone = { error: { message: "The model has crashed without additional information. (Exit code: 6)" } }
const unloaded = { error: { message: "Model unloaded." } }

describe("ModelLifecycle: requests to a leased model", () => {
  it.effect("sends requests to the held instance, with a TTL in case LM Studio has to load it itself", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      yield* control.loadAsUser(llama)
      yield* control.scriptModel([{ text: "Hello" }])
      const reply = yield* lifecycle.withModel(qwen, { identifier: "reader", temporary: true })((lease) =>
        lease.chat(hello)
      )
      assert.deepInclude(reply, { content: "Hello", finishReason: "stop" })
      assert.deepInclude((yield* chats)[0], { model: "reader", ttl: 300 })
    }).pipe(test())
  )

  it.effect("streams what the model says", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      yield* control.scriptModel([{ reasoning: "hm", text: "Hello there my dear friend" }])
      const events: Array<ChatEvent> = []
      const reply = yield* lifecycle.withModel(qwen)((lease) =>
        lease.chatWith(hello, (event) => Effect.sync(() => events.push(event)))
      )
      assert.strictEqual(textOf(events), "Hello there my dear friend")
      assert.deepStrictEqual(events.at(-1), { _tag: "Completed", reply })
    }).pipe(test())
  )

  it.effect("lets callers take turns: one with a single request does not wait for another's twelve", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      yield* control.loadAsUser(qwen)
      yield* control.scriptModel(Array.from({ length: 13 }, () => ({ text: "Hello.", delayMs: 1000 })))
      yield* lifecycle.withModel(qwen)((lease) =>
        Effect.gen(function* () {
          const ask = (caller: string) =>
            Effect.provideService(lease.chat({ messages: [{ role: "user", content: caller }] }), CurrentCaller, caller)
          const many = yield* Effect.fork(
            Effect.all(
              Array.from({ length: 12 }, () => ask("many")),
              { concurrency: 12 }
            )
          )
          yield* Effect.repeat(chats, { until: ({ length }) => length > 0, schedule: Schedule.spaced("1 millis") })
          yield* ask("one")
          yield* Fiber.join(many)
        })
      )
      const order = (yield* chats).map((body) => JSON.stringify(body).includes('"one"'))
      assert.lengthOf(order, 13)
      // behind the two in progress, and at most one whose turn came before
      assert.isAtMost(order.indexOf(true), 4)
    }).pipe(test({ settings: { modelConcurrency: 2 } }))
  )

  describe("a request to a model that turns out to be gone is retried once, after ensuring the model", () => {
    for (const [what, status, body] of [
      ["it crashed", 400, gone],
      ["it was unloaded", 400, unloaded],
      ["nothing is loaded", 400, { error: "No models loaded. Please load a model in the developer page." }],
      [
        "the name is unknown",
        400,
        { error: { message: `Invalid model identifier "${qwen}".`, code: "model_not_found" } }
      ]
    ] as const) {
      it.effect(`when LM Studio says that ${what}`, () =>
        Effect.gen(function* () {
          const lifecycle = yield* ModelLifecycle
          const control = yield* SimulatorControl
          yield* control.scriptModel([{ text: "Hello again" }])
          yield* lifecycle.withModel(qwen, { contextLength: 16_384 })((lease) =>
            Effect.gen(function* () {
              yield* control.crash(qwen)
              yield* control.script("POST /v1/chat/completions", [Outcome.httpError(status, body)])
              const reply = yield* lease.chat(hello)
              assert.strictEqual(reply.content, "Hello again")
              assert.deepInclude(yield* lease.ensured, { action: "loaded", instanceId: qwen, contextLength: 16_384 })
            })
          )
          assert.strictEqual(yield* loadsBegun, 2)
          assert.strictEqual((yield* chats).length, 2)
        }).pipe(test())
      )
    }

    it.effect("when another model answered for it (H4)", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* control.scriptModel([{ text: "I am llama" }, { text: "I am qwen" }])
        yield* lifecycle.withModel(qwen)((lease) =>
          Effect.gen(function* () {
            yield* control.loadAsUser(llama)
            yield* control.crash(qwen)
            const reply = yield* lease.chat(hello)
            assert.deepInclude(reply, { content: "I am qwen", model: qwen })
          })
        )
      }).pipe(test({ simulator: { settings: { jitLoading: false } } }))
    )

    it.effect("only once", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        const error = yield* lifecycle.withModel(qwen)((lease) =>
          Effect.zipRight(
            control.script("POST /v1/chat/completions", [], Outcome.httpError(400, unloaded)),
            Effect.flip(lease.chat(hello))
          )
        )
        assert.deepInclude(error, { _tag: "ModelCrashed", reason: "Unloaded" })
        assert.strictEqual((yield* chats).length, 2)
      }).pipe(test())
    )

    it.effect("but not when it had started to answer: output is not delivered twice", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* control.scriptModel([{ text: "one two three four five six", crashAfterPieces: 1 }])
        const events: Array<ChatEvent["_tag"]> = []
        const error = yield* lifecycle.withModel(qwen)((lease) =>
          Effect.flip(lease.chatWith(hello, (event) => Effect.sync(() => events.push(event._tag))))
        )
        assert.include(events, "TextDelta")
        assert.include(["ModelCrashed", "StreamCut", "ServerFault"], error._tag)
        assert.strictEqual((yield* chats).length, 1)
        assert.strictEqual(yield* loadsBegun, 1)
      }).pipe(test())
    )

    it.effect("other errors pass unchanged", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* control.script("POST /v1/chat/completions", [
          Outcome.httpError(400, { error: { message: "Invalid 'messages' in payload." } })
        ])
        const error = yield* Effect.flip(lifecycle.withModel(qwen)((lease) => lease.chat(hello)))
        assert.strictEqual(error._tag, "RequestRejected")
        assert.strictEqual((yield* chats).length, 1)
      }).pipe(test())
    )
  })

  it.effect(
    "after a long pause, a check comes first: a model that LM Studio has unloaded is reloaded with its context",
    () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* control.scriptModel([{ text: "one" }, { text: "two" }])
        yield* lifecycle.withModel(qwen, { contextLength: 16_384, ttl: "2 minutes" })((lease) =>
          Effect.gen(function* () {
            yield* lease.chat(hello)
            yield* Effect.sleep("5 minutes")
            assert.deepStrictEqual(yield* inMemory, [])
            yield* lease.chat(hello)
            assert.deepInclude(yield* lease.ensured, { action: "loaded", contextLength: 16_384, ttlMillis: 120_000 })
          })
        )
        assert.deepInclude((yield* control.snapshot).instances[0], { contextLength: 16_384, ttlMs: 120_000, by: "cli" })
      }).pipe(test())
  )

  it.effect("requests in quick succession need no check and no `lms`", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      yield* control.scriptModel([{ text: "one" }, { text: "two" }])
      yield* lifecycle.withModel(qwen)((lease) =>
        Effect.gen(function* () {
          yield* control.clearSeen
          yield* lease.chat(hello)
          yield* lease.chat(hello)
        })
      )
      assert.deepStrictEqual(yield* requests, ["POST /v1/chat/completions", "POST /v1/chat/completions"])
      assert.deepStrictEqual(yield* lmsCalls, [])
    }).pipe(test())
  )

  it.effect("an error of the caller's own work ends the lease and passes through", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const error = yield* Effect.flip(lifecycle.withModel(qwen)(() => Effect.fail("mine" as const)))
      assert.strictEqual(error, "mine")
      const [one] = yield* lifecycle.loaded
      assert.strictEqual(one?.leases, 0)
    }).pipe(test())
  )
})
