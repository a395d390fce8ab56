import { assert, describe, it } from "@effect/vitest"
import type { Approval } from "@lms-bridge/core/AgentLoop"
import { approver, choiceOf } from "#src/protocol/Approval.ts"
import { Elicit, type Form, type FormAnswer } from "#src/protocol/CallContext.ts"
import { Effect, Option } from "effect"

describe("an answer over MCP", () => {
  it("is a choice in words, and nothing else", () => {
    assert.strictEqual(choiceOf({ action: "accept", content: { answer: "Allow once" } }), "Allow once")
    for (const content of [undefined, null, "yes", {}, { answer: true }, { answer: "allow once" }, { allow: true }]) {
      assert.strictEqual(choiceOf({ action: "accept", content }), "none")
    }
    // a client may send the form along with a refusal
    assert.strictEqual(choiceOf({ action: "decline", content: { answer: "Allow once" } }), "Refuse")
    assert.strictEqual(choiceOf({ action: "cancel", content: { answer: "Allow once" } }), "Refuse")
  })
})

const chosen = (answer: string): FormAnswer => ({ action: "accept", content: { answer } })

/** The answers to as many calls of one tool, and the questions. */
const asked = Effect.fnUntraced(function* (calls: number, answers: ReadonlyArray<FormAnswer>) {
  const messages: Array<string> = []
  const ask = (form: Form | { readonly message: string }) =>
    Effect.sync(() => answers[messages.push(form.message) - 1] ?? { action: "cancel" as const })
  const person = yield* Effect.provideService(approver, Elicit, Option.some({ who: {}, opensPages: false, ask }))
  const found: Array<Approval> = []
  for (let call = 0; call < calls; call++) {
    const request = { server: "files", tool: "write", arguments: { path: "a" }, reason: "it writes" }
    if (Option.isSome(person)) found.push(yield* person.value(request))
  }
  return { found, messages }
})

describe("the person at the other end", () => {
  it.effect("allows one call, refuses one, and allows all calls of a tool in a run", () =>
    Effect.gen(function* () {
      const { found, messages } = yield* asked(4, [
        chosen("Allow once"),
        chosen("Refuse"),
        chosen("Allow this tool for this run")
      ])
      assert.deepStrictEqual(found, [true, false, true, true])
      assert.strictEqual(messages.length, 3)
      assert.strictEqual(messages[0], "The local model wants to call write of files with path: a. It writes.")
    })
  )

  it.effect("is asked once more after a form without a choice, and then the model is told", () =>
    Effect.gen(function* () {
      const empty = { action: "accept" } as const
      const once = yield* asked(1, [empty, chosen("Allow once")])
      assert.deepStrictEqual(once.found, [true])
      assert.match(once.messages[1] ?? "", /^Nothing was chosen, so this is asked once more\. The local model/)
      const never = yield* asked(1, [empty, empty])
      assert.deepStrictEqual(never.found, [{ unclear: "the person accepted the question, but chose no answer" }])
    })
  )
})
