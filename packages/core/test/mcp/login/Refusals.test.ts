import { assert, describe, it } from "@effect/vitest"
import * as Refusals from "#src/mcp/login/Refusals.ts"
import { Effect } from "effect"

describe("the refusal of a server", () => {
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

  it.effect("is reported before it is passed on unchanged", () =>
    Effect.gen(function* () {
      const body = '{"error_description":"Ask the owner of group 12."}'
      assert.deepStrictEqual(yield* asked(new Response(body, { status: 403 })), {
        told: ["Ask the owner of group 12."],
        text: body
      })
    })
  )

  it.effect("is redacted before anything is cut", () =>
    Effect.gen(function* () {
      const { told } = yield* asked(new Response(`${"x".repeat(292)} my-token`, { status: 401 }))
      assert.notInclude(told.join(""), "my-")
    })
  )

  it.effect("is read only as far as needed, even if it never ends", () =>
    Effect.gen(function* () {
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new TextEncoder().encode("no ".repeat(1000)))
      })
      const { told } = yield* asked(new Response(endless, { status: 401 }))
      assert.match(told.join(""), /^no no/)
    })
  )

  it.effect("is not reported when access is granted", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* asked(new Response("hello"))).told, [])
    })
  )
})
