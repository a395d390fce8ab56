import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as ModelLists from "#src/lmstudio/wire/ModelLists.ts"

describe("ModelLists", () => {
  it("reads native v1, treating null as absent and ignoring unknown fields", () => {
    const list = Schema.decodeUnknownSync(ModelLists.NativeList)({
      models: [
        {
          type: "llm",
          publisher: "qwen",
          key: "qwen/qwen3-4b",
          display_name: "Qwen3 4B",
          architecture: "qwen3",
          quantization: { name: "8bit", bits_per_weight: 8 },
          size_bytes: 42,
          params_string: "4B",
          loaded_instances: [
            { id: "qwen/qwen3-4b", config: { context_length: 4096, parallel: 4 } },
            { id: "qwen/qwen3-4b:2", config: {} },
            { nonsense: true }
          ],
          max_context_length: 32768,
          format: "mlx",
          capabilities: {
            vision: false,
            trained_for_tool_use: true,
            reasoning: { allowed_options: ["off", "xhigh"], default: "xhigh" }
          },
          description: null,
          variants: ["qwen/qwen3-4b@8bit"],
          invented: 1
        },
        {
          type: "transcription",
          key: "whisper",
          quantization: null,
          params_string: null,
          format: null,
          loaded_instances: null
        }
      ]
    })
    assert.deepStrictEqual(ModelLists.fromNative(list), [
      {
        key: "qwen/qwen3-4b",
        type: "llm",
        displayName: "Qwen3 4B",
        publisher: "qwen",
        architecture: "qwen3",
        quantization: "8bit",
        sizeBytes: 42,
        params: "4B",
        format: "mlx",
        maxContextLength: 32768,
        vision: false,
        toolUse: true,
        reasoningOptions: ["off", "xhigh"],
        variants: ["qwen/qwen3-4b@8bit"],
        instances: [{ id: "qwen/qwen3-4b", contextLength: 4096 }, { id: "qwen/qwen3-4b:2" }]
      },
      { key: "whisper", type: "transcription", displayName: "whisper", variants: [], instances: [] }
    ])
  })

  it("converts v0's terms to ours, and merges a numbered copy into its model", () => {
    const list = Schema.decodeUnknownSync(ModelLists.LegacyList)({
      object: "list",
      data: [
        {
          id: "qwen-vl",
          object: "model",
          type: "vlm",
          state: "loaded",
          max_context_length: 32768,
          loaded_context_length: 4096,
          capabilities: ["tool_use"]
        },
        { id: "qwen-vl:2", object: "model", type: "vlm", state: "loaded", loaded_context_length: 8192 },
        { id: "nomic", type: "embeddings", state: "not-loaded" },
        { id: "odd:1", type: "llm", state: "loading" }
      ]
    })
    assert.deepStrictEqual(ModelLists.fromLegacy(list), [
      {
        key: "qwen-vl",
        type: "llm",
        vision: true,
        displayName: "qwen-vl",
        maxContextLength: 32768,
        toolUse: true,
        variants: [],
        instances: [
          { id: "qwen-vl", contextLength: 4096 },
          { id: "qwen-vl:2", contextLength: 8192 }
        ]
      },
      { key: "nomic", type: "embedding", displayName: "nomic", variants: [], instances: [] },
      { key: "odd:1", type: "llm", displayName: "odd:1", variants: [], instances: [] }
    ])
  })

  it("finds a model of v0 of which only a numbered copy is left", () => {
    const list = Schema.decodeUnknownSync(ModelLists.LegacyList)({
      data: [
        { id: "qwen:2", type: "llm", state: "loaded", loaded_context_length: 8192 },
        { id: "qwen:3", type: "llm", state: "loaded" }
      ]
    })
    assert.deepStrictEqual(ModelLists.fromLegacy(list), [
      {
        key: "qwen",
        type: "llm",
        displayName: "qwen",
        variants: [],
        instances: [{ id: "qwen:2", contextLength: 8192 }, { id: "qwen:3" }]
      }
    ])
  })

  it("treats every model of a plain OpenAI server as usable", () => {
    const list = Schema.decodeUnknownSync(ModelLists.OpenAiList)({
      data: [
        { id: "llama3:8b", object: "model", owned_by: "library" },
        { id: "served", max_model_len: 8192 },
        { id: "x.gguf", meta: { n_ctx: 4096, n_ctx_train: 32768, size: 42 } }
      ]
    })
    const models = ModelLists.fromOpenAi(list)
    assert.deepStrictEqual(
      models.map(({ instances }) => instances),
      [[{ id: "llama3:8b" }], [{ id: "served", contextLength: 8192 }], [{ id: "x.gguf", contextLength: 4096 }]]
    )
    assert.strictEqual(models[2]?.maxContextLength, 32768)
  })

  it("does not mistake the list of another product for LM Studio's", () => {
    for (const body of [
      { data: [{ id: "gpt" }] },
      { error: "Unexpected endpoint or method. (GET /api/v1/models)" },
      []
    ]) {
      assert.isTrue(Schema.decodeUnknownEither(ModelLists.NativeList)(body)._tag === "Left")
    }
  })
})
