import { assert, describe, it } from "@effect/vitest"
import { LmStudioUnreachable } from "@lms-bridge/core/LmStudioApi"
import { apiModel } from "@lms-bridge/testing/LmStudioApiTest"
import { Effect } from "effect"
import { cli } from "../../OverDoubles.ts"

const models = Effect.succeed([apiModel("qwen/qwen3-4b"), apiModel("llama-3.2-3b-instruct")])

describe("models search", () => {
  it.effect("lists what is on disk, and says where the catalogue is searched", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["models", "search", "qwen3", "4b"], { api: { models } })
      assert.strictEqual(code, 0)
      assert.include(out, "qwen/qwen3-4b")
      assert.notInclude(out, "llama")
      assert.include(err, "https://lmstudio.ai/models")
      assert.include(err, "https://huggingface.co/models?library=gguf&search=qwen3%204b")
      const none = yield* cli(["models", "search", "zzz"], { api: { models } })
      assert.strictEqual(none.code, 0)
      assert.strictEqual(none.out, "")
      assert.include(none.err, 'No model on this machine has "zzz" in its name.')
    })
  )

  it.effect("prints JSON, also of nothing", () =>
    Effect.gen(function* () {
      const { out } = yield* cli(["models", "search", "zzz", "--json"], { api: { models } })
      assert.deepInclude(JSON.parse(out), { models: [] })
    })
  )

  it.effect("says where to look where LM Studio is off, too, and fails", () =>
    Effect.gen(function* () {
      const off = Effect.fail(new LmStudioUnreachable({ baseUrl: "http://127.0.0.1:1", reason: "Refused" }))
      const { code, err } = yield* cli(["models", "search", "qwen"], { api: { models: off } })
      assert.notStrictEqual(code, 0)
      assert.include(err, "https://lmstudio.ai/models")
      assert.strictEqual((yield* cli(["models", "search", " "], { api: { models } })).code, 2)
    })
  )
})
