import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Fiber, Option, Ref, Stream, TestClock } from "effect"
import type { ChatEvent, ChatRequest } from "#src/lmstudio/Chat.ts"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import type { RequestLimits } from "#src/lmstudio/ApiRequests.ts"
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
import { ByteLimits, CurrentByteLimits } from "#src/resilience/ByteLimits.ts"
import { apiLayer, native, nativeModel } from "./apiLayer.ts"

const request: ChatRequest = { model: "qwen/qwen3-4b", messages: [{ role: "user", content: "hi" }] }

const chat = (limits?: RequestLimits, changes: Partial<ChatRequest> = {}) =>
  Effect.flatMap(LmStudioApi, (api) => api.chat({ ...request, ...changes }, limits))

const small = new ByteLimits({ ...Effect.runSync(CurrentByteLimits), reply: 4096 })

const requests = Effect.flatten(FakeHttp.FakeRequests)

const piece = (delta: unknown, finish: string | null = null, model = "qwen/qwen3-4b") =>
  FakeHttp.data({ id: "chatcmpl-1", model, choices: [{ index: 0, delta, finish_reason: finish }] })

const done = "data: [DONE]\n\n"

const reply = FakeHttp.events(
  piece({ role: "assistant", content: "" }),
  piece({ content: "Hi" }),
  piece({}, "stop"),
  done
)

const withChat = (
  replies: FakeHttp.Reply | ReadonlyArray<FakeHttp.Reply>,
  settings: Parameters<typeof apiLayer>[1] = {},
  routes: FakeHttp.Routes = native
) => Effect.provide(apiLayer({ ...routes, "POST /v1/chat/completions": replies }, settings))

/** Advances the clock by `time`, then returns the outcome. */
const after = Effect.fnUntraced(function* <A, E, R>(time: Duration.DurationInput, self: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.fork(self)
  yield* TestClock.adjust(time)
  return yield* fiber
})

describe("LmStudioApi.chat", () => {
  it.effect("uses the one route that all dialects have, without any other request first", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* chat(), { content: "Hi", finishReason: "stop", model: "qwen/qwen3-4b" })
      // the rest of the reply is drained in the background
      yield* TestClock.adjust("1 millis")
      const all = yield* requests
      assert.deepStrictEqual(
        all.map(({ method, path, state }) => [method, path, state]),
        [["POST", "/v1/chat/completions", "read"]]
      )
      assert.deepInclude(all[0]?.body, { model: "qwen/qwen3-4b", stream: true })
    }).pipe(withChat(reply))
  )

  it.effect("fails when a reply does not end, with an error that says so", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(chat())
      assert.strictEqual(error._tag, "ReplyMalformed")
      assert.include(error.message, "it does not end, or is larger than 4 KiB")
      assert.isFalse(error.retryable)
    }).pipe(
      withChat(FakeHttp.events(...Array.from({ length: 100 }, () => piece({ content: "x".repeat(50) })), done)),
      Effect.provideService(CurrentByteLimits, small)
    )
  )

  it.effect("fails when a line does not end", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(chat()))._tag, "ReplyMalformed")
    }).pipe(
      withChat(FakeHttp.events(`data: {"x":"${"x".repeat(5000)}`)),
      Effect.provideService(CurrentByteLimits, small)
    )
  )

  it.effect("never sends `default` or an empty name", () =>
    Effect.gen(function* () {
      for (const model of ["default", " Default ", ""]) {
        const error = yield* Effect.flip(chat({}, { model }))
        assert.deepInclude(error, { _tag: "RequestRejected", code: "not_sent", param: "model" })
        assert.include(error.message, "was not sent")
      }
      assert.lengthOf(yield* requests, 0)
    }).pipe(withChat([]))
  )

  it.effect("treats [DONE] as the end, whatever the connection does then", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* chat()).content, "Hi")
      // still open for a moment, because a connection can be reused once its reply has been read to the end
      assert.strictEqual((yield* requests)[0]?.state, "open")
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* requests)[0]?.state, "closed")
    }).pipe(withChat(FakeHttp.events(piece({ content: "Hi" }), done, "hang!")))
  )

  it.effect("treats a finish reason as the end when [DONE] is missing", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* chat()).content, "Hi")
    }).pipe(withChat(FakeHttp.events(piece({ content: "Hi" }, "stop"))))
  )

  it.effect("waits for the usage after the finish reason, but not for long", () =>
    Effect.gen(function* () {
      const [late, never] = [yield* after("1 second", chat()), yield* after("2 seconds", chat())]
      assert.deepStrictEqual(late.usage, { inputTokens: 3, outputTokens: 1 })
      assert.deepInclude(never, { content: "Hi", finishReason: "stop" })
    }).pipe(
      withChat([
        FakeHttp.events(
          piece({ content: "Hi" }, "stop"),
          { pause: "1 second" },
          FakeHttp.data({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 1 } })
        ),
        FakeHttp.events(piece({ content: "Hi" }, "stop"), "hang!")
      ])
    )
  )

  it.effect("accepts a reply in one piece from a server that does not stream", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* chat()).content, "Hi")
    }).pipe(
      withChat(
        FakeHttp.json({
          id: "x",
          model: "qwen/qwen3-4b",
          choices: [{ message: { content: "Hi" }, finish_reason: "stop" }]
        })
      )
    )
  )

  describe("when the stream breaks", () => {
    it.effect("says how much had arrived, whether the socket broke or just ended", () =>
      Effect.gen(function* () {
        for (let index = 0; index < 2; index++) {
          const error = yield* Effect.flip(chat())
          assert.deepInclude(error, { _tag: "StreamCut", delivered: 5, retryable: false })
          assert.include(error.message, "after 5 characters")
        }
      }).pipe(
        withChat([
          FakeHttp.events(piece({ reasoning_content: "abc" }), piece({ content: "de" }), "cut!"),
          FakeHttp.events(piece({ reasoning_content: "abc" }), piece({ content: "de" }), 'data: {"id":"chatc')
        ])
      )
    )

    it.effect("delivers what came before the break", () =>
      Effect.gen(function* () {
        const api = yield* LmStudioApi
        const seen = yield* Ref.make<ReadonlyArray<ChatEvent>>([])
        const error = yield* api.chatStream(request).pipe(
          Stream.runForEach((event) => Ref.update(seen, (all) => [...all, event])),
          Effect.flip
        )
        assert.strictEqual(error._tag, "ServerFault")
        assert.deepStrictEqual(yield* Ref.get(seen), [{ _tag: "TextDelta", text: "de" }])
      }).pipe(
        // one write: the text and the error arrive together
        withChat(
          FakeHttp.events(`${piece({ content: "de" })}event: error\ndata: {"error":"received prediction-error"}\n\n`)
        )
      )
    )

    it.effect("classifies an error that comes after HTTP 200", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(chat())
        assert.deepInclude(error, { _tag: "ContextOverflow", promptTokens: 9021, contextLength: 4096 })
      }).pipe(
        withChat(
          FakeHttp.events(
            `event: error\ndata: {"message":"The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 9021>= n_ctx: 4096). Try"}\n\n`
          )
        )
      )
    )

    it.effect("classifies an error that comes with a status", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(chat())
        assert.deepInclude(error, { _tag: "ModelNotFound", nearest: ["qwen/qwen3-4b-2507"] })
      }).pipe(
        withChat(
          FakeHttp.json(
            {
              error: {
                message:
                  'Invalid model identifier "qwen/qwen3-4b". Please specify a valid downloaded model (e.g., qwen/qwen3-4b-2507, llama-3.2-3b).',
                code: "model_not_found"
              }
            },
            400
          )
        )
      )
    )

    it.effect("says so when the body is not a reply", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(chat()))._tag, "ReplyMalformed")
        assert.strictEqual((yield* Effect.flip(chat()))._tag, "ReplyMalformed")
        assert.strictEqual((yield* Effect.flip(chat()))._tag, "Unsupported")
      }).pipe(
        withChat([
          FakeHttp.text("<html>Welcome</html>"),
          FakeHttp.events(),
          FakeHttp.unexpectedEndpoint("POST", "/v1/chat/completions")
        ])
      )
    )
  })

  describe("the model that answers", () => {
    it.effect("fails before anything is delivered when another model answers (H4)", () =>
      Effect.gen(function* () {
        const api = yield* LmStudioApi
        const seen = yield* Ref.make(0)
        const error = yield* api.chatStream({ ...request, model: "nonesuch" }).pipe(
          Stream.runForEach(() => Ref.update(seen, (n) => n + 1)),
          Effect.flip
        )
        assert.deepInclude(error, { _tag: "WrongModelAnswered", asked: "nonesuch", answered: "qwen/qwen3-4b" })
        assert.strictEqual(yield* Ref.get(seen), 0)
        assert.strictEqual((yield* requests).find(({ method }) => method === "POST")?.state, "closed")
      }).pipe(withChat(FakeHttp.events(piece({ content: "Hi" }), "hang!")))
    )

    it.effect("accepts an instance with its own name, and looks it up once", () =>
      Effect.gen(function* () {
        yield* chat({}, { model: "my-qwen" })
        yield* chat({}, { model: "my-qwen" })
        const looks = (yield* requests).filter(({ method }) => method === "GET")
        assert.lengthOf(looks, 2)
      }).pipe(
        withChat(
          reply,
          {},
          {
            "GET /api/v1/models": FakeHttp.json({ models: [nativeModel("qwen/qwen3-4b", ["my-qwen"])] })
          }
        )
      )
    )
  })

  describe("retries", () => {
    it.effect("retries on a new connection when the stream breaks before anything was delivered", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* after("1 minute", chat())).content, "Hi")
        assert.deepStrictEqual(
          (yield* requests).map(({ state }) => state),
          ["broken", "broken", "closed", "read"]
        )
      }).pipe(
        withChat(
          [
            FakeHttp.refused("ECONNRESET"),
            FakeHttp.events(piece({ role: "assistant", content: "" }), "cut!"),
            FakeHttp.events('event: error\ndata: {"error":"received prediction-error"}\n\n', "hang!"),
            reply
          ],
          { retries: 3 }
        )
      )
    )

    it.effect("does not retry once output was delivered", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* after("1 minute", Effect.flip(chat())))._tag, "StreamCut")
        assert.lengthOf(yield* requests, 1)
      }).pipe(withChat([FakeHttp.events(piece({ content: "x" }), "cut!")], { retries: 3 }))
    )

    it.effect("does not retry for an unloaded or crashed model, which has to be loaded first", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* after("1 minute", Effect.flip(chat())))._tag, "ModelCrashed")
        assert.lengthOf(yield* requests, 1)
      }).pipe(withChat([FakeHttp.json({ error: "Model unloaded." }, 400)], { retries: 3 }))
    )
  })

  describe("time limits", () => {
    const short: RequestLimits = {
      firstByte: "30 seconds",
      betweenBytes: "10 seconds",
      total: "1 minute",
      connect: "5 seconds"
    }

    it.effect("end the wait for the first byte, with or without headers", () =>
      Effect.gen(function* () {
        for (let index = 0; index < 2; index++) {
          const error = yield* after("30 seconds", Effect.flip(chat(short)))
          assert.deepInclude(error, { _tag: "RequestTimeout", phase: "FirstByte", retryable: false })
          assert.include(error.message, "30s")
        }
      }).pipe(withChat([FakeHttp.silent, FakeHttp.events("hang!")]))
    )

    it.effect("end a pause within the reply, and say how much had arrived; a keep-alive comment ends a pause", () =>
      Effect.gen(function* () {
        const error = yield* after("17 seconds", Effect.flip(chat(short)))
        assert.deepInclude(error, { _tag: "RequestTimeout", phase: "BetweenBytes", delivered: 2 })
      }).pipe(withChat(FakeHttp.events(piece({ content: "ab" }), { pause: "7 seconds" }, ": still here\n\n", "hang!")))
    )

    it.effect("end the whole request", () =>
      Effect.gen(function* () {
        const error = yield* after("1 minute", Effect.flip(chat(short)))
        assert.deepInclude(error, { _tag: "RequestTimeout", phase: "Total", delivered: 7 })
      }).pipe(
        withChat(
          FakeHttp.events(
            ...Array.from({ length: 20 }, () => [piece({ content: "a" }), { pause: "9 seconds" }] as const).flat()
          )
        )
      )
    )

    it.effect("detect a server that has gone: a request without an answer is checked", () =>
      Effect.gen(function* () {
        const error = yield* after("20 seconds", Effect.flip(chat(short)))
        assert.deepInclude(error, { _tag: "RequestTimeout", phase: "Connect", retryable: true })
      }).pipe(withChat(FakeHttp.silent, {}, { "GET /lmstudio-greeting": FakeHttp.silent }))
    )

    it.effect("do not mistake a long prompt for a server that has gone", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* after("25 seconds", chat(short))).content, "Hi")
      }).pipe(withChat(FakeHttp.after("25 seconds", reply)))
    )

    it.effect("can be changed by configuration", () =>
      Effect.gen(function* () {
        const error = yield* after("3 seconds", Effect.flip(chat()))
        assert.deepInclude(error, { _tag: "RequestTimeout", phase: "FirstByte" })
      }).pipe(withChat(FakeHttp.silent, { firstByteTimeout: Duration.seconds(3) }))
    )
  })

  it.effect("closes the connection when it is interrupted, before and after the first byte", () =>
    Effect.gen(function* () {
      for (let index = 0; index < 2; index++) {
        const fiber = yield* Effect.fork(chat())
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* requests)[index]?.state, "open")
        yield* Fiber.interrupt(fiber)
        assert.strictEqual((yield* requests)[index]?.state, "closed")
      }
    }).pipe(withChat([FakeHttp.silent, FakeHttp.events(piece({ content: "a" }), "hang!")]))
  )

  it.effect("closes the connection when the reader stops early", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const first = yield* Stream.runHead(api.chatStream(request))
      assert.deepStrictEqual(Option.getOrUndefined(first), { _tag: "TextDelta", text: "a" })
      assert.strictEqual((yield* requests)[0]?.state, "closed")
    }).pipe(withChat(FakeHttp.events(piece({ content: "a" }), "hang!")))
  )

  it.effect("sends the request only when the stream is read", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const stream = api.chatStream(request)
      assert.lengthOf(yield* requests, 0)
      const events = yield* Stream.runCollect(stream)
      assert.deepStrictEqual(
        Chunk.toReadonlyArray(events).map(({ _tag }) => _tag),
        ["TextDelta", "Completed"]
      )
    }).pipe(withChat(reply))
  )
})
