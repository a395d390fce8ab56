/** Whatever LM Studio, another server or `lms` writes: the result is an answer or a typed error, never a defect. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FastCheck, Option, type ParseResult, Schema } from "effect"
import * as ChatStream from "#src/lmstudio/ChatStream.ts"
import { classify } from "#src/lmstudio/ErrorClassifier.ts"
import { read } from "#src/lmstudio/http/Exchange.ts"
import * as Messages from "#src/lmstudio/lms/Messages.ts"
import * as Replies from "#src/lmstudio/lms/Replies.ts"
import { LmsCliError } from "#src/lmstudio/LmsCliError.ts"
import { LmStudioError } from "#src/lmstudio/LmStudioError.ts"
import * as ChatWire from "#src/lmstudio/wire/ChatWire.ts"
import * as Completions from "#src/lmstudio/wire/Completions.ts"
import { errorOf } from "#src/lmstudio/wire/ErrorBody.ts"
import * as Lifecycle from "#src/lmstudio/wire/Lifecycle.ts"
import * as ModelLists from "#src/lmstudio/wire/ModelLists.ts"
import * as NativeChat from "#src/lmstudio/wire/NativeChat.ts"
import * as Responses from "#src/lmstudio/wire/Responses.ts"
import * as ServerSentEvents from "#src/lmstudio/wire/ServerSentEvents.ts"
import { bentFrom, errors, pieces, sentences, texts, values } from "./anything.ts"

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

const natives = [
  { type: "chat.start", model_instance_id: "m" },
  { type: "model_load.progress", model_instance_id: "m", progress: 0.5 },
  { type: "message.delta", content: "a" },
  { type: "error", error: { type: "model_load_failed", message: "m", code: "c" } },
  { type: "chat.end", result: { model_instance_id: "m", stats: { input_tokens: 1, total_output_tokens: 1 } } }
]

/** Reads a stream to its end, as from a server. */
const streamed = (text: string, decode: (event: ServerSentEvents.ServerSentEvent) => ReadonlyArray<ChatWire.Frame>) => {
  const reader = ServerSentEvents.reader()
  let state = ChatStream.start(0)
  for (const frame of [...reader.push(text), ...reader.end()].flatMap(decode)) {
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

describe("any texts and numbers", () => {
  for (const template of errors) {
    it.prop(
      `an error body like ${JSON.stringify(template).slice(0, 40)} becomes a typed error`,
      [bentFrom(template), status, operations],
      ([body, code, operation]) => {
        sound(classify({ operation, model: "m", status: code, facts: errorOf(body) }))
      },
      { fastCheck: { numRuns: 80 } }
    )
  }

  it.prop(
    "a text of the contract becomes a typed error, whatever number is in it",
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
    { fastCheck: { numRuns: 80 } }
  )

  for (const [what, template, from] of routes) {
    it.prop(
      `${what} is decoded, or becomes a typed error`,
      [FastCheck.oneof(bentFrom(template), values), status],
      ([body, code]) => {
        from(code ?? 200, body)
      },
      { fastCheck: { numRuns: 80 } }
    )
  }

  it.prop(
    "a stream becomes a reply or a typed error",
    [FastCheck.array(FastCheck.oneof(...pieces.map(bentFrom), values, texts), { maxLength: 6 })],
    ([bodies]) => {
      streamed(bodies.map((body) => `data: ${body}\n\n`).join(""), (event) => [ChatWire.decodeFrame(event)])
    },
    { fastCheck: { numRuns: 80 } }
  )

  it.prop(
    "a native stream becomes a reply or a typed error",
    [FastCheck.array(FastCheck.oneof(...natives.map(bentFrom), values, texts), { maxLength: 6 })],
    ([bodies]) => {
      streamed(bodies.map((body) => `event: message.delta\ndata: ${body}\n\n`).join(""), NativeChat.decodeFrames)
    },
    { fastCheck: { numRuns: 80 } }
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
      `output ${at} of lms is decoded, or becomes a typed error`,
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
      { fastCheck: { numRuns: 40 } }
    )
  }

  it.prop(
    "sentences of lms are parsed or ignored",
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
    { fastCheck: { numRuns: 80 } }
  )

  it("one invalid entry of a list does not hide the others", () => {
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

  it("constructors of errors accept any text", () => {
    for (const count of [Number.NaN, Infinity, -1, 0.5, 2 ** 60]) {
      assert.isNotEmpty(new LmsCliError({ reason: "Exit", subcommand: "load", exitCode: count }).message)
    }
  })
})
