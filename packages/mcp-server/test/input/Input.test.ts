import { assert, describe, it } from "@effect/vitest"
import { withoutNulls } from "#src/input/WithoutNulls.ts"
import type { Tool } from "#src/tools/Tool.ts"
import * as Tools from "#src/tools/Tools.ts"
import { Effect, FastCheck, Schema } from "effect"
import { optional } from "@lms-bridge/core/Json"

describe("a null in an argument", () => {
  const Step = Schema.Union(Schema.String, Schema.Struct({ task: Schema.String, folder: optional(Schema.String) }))
  const Input = Schema.Struct({
    steps: Schema.Array(Step),
    choice: optional(Schema.NullOr(Schema.Struct({ kind: Schema.String, why: optional(Schema.String) }))),
    schema: optional(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
  })
  it("counts as absent where the schema has no null, at any depth", () => {
    const given = { steps: ["a", { task: "b", folder: null }], choice: { kind: "x", why: null, other: null } }
    assert.deepStrictEqual(withoutNulls(Input.ast, given), { steps: ["a", { task: "b" }], choice: { kind: "x" } })
  })
  it("stays where it is a value, or inside a record of the caller's", () => {
    const given = { steps: [], choice: null, schema: { const: null, properties: { a: { default: null } } } }
    assert.deepStrictEqual(withoutNulls(Input.ast, given), given)
  })
  it("removed from any JSON leaves something that is no larger", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.jsonValue(), (given) => {
        const size = (value: unknown) => JSON.stringify(value)?.length ?? 0
        assert.isAtMost(size(withoutNulls(Input.ast, given)), size(given))
      })
    )
  })
})

describe("a wrong argument", () => {
  // it is refused before any service is needed
  const tools = Tools.allTools as ReadonlyArray<Tool<never>>
  const refusal = (name: string, input: Readonly<Record<string, unknown>>) =>
    Effect.suspend(() => {
      const tool = tools.find((tool) => tool.name === name)
      const progress = { tell: () => Effect.void, note: () => Effect.void }
      return tool === undefined ? Effect.dieMessage(name) : Effect.flip(tool.call(input, progress))
    }).pipe(Effect.map(({ message }) => message))

  it.effect("is described in one sentence, whatever it is", () =>
    Effect.gen(function* () {
      assert.include(
        yield* refusal("vision_analyze", { task: "t", images: "a", detail: "medium" }),
        'vision_analyze: "detail" must be one of auto, low, high, not "medium". It takes'
      )
      assert.include(
        yield* refusal("lms_resolve_model", { model_key: "m", task_type: "poetry" }),
        '"task_type" must be one of coding, reasoning, chat, analysis, vision, not "poetry".'
      )
      assert.include(
        yield* refusal("generate_embeddings", { text: [] }),
        '"text" must be a string or a list that is not empty, not [].'
      )
      assert.include(
        yield* refusal("chat_completion", { prompt: "p", max_tokens: "many" }),
        '"max_tokens" must be a number or auto, not "many".'
      )
      assert.include(
        yield* refusal("autonomous_persistent_session", { tasks: [{ task: 5 }] }),
        'session: "tasks.0.task" must be a string, not 5.'
      )
      for (const name of ["list_models", "list_available_mcps", "health_check"]) {
        const words = `${name}: there is no argument "loaded". It takes no arguments.`
        assert.strictEqual(yield* refusal(name, { random_string: "", loaded: true }), words)
      }
      assert.include(
        yield* refusal("get_model_info", { model_name: "m", ["x".repeat(1000)]: 1 }),
        "there is no argument"
      )
    })
  )

  it.effect("is quoted with 200 characters at most", () =>
    Effect.gen(function* () {
      for (const long of ["x".repeat(5000), { deep: "y".repeat(5000) }, Array.from({ length: 5000 }, () => 1)]) {
        const message = yield* refusal("chat_completion", { prompt: "p", temperature: long, ["z".repeat(5000)]: 1 })
        assert.isBelow(message.length, 700)
      }
    })
  )
})
