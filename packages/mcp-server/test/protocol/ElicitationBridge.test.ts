import { assert, describe, it } from "@effect/vitest"
import type { ElicitationRequest } from "@lms-bridge/core/McpRegistry"
import * as Attendance from "#src/protocol/ElicitationBridge.ts"
import { Elicit, type FormAnswer } from "#src/protocol/CallContext.ts"
import { Effect, Option } from "effect"

/** What the client is asked, and what the server hears. */
const passedOn = Effect.fnUntraced(function* (question: ElicitationRequest, answer: FormAnswer) {
  const asked: Array<unknown> = []
  const ask = (what: unknown) => {
    asked.push(what)
    return Effect.succeed(answer)
  }
  const person = yield* Effect.flatten(Attendance.person).pipe(
    Effect.provideService(Elicit, Option.some({ who: "client", opensPages: true, ask }))
  )
  const heard = yield* person.ask(question)
  return { asked: asked[0], heard }
})

const form: ElicitationRequest = {
  _tag: "Form",
  server: "calendar",
  message: "Which day?",
  schema: { properties: { day: { type: "string" } }, required: ["day"] }
}

describe("questions of a run's MCP servers", () => {
  it.effect("are passed on to the client with the server's name, and the answer is returned unchanged", () =>
    Effect.gen(function* () {
      const { asked, heard } = yield* passedOn(form, { action: "accept", content: { day: "Monday" } })
      assert.deepStrictEqual(heard, { action: "accept", content: { day: "Monday" } })
      assert.deepStrictEqual(asked, {
        message: 'The MCP server "calendar" asks: Which day?',
        requestedSchema: { type: "object", properties: { day: { type: "string" } }, required: ["day"] }
      })
    })
  )

  it.effect("are declined when the person declines, whatever was filled in", () =>
    Effect.gen(function* () {
      const { heard } = yield* passedOn(form, { action: "decline", content: { day: "Monday" } })
      assert.deepStrictEqual(heard, { action: "decline" })
    })
  )

  it.effect("go to nobody where the client cannot ask", () =>
    Effect.gen(function* () {
      assert.isTrue(Option.isNone(yield* Attendance.person))
    })
  )

  it.effect("send a page under an id that two servers cannot share", () =>
    Effect.gen(function* () {
      const page: ElicitationRequest = {
        _tag: "Page",
        server: "bank",
        message: "Sign in.",
        url: "https://bank.example",
        id: "1"
      }
      const { asked } = yield* passedOn(page, { action: "accept" })
      assert.deepInclude(asked, { url: "https://bank.example", elicitationId: "bank:1" })
    })
  )
})
