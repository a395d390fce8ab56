import { assert, describe, it } from "@effect/vitest"
import type { ServerContext } from "@modelcontextprotocol/server"
import type { ClientRequest } from "#src/protocol/CallContext.ts"
import { person } from "#src/protocol/eras/Asking.ts"
import * as Questions from "#src/protocol/eras/Questions.ts"
import { Data, Effect, Exit, Option, TestClock } from "effect"

const form = { message: "Who?", requestedSchema: { type: "object" as const, properties: {} } }

const can = { elicitation: {}, sampling: {}, roots: {} }

interface Asks {
  readonly [key: string]: unknown
  readonly resultType?: string
  readonly inputRequests?: Readonly<Record<string, ClientRequest>>
  readonly requestState?: string
}

class Refused extends Data.TaggedError("Refused")<{ readonly message: string }> {}

/** A request of a client, as far as questions look at it. */
const world = Effect.map(Questions.make, ({ begin, resume, verify }) => {
  const contextOf = (client: string, method = "tools/call", state?: unknown, inputResponses?: object) =>
    ({
      http: { authInfo: { clientId: client } },
      mcpReq: { method, requestState: () => state, inputResponses }
    }) as object as ServerContext
  return {
    begin: (work: Parameters<typeof begin<object>>[3], abilities: object = can) =>
      Effect.map(begin(contextOf("ada"), "tool", abilities, work), (result) => result as Asks),
    /** The client's next request, which brings the state. */
    again: (
      state: string | undefined,
      inputResponses: object = {},
      { client = "ada", method = "tools/call", name = "tool" } = {}
    ): Effect.Effect<Asks, Refused> =>
      Effect.flatMap(
        Effect.tryPromise({
          try: () => verify(state ?? "", contextOf(client, method)),
          catch: (error) => new Refused({ message: String(error) })
        }),
        (payload) =>
          Effect.map(
            Effect.mapError(
              resume(contextOf(client, method, payload, inputResponses), name) ?? Effect.succeed({}),
              ({ message }) => new Refused({ message })
            ),
            (it): Asks => it
          )
      )
  }
})

const accepted = (content: object) => ({ action: "accept", content })

describe("questions in the middle of a call", () => {
  it.scoped("end the call honestly when nobody answers, and then wait no more", () =>
    Effect.gen(function* () {
      const { again, begin } = yield* world
      const ended: Array<unknown> = []
      const first = yield* begin((asking) =>
        Effect.map(Option.getOrThrow(person(asking, {}, "modern")).ask(form), (answer) => {
          ended.push(answer)
          return {}
        })
      )
      assert.strictEqual(first.resultType, "input_required")
      yield* TestClock.adjust("9 minutes")
      assert.deepStrictEqual(ended, [])
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(ended, [{ action: "cancel" }])
      assert.isTrue(Exit.isFailure(yield* Effect.exit(again(first.requestState, { answer: accepted({}) }))))
    })
  )

  it.scoped("are asked again one by one until each has a valid answer; others are not looked at", () =>
    Effect.gen(function* () {
      const { again, begin } = yield* world
      const roots = { roots: [{ uri: "file:///work", name: "work" }] }
      const first = yield* begin((asking) =>
        asking.ask({
          name: { method: "elicitation/create", params: form },
          reply: { method: "sampling/createMessage", params: {} },
          folders: { method: "roots/list", params: {} }
        })
      )
      assert.deepStrictEqual(Object.keys(first.inputRequests ?? {}), ["name", "reply", "folders"])
      const reply = { role: "assistant", content: { type: "text", text: "Paris" }, model: "m" }
      const second = yield* again(first.requestState, {
        name: 12_345,
        reply,
        folders: { roots: "none" },
        other: accepted({})
      })
      assert.deepStrictEqual(Object.keys(second.inputRequests ?? {}), ["name", "folders"])
      const third = yield* again(second.requestState, { wrong: accepted({ name: "Eve" }), folders: roots })
      assert.deepStrictEqual(Object.keys(third.inputRequests ?? {}), ["name"])
      const done = yield* again(third.requestState, { name: accepted({ name: "Ada" }), reply: "another" })
      assert.deepStrictEqual(done, { name: accepted({ name: "Ada" }), reply, folders: roots })
      // each answer counts once, under every state that was given out
      for (const { requestState } of [first, second, third]) {
        assert.isTrue(Exit.isFailure(yield* Effect.exit(again(requestState, { name: accepted({}) }))))
      }
    })
  )

  it.scoped("are refused with a state that is forged, of another client, another method or another tool", () =>
    Effect.gen(function* () {
      const { again, begin } = yield* world
      const { requestState = "" } = yield* begin(({ ask }) => ask({ a: { method: "roots/list", params: {} } }))
      const answers = { a: { roots: [] } }
      const others = [
        again(`${requestState}x`, answers),
        again(requestState, answers, { client: "eve" }),
        again(requestState, answers, { method: "prompts/get" }),
        again(requestState, answers, { name: "another" })
      ]
      for (const [index, other] of others.entries()) {
        const { message } = yield* Effect.flip(Effect.asVoid(other))
        assert.include(message, index === 0 ? "was changed on the way" : "of another call")
      }
      assert.deepStrictEqual(yield* again(requestState, answers), answers)
    })
  )

  it.scoped("are not put to a client that did not say it can answer them; the call ends", () =>
    Effect.gen(function* () {
      const { begin } = yield* world
      const ends = { interrupted: false }
      const failure = yield* Effect.flip(
        begin(
          ({ ask }) =>
            Effect.onInterrupt(ask({ reply: { method: "sampling/createMessage", params: {} } }), () =>
              Effect.sync(() => (ends.interrupted = true))
            ),
          { elicitation: {} }
        )
      )
      assert.deepInclude(failure, { code: -32_021, data: { requiredCapabilities: { sampling: {} } } })
      yield* TestClock.adjust("1 second")
      assert.isTrue(ends.interrupted)
    })
  )
})
