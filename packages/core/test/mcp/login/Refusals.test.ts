import { assert, describe, it } from "@effect/vitest"
import * as Refusals from "#src/mcp/login/Refusals.ts"
import { Effect } from "effect"

describe("the answer of a server that lets nobody in", () => {
  const asked = (response: Response) =>
    Effect.promise(() => {
      const told: Array<string> = []
      const redact = (text: string) => text.replaceAll("my-token", "<redacted>")
      const fetch = Refusals.noted(
        () => Promise.resolve(response),
        redact,
        (reason) => told.push(reason)
      )
      return fetch("https://mcp.example/mcp").then(async (answer) => ({ told, text: await answer.text() }))
    })

  it.effect("tells its reason before it is handed on, as it was", () =>
    Effect.gen(function* () {
      const body = '{"error_description":"Ask the owner of group 12."}'
      assert.deepStrictEqual(yield* asked(new Response(body, { status: 403 })), {
        told: ["Ask the owner of group 12."],
        text: body
      })
    })
  )

  it.effect("has its secrets taken out before anything is cut", () =>
    Effect.gen(function* () {
      const { told } = yield* asked(new Response(`${"x".repeat(292)} my-token`, { status: 401 }))
      assert.notInclude(told.join(""), "my-")
    })
  )

  it.effect("is read no further than a reason needs, though it never ends", () =>
    Effect.gen(function* () {
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new TextEncoder().encode("no ".repeat(1000)))
      })
      const { told } = yield* asked(new Response(endless, { status: 401 }))
      assert.match(told.join(""), /^no no/)
    })
  )

  it.effect("tells nothing where it let us in", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* asked(new Response("hello"))).told, [])
    })
  )
})
