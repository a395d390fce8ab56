import { assert, describe, it } from "@effect/vitest"
import type { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import type { Tool } from "#src/tools/Tool.ts"
import { type Ensured, type ModelLease, ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { Downloader, Embedder } from "@lms-bridge/core/ModelCatalog"
import * as LibraryTools from "#src/tools/LibraryTools.ts"
import * as TextTools from "#src/tools/TextTools.ts"
import * as LmStudioApiTest from "@lms-bridge/testing/LmStudioApiTest"
import { always } from "@lms-bridge/testing/Scripted"
import { Effect, Layer } from "effect"
import { callTool, connected, textOf } from "../connected.ts"

const tools: ReadonlyArray<Tool<LmStudioApi | ModelLifecycle | Embedder | Downloader>> = [
  ...TextTools.tools,
  ...LibraryTools.tools
]

const models = [
  LmStudioApiTest.apiModel("qwen3-8b", { sizeBytes: 5 * 2 ** 30, instances: [{ id: "qwen3-8b" }] }),
  LmStudioApiTest.apiModel("qwen2.5-coder-7b", { sizeBytes: 4 * 2 ** 30 }),
  LmStudioApiTest.apiModel("nomic-embed", { type: "embedding", sizeBytes: 2 ** 28 })
]

const ensured: Ensured = {
  model: "qwen3-8b",
  instanceId: "qwen3-8b:2",
  action: "loaded",
  owner: "lms-bridge",
  contextLength: 5,
  tookMillis: 1,
  steppedDown: []
}

const lease: ModelLease = {
  ensured: Effect.succeed(ensured),
  chatWith: () => assert.fail(),
  chat: () => assert.fail()
}

const services = (script: LmStudioApiTest.Script) =>
  Layer.mergeAll(Embedder.layer, Layer.mock(Downloader, {})).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        LmStudioApiTest.layerTest({ models: [always(Effect.succeed(models))], ...script }),
        Layer.mock(ModelLifecycle, { withModel: () => (use) => use(lease) })
      )
    )
  )

describe("completion, responses, embeddings and the schema check", () => {
  it.scoped("complete a text with the ensured model, and say when it was cut off", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "text_completion", {
        prompt: "Once",
        stop_sequences: ["."],
        max_tokens: 9
      })
      assert.deepStrictEqual(result.structuredContent, {
        text: " upon a time",
        model: "qwen3-8b",
        finishReason: "length"
      })
      assert.include(textOf(result), "cut off at max_tokens")
      const [asked] = yield* yield* LmStudioApiTest.LmStudioApiCalls
      assert.deepInclude(asked?.arguments[0], { model: "qwen3-8b:2", prompt: "Once", maxTokens: 9, stop: ["."] })
    }).pipe(
      Effect.provide(
        services({
          complete: [
            Effect.succeed({ text: " upon a time", model: "qwen3-8b", finishReason: "length", usage: undefined })
          ]
        })
      )
    )
  )

  it.scoped("continue a response, and say that results are not streamed", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const first = yield* callTool(client, "create_response", { input_text: "I am Ada." })
      assert.deepInclude(first.structuredContent, { id: "resp_1", output_text: "Hello." })
      const second = yield* callTool(client, "create_response", {
        input_text: "Who am I?",
        previous_response_id: "resp_1",
        stream: true
      })
      assert.include(textOf(second), "a tool's result cannot be streamed")
      assert.include(textOf(second), "Ada")
    }).pipe(
      Effect.provide(
        services({
          respond: [
            always(({ previousResponseId }) =>
              Effect.succeed({
                ...LmStudioApiTest.reply(previousResponseId === "resp_1" ? "You are Ada." : "Hello."),
                id: "resp_1",
                status: "completed"
              })
            )
          ]
        })
      )
    )
  )

  it.scoped("embed only with an embedding model, and say which text is cut", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "generate_embeddings", { text: ["a", "much longer than five tokens are"] })
      assert.deepInclude(result.structuredContent, {
        data: [
          { object: "embedding", index: 0, embedding: [1, 0] },
          { object: "embedding", index: 1, embedding: [0, 1] }
        ]
      })
      assert.include(textOf(result), "this seems to be so for number 2")
      const wrong = yield* callTool(client, "generate_embeddings", { text: "a", model: "qwen3-8b" })
      assert.deepNestedInclude(wrong.structuredContent, { "error._tag": "ModelUnfit" })
      assert.include(textOf(wrong), "These can: nomic-embed.")
    }).pipe(
      Effect.provide(
        services({
          embed: [
            Effect.succeed({
              model: "nomic-embed",
              vectors: [
                [1, 0],
                [0, 1]
              ],
              usage: undefined
            })
          ]
        })
      )
    )
  )

  it.scoped("check a schema", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const good = yield* callTool(client, "validate_json_schema", { schema: { type: "object", properties: {} } })
      assert.deepInclude(good.structuredContent, { valid: true })
      const bad = yield* callTool(client, "validate_json_schema", { schema: { type: "objekt" } })
      assert.deepInclude(bad.structuredContent, { valid: false })
      assert.isUndefined(bad.isError)
    }).pipe(Effect.provide(services({})))
  )
})

describe("tools about the models on this machine", () => {
  it.scoped("list all models on disk, including embedding models, with the total size", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const { structuredContent } = yield* callTool(client, "lms_list_downloaded_models")
      assert.deepInclude(structuredContent, { count: 3, totalSizeGB: 9.25 })
    }).pipe(Effect.provide(services({})))
  )

  it.scoped("find the nearest models with reasons, and choose one only when asked to", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const there = yield* callTool(client, "lms_resolve_model", { model_key: "QWEN3-8B" })
      assert.deepInclude(there.structuredContent, { status: "available", resolved_model: "qwen3-8b" })
      const near = yield* callTool(client, "lms_resolve_model", { model_key: "qwen3-9b", task_type: "coding" })
      assert.deepInclude(near.structuredContent, { status: "unavailable", resolved_model: null })
      assert.include(textOf(near), "- qwen3-8b: its name is close")
      const taken = yield* callTool(client, "lms_resolve_model", { model_key: "qwen3-9b", auto_fallback: true })
      assert.deepInclude(taken.structuredContent, { status: "fallback", resolved_model: "qwen3-8b" })
    }).pipe(Effect.provide(services({})))
  )

  it.scoped("search the models on disk, and say that the catalogue cannot be searched", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const found = yield* callTool(client, "lms_search_models", { query: "coder" })
      assert.isUndefined(found.isError)
      assert.include(textOf(found), "- qwen2.5-coder-7b")
      assert.include(textOf(found), "https://lmstudio.ai/models")
    }).pipe(Effect.provide(services({})))
  )
})
