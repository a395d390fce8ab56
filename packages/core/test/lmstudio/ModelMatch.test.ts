import { assert, describe, it } from "@effect/vitest"
import { sameModel, sameName } from "#src/lmstudio/ModelMatch.ts"
import { apiModel } from "@lms-bridge/testing/LmStudioApiTest"

const listed = [
  apiModel("qwen/qwen3-4b", {
    instances: [{ id: "my-qwen" }],
    variants: ["qwen/qwen3-4b@q4_k_m", "qwen/qwen3-4b@q8_0"]
  }),
  apiModel("llama-3.2-3b-instruct", { instances: [{ id: "llama-3.2-3b-instruct" }] })
]

describe("ModelMatch", () => {
  it("accepts another case, a numbered copy and a variant as the same model", () => {
    for (const answered of ["qwen/qwen3-4b", "Qwen/Qwen3-4B", "qwen/qwen3-4b:2", "qwen/qwen3-4b@q4_k_m"]) {
      assert.isTrue(sameName("qwen/qwen3-4b", answered), answered)
      assert.isTrue(sameName(answered, "qwen/qwen3-4b"), answered)
    }
  })

  it("does not accept another variant, a longer name or another model", () => {
    assert.isFalse(sameName("qwen/qwen3-4b@q4_k_m", "qwen/qwen3-4b@q8_0"))
    assert.isFalse(sameName("qwen/qwen3-4b", "qwen/qwen3-4b-2507"))
    assert.isFalse(sameName("qwen3-4b", "qwen/qwen3-4b"))
    assert.isFalse(sameName("qwen/qwen3-4b", "llama-3.2-3b-instruct"))
  })

  it("accepts an instance with its own name for its key, and the other way round", () => {
    assert.isTrue(sameModel("qwen/qwen3-4b", "my-qwen", listed, true))
    assert.isTrue(sameModel("my-qwen", "qwen/qwen3-4b", listed, true))
    assert.isTrue(sameModel("my-qwen", "qwen/qwen3-4b@q8_0", listed, true))
  })

  it("detects that the only loaded model answered (H4)", () => {
    assert.isFalse(sameModel("nonesuch", "llama-3.2-3b-instruct", listed, true))
    assert.isFalse(sameModel("qwen/qwen3-4b", "llama-3.2-3b-instruct", listed, true))
    assert.isFalse(sameModel("qwen/qwen3-4b", "never-heard-of", listed, true))
  })

  it("accepts any model name from a server that is not LM Studio", () => {
    assert.isTrue(sameModel("qwen/qwen3-4b", "/models/qwen.gguf", listed, false))
    assert.isFalse(sameModel("qwen/qwen3-4b", "llama-3.2-3b-instruct", listed, false))
  })
})
