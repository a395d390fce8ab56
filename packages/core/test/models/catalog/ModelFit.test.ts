import { assert, describe, it } from "@effect/vitest"
import * as Alternatives from "#src/models/catalog/Alternatives.ts"
import * as ModelFit from "#src/models/catalog/ModelFit.ts"
import { apiModel } from "@lms-bridge/testing/LmStudioApiTest"
import { Either, Option } from "effect"

const loaded = { instances: [{ id: "x" }] }
const chat = apiModel("qwen3-8b", { vision: false, ...loaded })
const seeing = apiModel("qwen2.5-vl-7b", { vision: true })
const seeingToo = apiModel("gemma-3-4b", { vision: true, toolUse: false, ...loaded })
const small = apiModel("embed-small", { type: "embedding", sizeBytes: 1 })
const large = apiModel("embed-large", { type: "embedding", sizeBytes: 2, ...loaded })
const models = [chat, seeing, seeingToo, small, large]

const chosen = (...args: Parameters<typeof ModelFit.choose>) =>
  Either.match(ModelFit.choose(...args), { onLeft: ({ message }) => message, onRight: ({ key }) => key })

describe("ModelFit", () => {
  it("prefers the configured model, then one in memory, and never takes one without the ability", () => {
    assert.strictEqual(chosen(models, "vision", undefined), "gemma-3-4b")
    assert.strictEqual(chosen(models, "vision", undefined, Option.some("qwen2.5-vl-7b")), "qwen2.5-vl-7b")
    assert.strictEqual(chosen(models, "vision", "default", Option.some("qwen3-8b")), "gemma-3-4b")
    assert.strictEqual(chosen(models, "embedding", undefined, Option.some("qwen3-8b")), "embed-large")
    assert.strictEqual(chosen([chat, small], "embedding", undefined), "embed-small")
  })

  it("names the models that can, loaded ones first, when the named one cannot", () => {
    assert.strictEqual(
      chosen(models, "vision", "qwen3-8b"),
      '"qwen3-8b" cannot see images. These can: gemma-3-4b (loaded), qwen2.5-vl-7b.'
    )
    assert.include(
      chosen(models, "embedding", "qwen3-8b"),
      '"qwen3-8b" cannot embed texts. These can: embed-large (loaded)'
    )
    assert.strictEqual(
      chosen([chat], "vision", undefined),
      "No model on this machine can see images. Download one in LM Studio."
    )
    assert.strictEqual(
      chosen(models, "chat", "embed-small"),
      '"embed-small" is an embedding model and cannot chat. These can: qwen3-8b (loaded), gemma-3-4b (loaded), qwen2.5-vl-7b.'
    )
    assert.include(chosen(models, "vision", "qwen"), 'There is no model "qwen"')
  })

  it("accepts a named model where the server does not report abilities", () => {
    const { vision: _, ...untold } = chat
    assert.strictEqual(chosen([untold], "vision", "qwen3-8b"), "qwen3-8b")
  })
})

describe("Alternatives", () => {
  it("ranks by name, purpose and loaded state, with reasons", () => {
    const [first, second] = Alternatives.rank(
      [apiModel("llama-3.2-3b"), apiModel("qwen2.5-coder-7b"), apiModel("qwen3-8b", loaded), small],
      "qwen3-8",
      "coding"
    )
    assert.deepStrictEqual(
      [first?.model.key, first?.reasons],
      ["qwen3-8b", ["its name is close", "it is loaded", "trained for tool use"]]
    )
    assert.include(second?.reasons.join(), "its name says coding")
  })
})
