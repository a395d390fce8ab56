/** Whatever LM Studio, another server or `lms` writes: an answer or a typed error, never a defect. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, FastCheck, Option, type ParseResult, Schema } from "effect"
import * as ChatStream from "@lms-bridge/core/lmstudio/ChatStream"
import { classify } from "@lms-bridge/core/lmstudio/ErrorClassifier"
import { read } from "@lms-bridge/core/lmstudio/http/Exchange"
import * as Messages from "@lms-bridge/core/lmstudio/lms/Messages"
import * as Replies from "@lms-bridge/core/lmstudio/lms/Replies"
import { LmStudioApi } from "@lms-bridge/core/lmstudio/LmStudioApi"
import { ModelLifecycle } from "@lms-bridge/core/models/ModelLifecycle"
import { Outcome } from "@lms-bridge/testing/simulator/Faults"
import { SimulatorControl } from "@lms-bridge/testing/simulator/SimulatorControl"
import { layer, nomic, onMachine, qwen, qwen8 } from "../models/simulated.ts"
import { LmsCliError } from "@lms-bridge/core/lmstudio/LmsCliError"
import { LmStudioError } from "@lms-bridge/core/lmstudio/LmStudioError"
import * as ChatWire from "@lms-bridge/core/lmstudio/wire/ChatWire"
import * as Completions from "@lms-bridge/core/lmstudio/wire/Completions"
import { errorOf } from "@lms-bridge/core/lmstudio/wire/ErrorBody"
import * as Lifecycle from "@lms-bridge/core/lmstudio/wire/Lifecycle"
import * as ModelLists from "@lms-bridge/core/lmstudio/wire/ModelLists"
import * as NativeChat from "@lms-bridge/core/lmstudio/wire/NativeChat"
import * as Responses from "@lms-bridge/core/lmstudio/wire/Responses"
import * as ServerSentEvents from "@lms-bridge/core/lmstudio/wire/ServerSentEvents"

/** Numbers as JSON may write them: beyond 2^53, beyond a double, negative, fractional. */
const numbers = FastCheck.oneof(
  FastCheck.constantFrom("18446744072635812000", "-1073741819", "1e400", "-0", "0.5", "9007199254740993", "1e-400"),
  FastCheck.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  FastCheck.double({ noNaN: true, noDefaultInfinity: true }).map(String)
)
const texts = FastCheck.oneof(
  FastCheck.string({ maxLength: 40 }),
  FastCheck.fullUnicodeString({ maxLength: 20 }),
  FastCheck.constantFrom("NaN", "null", "", "\u0000\u001b[31m", "[DONE]", "Infinity", "{", "```")
)
/** The text of any value where a number, a text or a structure is expected. */
const values = FastCheck.oneof(
  numbers,
  numbers.map((digits) => `"${digits}"`),
  texts.map((text) => JSON.stringify(text)),
  FastCheck.constantFrom("null", "true", "false", "[]", "{}", "[null]", '{"a":1}', "[[1]]"),
  FastCheck.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value))
)
/** The template with any value in the place of some of its values. */
const bentFrom = (template: unknown) => {
  const places: Array<string> = []
  const marked = JSON.stringify(template, (_, value: unknown) => {
    if (typeof value === "object" && value !== null) return value
    places.push(JSON.stringify(value))
    return `@${places.length - 1}@`
  })
  return FastCheck.array(FastCheck.option(values, { freq: 2 }), {
    minLength: places.length,
    maxLength: places.length
  }).map((drawn) =>
    marked.replaceAll(/"@(\d+)@"/g, (_, at: string) => drawn[Number(at)] ?? places[Number(at)] ?? "null")
  )
}

/** The words of the contract with any number, or none, in the place of theirs. */
const sentences = FastCheck.tuple(
  FastCheck.constantFrom(
    "The model has crashed without additional information. (Exit code: %)",
    "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: %>= n_ctx: %)",
    "request (% tokens) exceeds the available context size (% tokens), try increasing it",
    "Cannot truncate prompt with n_keep (%) >= n_ctx (%)",
    "Trying to keep the first % tokens when context the overflows. context length of only %",
    "Model loading was stopped due to insufficient system resources. this model requires approximately % GB of memory",
    "This model's maximum context length is % tokens",
    "Failed to load model. exitCode=%, signal=%",
    "Loading model %",
    "Estimated Total Memory: % GiB\nEstimate: This model may be loaded",
    "Loading qwen %% ⠙",
    "[####] %% | 1 GB",
    "The server is running on port %"
  ),
  FastCheck.oneof(numbers, texts, FastCheck.constantFrom("NaN", "null"))
).map(([sentence, value]) => sentence.replaceAll("%", value))

const status = FastCheck.option(FastCheck.constantFrom(200, 400, 401, 404, 422, 429, 500, 502, 503), { nil: undefined })
const operations = FastCheck.constantFrom("chat", "model load", "model unload", "model list", "embeddings")

const sound = (error: LmStudioError) => {
  assert.isTrue(Schema.is(LmStudioError)(error))
  assert.isNotEmpty(error.message)
}

const rows = { id: "a", type: "llm", max_context_length: 4096, loaded_context_length: 4096, state: "loaded" }
const routes: ReadonlyArray<readonly [string, unknown, (status: number, text: string) => unknown]> = (() => {
  const reading =
    <A, I>(schema: Schema.Schema<A, I>, from: (body: A) => unknown) =>
    (code: number, text: string) => {
      const result = read({ hasToken: false }, { operation: "chat", model: "m" }, code, text, schema)
      return result._tag === "Left" ? sound(result.left) : from(result.right)
    }
  return [
    [
      "the native list",
      {
        models: [
          {
            key: "a",
            type: "llm",
            size_bytes: 1,
            max_context_length: 4096,
            loaded_instances: [{ id: "a", config: { context_length: 4096 } }],
            quantization: { name: "q4", bits_per_weight: 4 },
            capabilities: { vision: false, reasoning: { allowed_options: ["low"] } },
            variants: ["a@q4"]
          }
        ]
      },
      reading(ModelLists.NativeList, ModelLists.fromNative)
    ],
    ["the legacy list", { data: [rows] }, reading(ModelLists.LegacyList, ModelLists.fromLegacy)],
    [
      "OpenAI's list",
      { data: [{ id: "a", max_model_len: 4096, meta: { n_ctx: 1, n_ctx_train: 2, size: 3 } }] },
      reading(ModelLists.OpenAiList, ModelLists.fromOpenAi)
    ],
    [
      "a load",
      { instance_id: "a", load_time_seconds: 1.5, load_config: { context_length: 4096 } },
      reading(Lifecycle.Loaded, Lifecycle.fromLoaded)
    ],
    [
      "a download",
      { status: "downloading", job_id: "j", total_size_bytes: 1, downloaded_bytes: 0, bytes_per_second: 1 },
      reading(Lifecycle.Download, Lifecycle.fromDownload)
    ],
    [
      "a completion",
      {
        model: "a",
        choices: [{ text: "t", finish_reason: "stop" }],
        usage: { prompt_tokens: 1, completion_tokens: 1 }
      },
      reading(Completions.CompletionBody, Completions.fromCompletion)
    ],
    [
      "embeddings",
      { model: "a", data: [{ index: 0, embedding: [1, 2] }], usage: { prompt_tokens: 1 } },
      reading(Completions.EmbeddingsBody, Completions.fromEmbeddings)
    ],
    [
      "a response",
      {
        id: "r",
        status: "completed",
        output: [{ type: "message", content: [{ text: "hi" }] }],
        usage: { input_tokens: 1, output_tokens: 1 }
      },
      reading(Responses.Body, (body) => Responses.fromBody(body, 1))
    ]
  ]
})()

const errors = [
  { error: { message: "m", type: "model_load_failed", code: 503, param: "p", n_prompt_tokens: 5000, n_ctx: 4096 } },
  { error: "m" },
  { message: "m", type: "t", code: "c" }
]

const pieces = [
  {
    id: "c",
    model: "m",
    choices: [
      {
        index: 0,
        delta: {
          content: "a",
          reasoning_content: "b",
          tool_calls: [{ index: 0, id: "i", function: { name: "n", arguments: "{}" } }]
        },
        finish_reason: "stop"
      }
    ],
    usage: { prompt_tokens: 1, completion_tokens: 1, completion_tokens_details: { reasoning_tokens: 1 } }
  },
  ...errors
]
const natives = [
  { type: "chat.start", model_instance_id: "m" },
  { type: "model_load.progress", model_instance_id: "m", progress: 0.5 },
  { type: "message.delta", content: "a" },
  { type: "error", error: { type: "model_load_failed", message: "m", code: "c" } },
  { type: "chat.end", result: { model_instance_id: "m", stats: { input_tokens: 1, total_output_tokens: 1 } } }
]

/** Reads a stream as it is read from a server, to its end. */
const streamed = (text: string, decode: (event: ServerSentEvents.ServerSentEvent) => ReadonlyArray<ChatWire.Frame>) => {
  const { events, pending } = ServerSentEvents.push(ServerSentEvents.nothing, text)
  let state = ChatStream.start(0)
  for (const frame of [...events, ...ServerSentEvents.end(pending)].flatMap(decode)) {
    const step = ChatStream.step(state, frame, 1)
    if (step._tag === "Fault") {
      return sound(
        classify({ operation: "chat", model: "m", facts: step.facts, delivered: ChatStream.delivered(state) })
      )
    }
    if (step._tag === "Malformed") return
    state = step.state
    if (state.done) break
  }
  const last = ChatStream.complete(state, 2).at(-1)
  assert.strictEqual(last?._tag, "Completed")
  if (last?._tag !== "Completed" || last.reply.usage === undefined) return
  for (const count of Object.values(last.reply.usage)) assert.isTrue(Number.isSafeInteger(count) && count >= 0)
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const routesAsked = [
  "GET /api/v1/models",
  "POST /v1/chat/completions",
  "POST /v1/embeddings",
  "POST /api/v1/models/load"
] as const

describe("any words and numbers", () => {
  for (const template of errors) {
    it.prop(
      `an error body like ${JSON.stringify(template).slice(0, 40)} is a typed error`,
      [bentFrom(template), status, operations],
      ([body, code, operation]) => {
        sound(classify({ operation, model: "m", status: code, facts: errorOf(body) }))
      },
      { fastCheck: { numRuns: 150 } }
    )
  }

  it.prop(
    "the words of the contract are a typed error with any number in them",
    [sentences, status, operations],
    ([sentence, code, operation]) => {
      for (const body of [
        sentence,
        JSON.stringify({ error: sentence }),
        JSON.stringify({ error: { message: sentence } })
      ]) {
        sound(classify({ operation, model: "m", status: code, facts: errorOf(body) }))
      }
    },
    { fastCheck: { numRuns: 150 } }
  )

  for (const [what, template, from] of routes) {
    it.prop(
      `${what} is read, or is a typed error`,
      [FastCheck.oneof(bentFrom(template), values), status],
      ([body, code]) => {
        from(code ?? 200, body)
      },
      { fastCheck: { numRuns: 150 } }
    )
  }

  it.prop(
    "a stream is a reply or a typed error",
    [FastCheck.array(FastCheck.oneof(...pieces.map(bentFrom), values, texts), { maxLength: 6 })],
    ([bodies]) => {
      streamed(bodies.map((body) => `data: ${body}\n\n`).join(""), (event) => [ChatWire.decodeFrame(event)])
    },
    { fastCheck: { numRuns: 150 } }
  )

  it.prop(
    "a native stream is a reply or a typed error",
    [FastCheck.array(FastCheck.oneof(...natives.map(bentFrom), values, texts), { maxLength: 6 })],
    ([bodies]) => {
      streamed(bodies.map((body) => `event: message.delta\ndata: ${body}\n\n`).join(""), NativeChat.decodeFrames)
    },
    { fastCheck: { numRuns: 150 } }
  )

  const listed = [
    {
      modelKey: "a",
      identifier: "a",
      type: "llm",
      sizeBytes: 1,
      maxContextLength: 4096,
      contextLength: 4096,
      ttlMs: 600_000,
      lastUsedTime: 1,
      status: "idle",
      queued: 0,
      parallel: 4,
      variants: ["a@q4"]
    }
  ]
  const outputs = [
    [listed, Replies.decodeInstances],
    [listed, Replies.decodeModels],
    [[{ model: listed[0], variants: listed }], Replies.decodeVariants],
    [{ running: true, port: 1234 }, Replies.decodeServerStatus],
    [{ status: "running", pid: 1, isDaemon: true, version: "1" }, Replies.decodeDaemonStatus],
    [{ version: "1" }, Replies.decodeVersion]
  ] as ReadonlyArray<readonly [unknown, (json: string) => Effect.Effect<unknown, ParseResult.ParseError>]>
  for (const [at, [template, decoder]] of outputs.entries()) {
    it.effect.prop(
      `output ${at} of lms is read, or is a typed error`,
      [FastCheck.oneof(bentFrom(template), values, texts)],
      ([stdout]) =>
        Replies.decode(
          "ps",
          decoder
        )({ stdout, stderr: "" }).pipe(
          Effect.either,
          Effect.map((result) => {
            if (result._tag === "Left") assert.isTrue(Schema.is(LmsCliError)(result.left))
          })
        ),
      { fastCheck: { numRuns: 60 } }
    )
  }

  it.prop(
    "sentences of lms are understood or left alone",
    [FastCheck.oneof(sentences, texts)],
    ([said]) => {
      const figures = [
        Messages.progressOf(said)?.fraction,
        Messages.loadPercentOf(said),
        Messages.estimateOf(said)?.totalBytes,
        Messages.estimateOf(said)?.gpuBytes
      ]
      for (const figure of figures) assert.isTrue(figure === undefined || Number.isFinite(figure))
      Messages.complaintOf(said)
      Messages.tail(said)
      const event = Replies.decodeLogLine(said)
      assert.isTrue(Option.isNone(event) || typeof event.value.type === "string")
    },
    { fastCheck: { numRuns: 150 } }
  )

  it.effect.prop(
    "whatever a server answers, each call ends with an answer or a typed error",
    [
      FastCheck.oneof(...errors.map(bentFrom), ...pieces.map(bentFrom), sentences, values, texts),
      FastCheck.constantFrom(200, 400, 404, 500, 503),
      FastCheck.constantFrom("application/json", "text/event-stream", "text/html")
    ],
    ([body, code, type]) => {
      const answer = code === 200 ? Outcome.garbage(body, type) : Outcome.httpError(code, parsed(body))
      const streamed = Outcome.garbage(`data: ${body}\n\n`, "text/event-stream")
      return onMachine(layer({ settings: { loadTimeout: Duration.seconds(5) } }))(
        Effect.gen(function* () {
          const { script } = yield* SimulatorControl
          const api = yield* LmStudioApi
          const { ensureLoaded } = yield* ModelLifecycle
          for (const route of routesAsked) yield* script(route, [Outcome.ok, answer, streamed], answer)
          for (const call of [
            api.chat({ model: qwen, messages: [{ role: "user", content: "hi" }] }),
            api.chat({ model: qwen, messages: [{ role: "user", content: "hi" }] }),
            api.chat({ model: qwen, messages: [{ role: "user", content: "hi" }] }),
            api.embed({ model: nomic, input: ["a"] }),
            api.load(qwen8),
            api.load(qwen8),
            api.models,
            ensureLoaded(qwen)
          ] as ReadonlyArray<Effect.Effect<unknown, { readonly message: string }>>) {
            const exit = yield* Effect.exit(call)
            if (Exit.isSuccess(exit)) continue
            const failure = Cause.failureOption(exit.cause)
            assert.isTrue(Option.isSome(failure), Cause.pretty(exit.cause))
            if (Option.isSome(failure)) assert.isNotEmpty(failure.value.message)
          }
        })
      )
    },
    { fastCheck: { numRuns: 10 } }
  )

  it("one odd entry of a list does not make the others unknown", () => {
    const list = ModelLists.fromNative(
      Schema.decodeUnknownSync(ModelLists.NativeList)({
        models: [null, { key: 5 }, { key: "a", type: "llm", max_context_length: 1e30 }, { key: "b", type: "drafter" }]
      })
    )
    assert.deepStrictEqual(
      list.map(({ key, type }) => [key, type]),
      [
        ["a", "llm"],
        ["b", "drafter"]
      ]
    )
  })

  it("constructors of errors take what was said as it is", () => {
    for (const count of [Number.NaN, Infinity, -1, 0.5, 2 ** 60]) {
      assert.isNotEmpty(new LmsCliError({ reason: "Exit", subcommand: "load", exitCode: count }).message)
    }
  })
})
