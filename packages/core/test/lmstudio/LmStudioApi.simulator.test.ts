import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Fiber, Layer, Option, Redacted, Stream, TestClock } from "effect"
import { Settings, type Values } from "#src/configuration/Settings.ts"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import { Resilience } from "#src/resilience/Resilience.ts"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import * as SimulatorLayers from "@lms-bridge/simulator/SimulatorLayers"

const simulated = (options: SimulatorLayers.LayerOptions = {}, settings: Partial<Values> = {}) =>
  Effect.provide(
    LmStudioApi.layer.pipe(
      Layer.provideMerge(Layer.mergeAll(SimulatorLayers.layer(options), Resilience.layer)),
      Layer.provide(Settings.layerWith({ retries: 0, ...settings }))
    )
  )

/** Advances the clock until the effect has ended, because the simulator's replies take time. */
const inTime = Effect.fnUntraced(function* <A, E, R>(self: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.fork(self)
  const clock = yield* TestClock.adjust("100 millis").pipe(Effect.forever, Effect.fork)
  return yield* Fiber.join(fiber).pipe(Effect.ensuring(Fiber.interrupt(clock)))
})

const key = "qwen/qwen3-4b-2507"

const ask = (model = key, text = "hi") => ({ model, messages: [{ role: "user" as const, content: text }] })

describe("LmStudioApi and the simulator", () => {
  it.effect("lists, loads, stacks a second copy, and unloads", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const first = yield* inTime(api.load(key, { contextLength: 4096 }))
      assert.deepInclude(first, { instanceId: key, contextLength: 4096 })
      const second = yield* inTime(api.load(key))
      assert.strictEqual(second.instanceId, `${key}:2`)
      const instances = Effect.map(
        inTime(api.models),
        (models) => models.find((model) => model.key === key)?.instances.map(({ id }) => id) ?? []
      )
      assert.deepStrictEqual(yield* instances, [key, `${key}:2`])
      yield* inTime(api.unload(`${key}:2`))
      assert.deepStrictEqual(yield* instances, [key])
      const gone = yield* Effect.flip(inTime(api.unload(`${key}:2`)))
      assert.deepInclude(gone, { _tag: "ModelNotLoaded", model: `${key}:2` })
    }).pipe(simulated())
  )

  it.effect("streams text, thinking and tool calls, however they are cut into pieces", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const control = yield* SimulatorControl
      yield* inTime(api.load(key))
      const turn = {
        reasoning: "Grüße, ich überlege 🤔",
        text: "Ich lese das.",
        toolCalls: [
          { name: "read_file", arguments: { path: "a.txt" } },
          { name: "list_files", arguments: "{not json" }
        ]
      }
      const ways = [
        { chunking: { bytes: 1, crlf: true, keepAlive: true } },
        { chunking: { bytes: 3, emptyChoices: true, emptyNames: true }, reasoningIn: "think" },
        { withoutDone: true, reasoningIn: "reasoning", chunking: { words: 1 } }
      ] as const
      yield* control.scriptModel(ways.map((way) => ({ ...turn, ...way })))
      for (const way of ways) {
        const reply = yield* inTime(api.chat(ask()))
        assert.deepInclude(
          reply,
          { reasoning: turn.reasoning, content: turn.text, finishReason: "tool_calls", model: key },
          JSON.stringify(way)
        )
        assert.deepStrictEqual(
          reply.toolCalls.map((call) => [call.name, call.arguments]),
          [
            ["read_file", '{"path":"a.txt"}'],
            ["list_files", "{not json"]
          ]
        )
        assert.isAbove(reply.usage?.outputTokens ?? 0, 0)
      }
    }).pipe(simulated())
  )

  it.effect("distinguishes a crash, a cut and an error in the middle of a stream", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const control = yield* SimulatorControl
      yield* inTime(api.load(key))
      yield* control.scriptModel([
        { text: "one two three four", cutAfterPieces: 2, chunking: { words: 1 } },
        {
          text: "one two three four",
          error: { message: "received prediction-error", afterPieces: 2 },
          chunking: { words: 1 }
        },
        { text: "one two three four", crashAfterPieces: 2, chunking: { words: 1 } }
      ])
      const cut = yield* Effect.flip(inTime(api.chat(ask())))
      assert.strictEqual(cut._tag, "StreamCut")
      assert.isAbove(cut._tag === "StreamCut" ? cut.delivered : 0, 0)
      assert.deepInclude(yield* Effect.flip(inTime(api.chat(ask()))), { _tag: "ServerFault", reason: "Engine" })
      assert.deepInclude(yield* Effect.flip(inTime(api.chat(ask()))), { _tag: "ModelCrashed", model: key })
    }).pipe(simulated())
  )

  it.effect("detects that the only loaded model answers for an unknown name", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const control = yield* SimulatorControl
      yield* control.loadAsUser(key)
      yield* control.scriptModel([{ text: "I am not who you asked." }])
      const error = yield* Effect.flip(inTime(api.chat(ask("nonesuch"))))
      assert.deepInclude(error, { _tag: "WrongModelAnswered", asked: "nonesuch", answered: key })
    }).pipe(simulated())
  )

  it.effect("names the available models when two are loaded and neither was requested", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const control = yield* SimulatorControl
      yield* control.loadAsUser(key)
      yield* control.loadAsUser("openai/gpt-oss-20b")
      const error = yield* Effect.flip(inTime(api.chat(ask("qwen3-4b-2057"))))
      assert.strictEqual(error._tag, "ModelNotFound")
      assert.include(error._tag === "ModelNotFound" ? error.nearest : [], key)
    }).pipe(simulated())
  )

  it.effect("reaches an instance to which a user gave its own name", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const control = yield* SimulatorControl
      yield* control.loadAsUser(key, { identifier: "my-qwen" })
      yield* control.scriptModel([{ text: "yes" }, { text: "yes" }])
      assert.strictEqual((yield* inTime(api.chat(ask("my-qwen")))).content, "yes")
      assert.strictEqual((yield* inTime(api.chat(ask(key)))).content, "yes")
    }).pipe(simulated())
  )

  it.effect("reports the guardrail's refusal with its figure", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const error = yield* Effect.flip(inTime(api.load(key)))
      assert.strictEqual(error._tag, "ModelLoadRefused")
      assert.isAbove(error._tag === "ModelLoadRefused" ? (error.requiredBytes ?? 0) : 0, 0)
    }).pipe(simulated({ settings: { memoryBudgetBytes: 1000 } }))
  )

  it.effect("gives up on a load that never ends", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const fiber = yield* Effect.fork(Effect.flip(api.load(key)))
      yield* TestClock.adjust("2 minutes")
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "ModelLoadFailed", reason: "Timeout" })
    }).pipe(simulated({ settings: { loadTime: Duration.hours(1) } }, { loadTimeout: Duration.minutes(1) }))
  )

  it.effect("works with v0 and plain OpenAI, and says what is not possible there", () =>
    Effect.gen(function* () {
      for (const [speaks, dialect] of [
        ["legacy-v0", "legacy-v0"],
        ["openai-only", "openai"]
      ] as const) {
        yield* Effect.gen(function* () {
          const api = yield* LmStudioApi
          const control = yield* SimulatorControl
          yield* control.loadAsUser(key)
          yield* control.scriptModel([{ text: "still works" }])
          assert.strictEqual((yield* inTime(api.server)).dialect, dialect)
          assert.include(
            (yield* inTime(api.models)).map((model) => model.key),
            key
          )
          assert.strictEqual((yield* inTime(api.chat(ask()))).content, "still works")
          for (const call of [api.load(key), api.unload(key), api.download(key)]) {
            assert.deepInclude(yield* Effect.flip(inTime(Effect.asVoid(call))), { _tag: "Unsupported", dialect })
          }
        }).pipe(simulated({ settings: { api: speaks } }))
      }
    })
  )

  it.effect("needs the token that the server requires", () =>
    Effect.gen(function* () {
      const token = "sk-lm-abcdefgh:abcdefghijklmnopqrst"
      const settings = { authRequired: true, tokens: [token] }
      const models = Effect.flatMap(LmStudioApi, (api) => inTime(api.models))
      assert.deepInclude(yield* Effect.flip(models.pipe(simulated({ settings }))), {
        _tag: "Unauthorized",
        reason: "Missing"
      })
      assert.deepInclude(
        yield* Effect.flip(models.pipe(simulated({ settings }, { apiToken: Option.some(Redacted.make("nonsense")) }))),
        { _tag: "Unauthorized", reason: "Malformed" }
      )
      assert.isNotEmpty(yield* models.pipe(simulated({ settings }, { apiToken: Option.some(Redacted.make(token)) })))
    })
  )

  it.effect("chains responses by their ids, and says so when an id is no longer known", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const control = yield* SimulatorControl
      yield* inTime(api.load(key))
      yield* control.scriptModel([
        { toolCalls: [{ name: "add", arguments: { a: 1 } }] },
        { reasoning: "so", text: "It is 2." }
      ])
      const tools = [{ name: "add", description: "Adds", parameters: { type: "object", properties: {} } }]
      const first = yield* inTime(api.respond({ model: key, input: "1+1", tools }))
      assert.deepInclude(first, { status: "completed", finishReason: "tool_calls", content: "" })
      const call = first.toolCalls[0]
      assert.deepInclude(call, { name: "add", arguments: '{"a":1}' })
      const second = yield* inTime(
        api.respond({
          model: key,
          previousResponseId: first.id,
          input: [{ type: "function_call_output", callId: call?.id ?? "", output: "2" }]
        })
      )
      assert.deepInclude(second, { content: "It is 2.", reasoning: "so", finishReason: "stop" })
      yield* control.clearHistory
      const error = yield* Effect.flip(inTime(api.respond({ model: key, previousResponseId: first.id, input: "?" })))
      assert.deepInclude(error, { _tag: "RequestRejected", code: "previous_response_not_found" })
    }).pipe(simulated())
  )

  it.effect("reports the progress of loading and of prompt processing, on the native route", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const control = yield* SimulatorControl
      yield* control.scriptModel([
        { reasoning: "hm", text: "Hello there" },
        { text: "Hello", error: { message: "received prediction-error", afterPieces: 1 } }
      ])
      const request = { model: key, input: "hi", maxOutputTokens: 50 }
      const events = Chunk.toReadonlyArray(yield* inTime(Stream.runCollect(api.nativeChatStream(request))))
      const tags = [...new Set(events.map(({ _tag }) => _tag))]
      assert.deepStrictEqual(tags, ["ModelLoading", "PromptProcessing", "ReasoningDelta", "TextDelta", "Completed"])
      const last = events.at(-1)
      assert.deepInclude(last?._tag === "Completed" ? last.reply : undefined, {
        model: key,
        reasoning: "hm",
        content: "Hello there",
        finishReason: ""
      })
      const error = yield* Effect.flip(inTime(Stream.runDrain(api.nativeChatStream(request))))
      assert.deepInclude(error, { _tag: "ServerFault", reason: "Engine" })
    }).pipe(simulated({ settings: { loadTime: Duration.seconds(5) } }))
  )

  it.effect("embeds and completes", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const control = yield* SimulatorControl
      const embedder = "text-embedding-nomic-embed-text-v1.5"
      yield* inTime(api.load(embedder))
      const { vectors } = yield* inTime(api.embed({ model: embedder, input: ["a", "b"], ttlSeconds: 60 }))
      assert.lengthOf(vectors, 2)
      yield* inTime(api.load(key))
      yield* control.scriptModel([{ text: " upon a time" }])
      assert.deepInclude(yield* inTime(api.complete({ model: key, prompt: "Once", maxTokens: 5 })), {
        text: " upon a time",
        model: key
      })
    }).pipe(simulated())
  )

  it.effect("starts a download, reports its progress, and detects models that are already there", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      assert.deepInclude(yield* inTime(api.download(key)), { status: "already_downloaded" })
      const error = yield* Effect.flip(inTime(api.downloadStatus("job_none")))
      assert.deepInclude(error, { _tag: "RequestRejected", code: "job_not_found" })
    }).pipe(simulated())
  )

  it.effect("stops the generation when the reader stops", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const control = yield* SimulatorControl
      yield* inTime(api.load(key))
      yield* control.scriptModel([{ text: "word ".repeat(100), pieceDelayMs: 1000, chunking: { words: 1 } }])
      const fiber = yield* Effect.fork(api.chatStream(ask()).pipe(Stream.take(3), Stream.runCollect))
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(Chunk.toReadonlyArray(yield* Fiber.join(fiber)), 3)
      yield* TestClock.adjust("10 seconds")
      const idle = yield* control.until((machine) =>
        [...machine.instances.values()].every(({ status }) => status === "idle")
      )
      assert.isDefined(idle)
    }).pipe(simulated())
  )
})
