import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, TestClock } from "effect"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import type { TurnInput } from "#src/model/Script.ts"
import type { Settings } from "#src/Settings.ts"
import { ask, background, base, chat, eventsOf, post } from "../../asked.ts"

const model = "qwen/qwen3-8b"

/** A simulator with one loaded model whose next answers are these turns. */
const answering = (turns: ReadonlyArray<TurnInput>, settings: Partial<Settings> = {}) =>
  SimulatorLayers.layer({ settings, script: turns })

describe("failures on /v1/chat/completions", () => {
  it.scoped("C2, H32: context overflow is a 400 with a bare string", () =>
    Effect.gen(function* () {
      const { body, status } = yield* post("/v1/chat/completions", {
        model,
        messages: [{ role: "user", content: "x".repeat(4096 * 4) }]
      })
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(body, {
        error:
          "The number of tokens to keep from the initial prompt is greater than the context length. Try to load the model with a larger context length, or provide a shorter input"
      })
    }).pipe(Effect.provide(answering([{}])))
  )

  it.scoped("H16: newer engines report overflow as an object with a number as code and both figures", () =>
    Effect.gen(function* () {
      const { body } = yield* post("/v1/chat/completions", {
        model,
        messages: [{ role: "user", content: "x".repeat(5000 * 4) }]
      })
      assert.deepStrictEqual(body, {
        error: {
          code: 400,
          message: "request (5004 tokens) exceeds the available context size (4096 tokens), try increasing it",
          type: "exceed_context_size_error",
          n_prompt_tokens: 5004,
          n_ctx: 4096
        }
      })
    }).pipe(Effect.provide(answering([{}], { overflow: "engine" })))
  )

  const wordings = [
    ["tokens-to-keep-numbers", "(n_keep: 5004>= n_ctx: 4096)"],
    [
      "keep-first",
      "Trying to keep the first 5004 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens"
    ],
    ["cannot-truncate", "Cannot truncate prompt with n_keep (5004) >= n_ctx (4096)"],
    ["available", "request (5004 tokens) exceeds the available context size (4096 tokens)"]
  ] as const
  for (const [overflowWording, words] of wordings) {
    it.scoped(`H16: overflow in the wording "${overflowWording}"`, () =>
      Effect.gen(function* () {
        const { textAt } = yield* post("/v1/chat/completions", {
          model,
          messages: [{ role: "user", content: "x".repeat(5000 * 4) }]
        })
        assert.include(textAt("error"), words)
      }).pipe(Effect.provide(answering([{}], { overflowWording })))
    )
  }

  it.scoped("H15: in a stream overflow comes in-band after HTTP 200, and no [DONE] follows", () =>
    Effect.gen(function* () {
      const { status, text } = yield* post("/v1/chat/completions", {
        model,
        stream: true,
        messages: [{ role: "user", content: "x".repeat(5000 * 4) }]
      })
      assert.strictEqual(status, 200)
      const [only, ...others] = eventsOf(text)
      assert.strictEqual(only?.event, "error")
      assert.include(String(only?.at("error.message")), "greater than the context length")
      assert.deepStrictEqual(others, [])
    }).pipe(Effect.provide(answering([{}])))
  )

  it.scoped("H15: 0.3.x errors inside a stream carry a bare string", () =>
    Effect.gen(function* () {
      const { text } = yield* chat(model, { stream: true })
      const last = eventsOf(text).at(-1)
      assert.strictEqual(last?.event, "error")
      assert.deepStrictEqual(last?.data, { error: "received prediction-error" })
    }).pipe(
      Effect.provide(
        answering([{ text: "One two three four", error: { message: "received prediction-error", afterPieces: 1 } }], {
          streamErrors: "string"
        })
      )
    )
  )

  it.scoped("a scripted error with a status uses that status, even if a stream was requested", () =>
    Effect.gen(function* () {
      const { at, status } = yield* chat(model, { stream: true })
      assert.strictEqual(status, 400)
      assert.strictEqual(at("error.message"), "failed to parse grammar")
    }).pipe(Effect.provide(answering([{ error: { message: "failed to parse grammar", status: 400 } }])))
  )

  it.scoped("a scripted error with status 500 has the type of a server fault", () =>
    Effect.gen(function* () {
      const { at, status } = yield* chat(model)
      assert.deepStrictEqual([status, at("error.type")], [500, "internal_error"])
    }).pipe(Effect.provide(answering([{ error: { message: "boom", status: 500 } }])))
  )

  it.scoped("C5: an unload during a request ends it with the recorded message", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      const fiber = yield* background(chat(model))
      yield* TestClock.adjust("1 second")
      yield* control.unloadAsUser(model)
      const { body, status } = yield* Fiber.join(fiber)
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(body, { error: "Model unloaded." })
    }).pipe(Effect.provide(answering([{ text: "Hi", delayMs: 5000 }])))
  )

  it.scoped("C5: a crash within a stream is reported in-band, and the instance is gone", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      const { text } = yield* chat(model, { stream: true })
      const events = eventsOf(text)
      assert.strictEqual(events[0]?.at("choices.0.delta.content"), "One two three")
      assert.strictEqual(events.at(-1)?.event, "error")
      assert.include(String(events.at(-1)?.at("message")), "The model has crashed without additional information.")
      assert.deepStrictEqual((yield* control.snapshot).instances, [])
    }).pipe(Effect.provide(answering([{ text: "One two three four five six", crashAfterPieces: 1 }])))
  )

  it.scoped("a cut stream breaks off without an end", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(chat(model, { stream: true }))
      assert.strictEqual(failure._tag, "ResponseError")
    }).pipe(Effect.provide(answering([{ text: "One two three four five six", cutAfterPieces: 1 }])))
  )

  it.scoped("a stalled stream stays open and silent until its client disconnects", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      const fiber = yield* background(chat(model, { stream: true }))
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* control.snapshot).instances[0]?.status, "generating")
      yield* Fiber.interrupt(fiber)
      yield* control.until((machine) => machine.instances[0]?.status === "idle")
      assert.isTrue((yield* control.seen).requests[0]?.disconnected)
    }).pipe(Effect.provide(answering([{ text: "One two three four five six", stallAfterPieces: 1 }])))
  )

  it.scoped("H15: a stream may end regularly without [DONE]", () =>
    Effect.gen(function* () {
      const { text } = yield* chat(model, { stream: true })
      assert.notInclude(text, "[DONE]")
      assert.strictEqual(eventsOf(text).at(-1)?.at("choices.0.finish_reason"), "stop")
    }).pipe(Effect.provide(answering([{ text: "Hi", withoutDone: true }])))
  )

  it.scoped("CRLF, keep-alive comments and empty choices occur if the script sets them", () =>
    Effect.gen(function* () {
      const { text } = yield* chat(model, { stream: true })
      assert.include(text, ": keep-alive\r\n\r\n")
      assert.include(text, '"choices":[]')
      assert.notMatch(text, /[^\r]\n/)
    }).pipe(Effect.provide(answering([{ text: "Hi", chunking: { crlf: true, keepAlive: true, emptyChoices: true } }])))
  )

  it.scoped("H4: the reply can name a model other than the requested one", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* chat(model)).at("model"), "openai/gpt-oss-20b")
    }).pipe(Effect.provide(answering([{ text: "Hi", model: "openai/gpt-oss-20b" }])))
  )

  it.scoped(
    "H23: when a client leaves during prompt processing, the model stays busy until the prompt is processed",
    () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const fiber = yield* background(chat(model, { stream: true }))
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual((yield* control.snapshot).instances[0]?.status, "processingPrompt")
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual((yield* control.snapshot).instances[0]?.status, "idle")
      }).pipe(Effect.provide(answering([{ text: "Hi" }], { promptProcessing: "10 seconds" })))
  )

  it.scoped("a request beyond an instance's limit waits, and counts as queued", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser(model, { parallel: 1 })
      const fibers = yield* Effect.replicateEffect(background(chat(model)), 3)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* control.snapshot).instances[0]?.queued, 3)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* control.snapshot).instances[0]?.queued, 1)
      yield* TestClock.adjust("2 seconds")
      const answers = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        [200, 200, 200]
      )
    }).pipe(Effect.provide(answering(Array.from({ length: 3 }, () => ({ text: "Hi", delayMs: 2000 })))))
  )

  it.scoped("an exhausted script is reported with a 500 and recorded as a problem", () =>
    Effect.gen(function* () {
      yield* chat(model)
      const { at, status } = yield* chat(model)
      assert.strictEqual(status, 500)
      assert.include(String(at("error.message")), "The script has 1 turns and this is request 2.")
      const control = yield* SimulatorControl
      assert.lengthOf((yield* control.seen).problems, 1)
    }).pipe(Effect.provide(answering([{ text: "Hi" }])))
  )

  it.scoped("a turn that expects another request reports it", () =>
    Effect.gen(function* () {
      const { at, status } = yield* chat(model)
      assert.strictEqual(status, 500)
      assert.include(String(at("error.message")), 'expects a last message with "result"')
    }).pipe(Effect.provide(answering([{ text: "Hi", expect: { lastMessageContains: "result" } }])))
  )

  it.scoped("stopping the server cuts running requests", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      const started = yield* Deferred.make<void>()
      const fiber = yield* background(Effect.zipRight(Deferred.succeed(started, undefined), Effect.flip(chat(model))))
      yield* Deferred.await(started)
      yield* TestClock.adjust("1 second")
      yield* control.setSettings({ serverRunning: false })
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "RequestError")
      const refused = yield* Effect.flip(ask("GET", `${base}/v1/models`))
      assert.include(String(refused.cause), "ECONNREFUSED")
    }).pipe(Effect.provide(answering([{ text: "Hi", delayMs: 5000 }])))
  )
})
