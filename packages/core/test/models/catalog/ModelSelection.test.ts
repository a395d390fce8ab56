import { assert, describe, it } from "@effect/vitest"
import * as ModelSelection from "#src/models/catalog/ModelSelection.ts"

const model = (key: string, more: Partial<ModelSelection.Candidate> = {}): ModelSelection.Candidate => ({
  key,
  type: "llm",
  toolUse: true,
  sizeBytes: 2_500_000_000,
  instances: [],
  ...more
})

const chosen = (...models: ReadonlyArray<ModelSelection.Candidate>) => {
  const forwards = ModelSelection.choose(models)?.key
  assert.strictEqual(ModelSelection.choose(models.toReversed())?.key, forwards, "the order of the list decides nothing")
  return forwards
}

const loaded = { instances: [{ id: "x" }] }

describe("ModelSelection", () => {
  it("takes a model in memory, however suitable one on disk is", () => {
    assert.strictEqual(chosen(model("best"), model("small", { sizeBytes: 1e9, toolUse: false, ...loaded })), "small")
  })

  it("never takes an embedding model, not even the only one in memory", () => {
    assert.strictEqual(chosen(model("embed", { type: "embedding", ...loaded }), model("chat")), "chat")
    assert.isUndefined(chosen(model("embed", { type: "embedding", ...loaded })))
    assert.isUndefined(chosen())
  })

  it("prefers tool use, then the largest moderate model", () => {
    assert.strictEqual(
      chosen(model("big", { sizeBytes: 5e9, toolUse: false }), model("tools", { sizeBytes: 1e9 })),
      "tools"
    )
    assert.strictEqual(
      chosen(model("1.5b", { sizeBytes: 1e9 }), model("8b", { sizeBytes: 5e9 }), model("70b", { sizeBytes: 40e9 })),
      "8b"
    )
  })

  it("takes the smallest when all are large, and prefers a known size to an unknown one", () => {
    assert.strictEqual(chosen(model("70b", { sizeBytes: 40e9 }), model("20b", { sizeBytes: 12e9 })), "20b")
    const { sizeBytes: _, ...unknown } = model("unknown")
    assert.strictEqual(chosen(unknown, model("20b", { sizeBytes: 12e9 })), "20b")
  })

  it("estimates by parameters where no size is given", () => {
    const sized = (key: string, params: string) => {
      const { sizeBytes: _, ...rest } = model(key)
      return { ...rest, params }
    }
    assert.strictEqual(chosen(sized("a", "0.5B"), sized("b", "8B"), sized("c", "26B-A4B"), sized("d", "128x2.6B")), "b")
    assert.strictEqual(chosen(sized("a", "270M"), sized("b", "4B")), "b")
  })

  it("estimates by the name where nothing else tells the size, as with llama.cpp's router", () => {
    const named = (key: string) => {
      const { params: _, sizeBytes: __, ...rest } = model(key)
      return rest
    }
    const keys = ["smollm2-135m-instruct-q4_1", "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct", "tiny-1m"]
    for (const order of [keys, keys.toReversed()]) {
      assert.strictEqual(chosen(...order.map(named)), "qwen2.5-coder-1.5b-instruct")
    }
    assert.strictEqual(chosen(named("mixtral-8x7b"), named("qwen3-8b")), "qwen3-8b")
  })

  it("breaks ties by name", () => {
    assert.strictEqual(chosen(model("b"), model("a")), "a")
  })
})
