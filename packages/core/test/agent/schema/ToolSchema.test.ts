import { assert, describe, it } from "@effect/vitest"
import * as ToolSchema from "#src/agent/schema/ToolSchema.ts"
import { Effect, Either } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

const compileNew = (name: string): WeakRef<object> => {
  const schema = { type: "object", properties: { [name]: { type: "string", enum: [name] } }, required: [name] }
  assert.isTrue(Either.isRight(ToolSchema.compile(schema)))
  return new WeakRef(schema)
}

describe("ToolSchema", () => {
  it.live("frees the schemas of servers that have gone", () =>
    Effect.gen(function* () {
      const gone = Array.from({ length: 150 }, (_, index) => compileNew(`p${index}`)).slice(0, 50)
      // a weak reference is kept until the current task ends
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      collect()
      assert.strictEqual(gone.filter((schema) => schema.deref() !== undefined).length, 0)
    })
  )

  it("does not count inherited properties as arguments", () => {
    const names = ["constructor", "toString", "valueOf", "hasOwnProperty"]
    const properties = Object.fromEntries(names.map((name) => [name, { type: "string" }]))
    const validate = Either.getOrThrow(ToolSchema.compile({ type: "object", properties, required: ["valueOf"] }))
    assert.deepStrictEqual(ToolSchema.fit(validate, { valueOf: 1 }), Either.right({ valueOf: "1" }))
    assert.deepStrictEqual(ToolSchema.fit(validate, {}), Either.left(['"valueOf" is missing']))
  })
})
