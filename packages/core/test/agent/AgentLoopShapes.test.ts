import { assert, describe, it } from "@effect/vitest"
import * as EndlessReply from "#src/agent/rules/EndlessReply.ts"
import { plain } from "#src/agent/schema/SlimSchema.ts"
import { check, thought } from "#src/agent/schema/StructuredAnswer.ts"
import { ServerFault } from "#src/lmstudio/LmStudioError.ts"
import { Effect, Either, FastCheck } from "effect"
import * as World from "./doubles.ts"

const { call, echo, only, outcomeOf, run, task } = World

const outputSchema = {
  type: "object",
  properties: { count: { type: "integer" }, files: { type: "array", items: { type: "string" } } },
  required: ["count"]
}

describe("StructuredAnswer", () => {
  it.each([
    ["plain JSON", '{"count": 3}', { count: 3 }],
    ["a fence in prose", 'Here:\n```json\n{"count": 3}\n```\nThat is all.', { count: 3 }],
    ["broken JSON", "{count: 3, 'files': ['a',]}", { count: 3, files: ["a"] }],
    ["types that the schema makes plain", '{"count": "3", "files": "a"}', { count: 3, files: ["a"] }]
  ])("reads %s", (_, text, expected) => {
    assert.deepStrictEqual(Either.getOrThrow(check(outputSchema, text)), expected)
  })

  it("says what does not fit", () => {
    assert.deepStrictEqual(Either.getOrThrow(Either.flip(check(outputSchema, "Three files."))), ["it is not JSON"])
    assert.deepStrictEqual(Either.getOrThrow(Either.flip(check(outputSchema, "{}"))), ['"count" is missing'])
    assert.deepStrictEqual(Either.getOrThrow(Either.flip(check(outputSchema, "```\n{}\n```\n```\n{}\n```"))), [
      "it is not JSON"
    ])
    assert.deepStrictEqual(Either.getOrThrow(check({ type: "array" }, "[1]")), [1])
  })
})

describe("an answer in the reasoning", () => {
  it.each([
    ["all of it", '{"count": 3}', '{"count": 3}'],
    ["at its end", 'There are {three}.\nSo:\n{"count": 3}', '{"count": 3}'],
    ["over several lines", 'So:\n{\n  "count": 3\n}', '{\n  "count": 3\n}'],
    ["in a fence", 'So:\n```json\n{"count": 3}\n```\nDone.', '{"count": 3}'],
    ["the last of two", '{"count": 1}\nNo:\n{"count": 3}', '{"count": 3}']
  ])("is %s", (_, reasoning, answer) => {
    assert.deepStrictEqual(thought(outputSchema, reasoning), { answer, structured: { count: 3 } })
  })

  it.each([
    ["JSON that does not fit", '{"number": 3}'],
    ["broken JSON", '{"count": 3'],
    ["words behind it", '{"count": 3}\nBut is that so?'],
    ["words", "I think there are three."]
  ])("is not %s", (_, reasoning) => {
    assert.isUndefined(thought(outputSchema, reasoning))
    assert.isUndefined(thought({ type: "string" }, "I think."))
  })

  it("is searched for in a bounded number of steps", () => {
    assert.isUndefined(thought(outputSchema, "{\n".repeat(20_000)))
    FastCheck.assert(
      FastCheck.property(FastCheck.string(), (reasoning) => {
        const found = thought(outputSchema, reasoning)
        assert.isTrue(found === undefined || reasoning.includes(found.answer))
      })
    )
  })
})

describe("AgentLoop: replies of a given shape", () => {
  it.effect("accepts an answer that fits, after ordinary work with tools", () =>
    Effect.gen(function* () {
      const outcome = outcomeOf(yield* run(task({ outputSchema })))
      const { requests } = yield* World.Seen
      assert.deepStrictEqual(outcome.structured, { count: 1 })
      assert.strictEqual(outcome.status, "done")
      assert.isUndefined(requests[0]?.responseSchema)
      assert.isDefined(requests[0]?.tools)
    }).pipe(
      Effect.provide(
        World.layer({ turns: [[call("echo", { message: "a" })], '{"count": 1}'], servers: { main: { echo } } })
      )
    )
  )

  it.effect("asks again with the schema and the problem, and for no call", () =>
    Effect.gen(function* () {
      const outcome = outcomeOf(yield* run(task({ outputSchema })))
      const { requests } = yield* World.Seen
      assert.deepStrictEqual(outcome.structured, { count: 2 })
      assert.deepStrictEqual(requests[1]?.responseSchema, { name: "answer", schema: outputSchema })
      assert.strictEqual(requests[1]?.toolChoice, "none")
      assert.deepStrictEqual(requests[1]?.tools, requests[0]?.tools)
      assert.include(String(requests[1]?.messages.at(-1)?.content), "it is not JSON")
      assert.include(String(requests[2]?.messages.at(-1)?.content), '"count" is missing')
    }).pipe(Effect.provide(World.layer({ turns: ["Two files.", "{}", '{"count": 2}'], servers: { main: { echo } } })))
  )

  it.effect("gives up after two more attempts, with the last text", () =>
    Effect.gen(function* () {
      const outcome = outcomeOf(yield* run(task({ outputSchema })))
      // one more, because the engine may ignore a schema once
      const { requests } = yield* World.Seen
      assert.strictEqual(requests.length, 4)
      // its grammar may support only one of schema and tools
      assert.isDefined(requests[1]?.tools)
      assert.isUndefined(requests[2]?.tools)
      assert.isUndefined(requests[2]?.toolChoice)
      assert.deepInclude(outcome, { status: "failed", answer: "no 3" })
      assert.strictEqual(outcome.problem?.tag, "AnswerNotValid")
      assert.isUndefined(outcome.structured)
    }).pipe(Effect.provide(World.layer({ turns: (index) => `no ${index}`, servers: { main: { echo } } })))
  )

  it.effect("sends the schema at once when there are no tools, and with the final request", () =>
    Effect.gen(function* () {
      yield* run(task({ outputSchema }))
      assert.isDefined((yield* World.Seen).requests[0]?.responseSchema)
    }).pipe(
      Effect.provide(World.layer({ turns: ['{"count": 1}'] })),
      Effect.zipRight(
        Effect.gen(function* () {
          const outcome = outcomeOf(
            yield* run(task({ outputSchema, budgets: { rounds: 1, wallMillis: 1000, toolCalls: 9 } }))
          )
          assert.isDefined((yield* World.Seen).requests[1]?.responseSchema)
          assert.deepInclude(outcome, { status: "budget", budget: "rounds" })
          assert.deepStrictEqual(outcome.structured, { count: 4 })
        }).pipe(
          Effect.provide(
            World.layer({ turns: [[call("echo", { message: "a" })], '{"count": 4}'], servers: { main: { echo } } })
          )
        )
      )
    )
  )

  it.effect("requests only the arguments, by the tool's schema, after two calls that did not fit", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const { calls, requests } = yield* World.Seen
      assert.strictEqual(requests[2]?.responseSchema?.name, "arguments")
      assert.deepStrictEqual(requests[2]?.responseSchema?.schema["required"], ["message"])
      assert.strictEqual(requests[2]?.toolChoice, "none")
      assert.deepStrictEqual(requests[2]?.tools, requests[0]?.tools)
      assert.deepStrictEqual(
        calls.map(({ args }) => args),
        [{ message: "now" }]
      )
      assert.isUndefined(requests[3]?.responseSchema)
      assert.isDefined(requests[3]?.tools)
      assert.strictEqual(outcomeOf(events).answer, "It said now.")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("echo", "{}")], [call("echo", '{"mesage":"x"}')], '{"message":"now"}', "It said now."],
          servers: { main: { echo } }
        })
      )
    )
  )

  it.effect("sends plain schemas when the engine cannot build a grammar from the full ones", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const { requests } = yield* World.Seen
      assert.strictEqual(outcomeOf(events).status, "done")
      assert.property(requests[0]?.tools?.[0]?.parameters["properties"], "message")
      assert.notDeepEqual(requests[0]?.tools, requests[1]?.tools)
      assert.deepStrictEqual(requests[1]?.tools?.[0]?.parameters, {
        type: "object",
        properties: { message: { type: "string" } },
        required: ["message"]
      })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            { fail: new ServerFault({ operation: "chat", reason: "Grammar", serverMessage: "", delivered: 0 }) },
            "ok"
          ],
          servers: {
            main: {
              echo: {
                ...echo,
                schema: {
                  type: "object",
                  properties: { message: { type: "string", pattern: "^a", maxLength: 100_000 } },
                  required: ["message"],
                  additionalProperties: false
                }
              }
            }
          }
        })
      )
    )
  )

  it("simplifies a schema without losing what a call needs", () => {
    assert.deepStrictEqual(
      plain({
        name: "t",
        description: "",
        parameters: {
          type: "object",
          properties: {
            at: { anyOf: [{ type: "string" }, { type: "integer" }] },
            ref: { $ref: "#/$defs/x" },
            list: { type: "array", items: { enum: ["a"], minLength: 1 }, minItems: 1 }
          },
          $defs: { x: {} }
        }
      }).parameters,
      { type: "object", properties: { at: {}, ref: {}, list: { type: "array", items: { enum: ["a"] } } } }
    )
  })

  it.effect("stops a reply that repeats itself endlessly, and asks again", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      assert.strictEqual(only(events, "ModelFailed")[0]?.problem.tag, "ReplyRepeats")
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "Fine." })
    }).pipe(Effect.provide(World.layer({ turns: [{ never: true, after: "and then, ".repeat(400) }, "Fine."] })))
  )

  it("does not mistake tables, lists and ruled lines for repetition", () => {
    const guarded = (text: string) => {
      const guard = EndlessReply.make()
      return [...text.matchAll(/[\s\S]{1,7}/g)].some(([piece]) => guard.push(piece))
    }
    assert.isFalse(guarded(Array.from({ length: 400 }, (_, n) => `| row ${n} | yes | no |`).join("\n")))
    assert.isFalse(guarded(`${"=".repeat(1500)}\n${"text ".repeat(100)}`))
    assert.isTrue(guarded(`Well. ${"I am sure. ".repeat(400)}`))
  })
})
