import { assert, describe, it } from "@effect/vitest"
import { CurrentElicitation, type ElicitationRequest } from "@lms-bridge/core/McpRegistry"
import { Effect, Option } from "effect"
import { cli } from "../OverDoubles.ts"

/** What `mcp call` prints when the tool passes on what the person answers. */
const asking = (question: ElicitationRequest, lines?: ReadonlyArray<string>) =>
  cli(["mcp", "call", "s", "t"], {
    ...(lines === undefined ? {} : { screen: { lines } }),
    mcp: {
      tools: () => Effect.succeed([{ server: "s", name: "t", description: "", inputSchema: {}, annotations: {} }]),
      call: () =>
        Effect.flatMap(
          CurrentElicitation,
          Option.match({
            onNone: () => Effect.succeed("nobody"),
            onSome: (person) => Effect.map(person.ask(question), (answer) => JSON.stringify(answer))
          })
        ).pipe(Effect.map((text) => ({ content: [{ type: "text" as const, text }], isError: false })))
    }
  })

const form = (
  properties: Readonly<Record<string, object>>,
  required: ReadonlyArray<string> = []
): ElicitationRequest => ({
  _tag: "Form",
  server: "calendar",
  message: "Where to?",
  schema: { properties, required }
})

const booking = form(
  {
    name: { type: "string", title: "Your name", minLength: 2 },
    seats: { type: "integer", minimum: 1, default: 2 },
    window: { type: "boolean", description: "A seat at the window" },
    meal: { type: "string", enum: ["v", "f"], enumNames: ["Vegetables", "Fish"] },
    days: { type: "array", items: { anyOf: [{ const: "mo", title: "Monday" }, { const: "tu" }] } }
  },
  ["name"]
)

describe("questions of MCP servers at the terminal", () => {
  it.effect("say who asks and what for, and are answered field by field", () =>
    Effect.gen(function* () {
      const lines = ["y", "A", "Ada", "", "maybe", "y", "3", "Fish", "1, tu"]
      const { err, out } = yield* asking(booking, lines)
      assert.deepStrictEqual(JSON.parse(out), {
        action: "accept",
        content: { name: "Ada", seats: 2, window: true, meal: "f", days: ["mo", "tu"] }
      })
      assert.strictEqual(
        err,
        [
          "MCP server calendar asks: Where to?",
          "It wants to know: name, seats?, window?, meal?, days?. Answer it? [y/N]",
          "Your name",
          "It must have at least 2 characters.",
          "Your name",
          "seats (empty for 2)",
          "window: A seat at the window (y or n; may be empty)",
          "Answer with y or n.",
          "window: A seat at the window (y or n; may be empty)",
          "meal (a number; may be empty)\n  1  Vegetables\n  2  Fish",
          "Give a number from 1 to 2.",
          "meal (a number; may be empty)\n  1  Vegetables\n  2  Fish",
          "days (numbers, comma-separated; may be empty)\n  1  Monday\n  2  tu"
        ].join("\n")
      )
    })
  )

  it.effect("are declined by anything but a yes, and cancelled when the input ends", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(JSON.parse((yield* asking(booking, [""])).out), { action: "decline" })
      assert.deepStrictEqual(JSON.parse((yield* asking(booking, [])).out), { action: "cancel" })
      assert.deepStrictEqual(JSON.parse((yield* asking(booking, ["y", "Ada"])).out), { action: "cancel" })
    })
  )

  it.effect("are asked of nobody where there is no terminal", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* asking(booking)).out, "nobody")
    })
  )

  it.effect("show the whole address of a page, without control characters", () =>
    Effect.gen(function* () {
      const page = {
        _tag: "Page",
        server: "bank\u001b[2J",
        message: "Sign in.",
        url: "https://bank.example/login?a=1",
        id: "1"
      } as const
      const { err, out } = yield* asking(page, ["yes"])
      assert.deepStrictEqual(JSON.parse(out), { action: "accept" })
      assert.include(err, "It wants you to open https://bank.example/login?a=1")
      assert.notInclude(err, "\u001b")
    })
  )
})
