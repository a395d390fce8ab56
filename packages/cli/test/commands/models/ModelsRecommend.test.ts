import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { cli } from "../../OverDoubles.ts"

const json = (text: string): { readonly models: ReadonlyArray<{ readonly model: string; readonly source: string }> } =>
  JSON.parse(text)

describe("models recommend", () => {
  it.effect("names what fits, with a source for each, and how to get it", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["models", "recommend", "--memory", "16"])
      assert.strictEqual(code, 0)
      assert.match(out, /^MODEL +SIZE +WHY +SOURCE\n/)
      assert.include(err, "For 16 GiB of memory, as known on 20")
      const small = json((yield* cli(["models", "recommend", "--memory", "4", "--json"])).out)
      assert.deepStrictEqual(
        small.models.map(({ model }) => model),
        ["https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF"]
      )
      assert.isTrue(
        json((yield* cli(["models", "recommend", "--memory", "64", "--json"])).out).models.every(
          ({ source }) => source !== ""
        )
      )
    })
  )

  it.effect("recommends nothing that is not known, and says when nothing fits", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["models", "recommend", "--memory", "1"])
      assert.deepStrictEqual([code, out], [1, ""])
      assert.include(err, "No model that is known to make tool calls fits")
      assert.strictEqual((yield* cli(["models", "recommend", "--memory", "much"])).code, 2)
      assert.strictEqual((yield* cli(["models", "recommend"])).code, 2)
    })
  )
})
