import { assert, describe, it } from "@effect/vitest"
import { model } from "#src/state/Catalogue.ts"
import type { ChatTemplate } from "#src/model/ChatTemplates.ts"
import type { Settings } from "#src/Settings.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { Effect } from "effect"
import { present } from "@lms-bridge/core/Json"
import { atPath, post } from "../asked.ts"

const user = { role: "user", content: "u" }
const system = { role: "system", content: "s" }
const said = { role: "assistant", content: "a" }
const call = {
  role: "assistant",
  content: "",
  tool_calls: [{ id: "1", type: "function", function: { name: "t", arguments: "{}" } }]
}
const result = { role: "tool", tool_call_id: "1", content: "r" }
const tool = {
  type: "function",
  function: { name: "t", description: "", parameters: { type: "object", properties: {} } }
}

describe("tools that LM Studio refuses", () => {
  const withParameters = (...all: ReadonlyArray<unknown>) => ({
    model: "m",
    messages: [user],
    tools: all.map((parameters, index) => ({ type: "function", function: { name: `t${index}`, parameters } }))
  })

  it.scoped("J: are listed as issues with their places in the request", () =>
    Effect.gen(function* () {
      const { status, textAt } = yield* post(
        "/v1/chat/completions",
        withParameters(
          { type: "object", properties: {} },
          {},
          { type: "object" },
          { type: "object", properties: [] },
          { type: "object", properties: {}, required: null },
          { type: ["object"], properties: {} },
          { type: "object", properties: {}, additionalProperties: {} },
          null
        )
      )
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(
        (JSON.parse(textAt("error")) as ReadonlyArray<unknown>).map((issue) => atPath(issue, "path")),
        [
          [1, "function", "parameters", "type"],
          [2, "function", "parameters", "properties"],
          [3, "function", "parameters", "properties"],
          [4, "function", "parameters", "required"],
          [5, "function", "parameters", "type"],
          [6, "function", "parameters", "additionalProperties"],
          [7, "function", "parameters"]
        ]
      )
    }).pipe(Effect.provide(answering()))
  )

  it.scoped("J: are named by `param` on /v1/responses", () =>
    Effect.gen(function* () {
      const { status, textAt } = yield* post("/v1/responses", {
        model: "m",
        input: "u",
        tools: [{ type: "mcp" }, { type: "function", name: "t", parameters: { type: "object" } }]
      })
      assert.strictEqual(status, 400)
      assert.strictEqual(textAt("error.param"), "tools.1")
    }).pipe(Effect.provide(answering()))
  )

  it.scoped("accepts valid tools, and tools without parameters", () =>
    Effect.gen(function* () {
      const { status } = yield* post(
        "/v1/chat/completions",
        withParameters(undefined, { type: "object", properties: {} })
      )
      assert.strictEqual(status, 200)
    }).pipe(Effect.provide(answering()))
  )
})

const answering = (template?: ChatTemplate, settings: Partial<Settings> = {}) =>
  SimulatorLayers.layer({
    settings,
    models: [model("m", template === undefined ? {} : { template })],
    script: [{ text: "Hello" }]
  })

const rows: ReadonlyArray<
  readonly [ChatTemplate, ReadonlyArray<unknown>, string | undefined, ReadonlyArray<unknown>?]
> = [
  ["mistral", [system, user, call, result], undefined],
  ["mistral", [system, user, call, result, call, result, said, user], undefined],
  ["mistral", [user, call, result, user], "conversation roles must alternate"],
  ["mistral", [user, user], "conversation roles must alternate"],
  ["mistral", [user, said, said], "conversation roles must alternate"],
  ["mistral", [system, system, user], "got system"],
  ["mistral", [user, result], "must follow the assistant message"],
  ["mistral", [user, call, said], "Not the same number of function calls"],
  ["gemma", [user, said, user], undefined],
  ["gemma", [system, user], "System role not supported"],
  ["gemma", [user, call, result], "roles must alternate"],
  ["two-roles", [user, said, user], undefined],
  ["two-roles", [user, call, result], "Only user and assistant roles are supported!"],
  ["no-tools", [system, user], undefined],
  ["no-tools", [system, user], "Cannot call something that is not a function", [tool]]
]

describe("chat templates that refuse", () => {
  for (const [template, messages, words, tools] of rows) {
    const roles = messages.map((message) => atPath(message, "role")).join(", ")
    it.scoped(
      `J: ${template} ${words === undefined ? "takes" : "refuses"} ${roles}${tools === undefined ? "" : " with tools"}`,
      () =>
        Effect.gen(function* () {
          const body = { model: "m", messages, ...present({ tools }) }
          const { status, textAt } = yield* post("/v1/chat/completions", body)
          assert.strictEqual(status, words === undefined ? 200 : 400)
          if (words !== undefined) {
            assert.include(textAt("error.message"), words)
            assert.include(textAt("error.message"), "Error rendering prompt with jinja template")
          }
        }).pipe(Effect.provide(answering(template)))
    )
  }

  it.scoped("J: an engine reports it as a 500 with its own JSON inside", () =>
    Effect.gen(function* () {
      const { status, textAt } = yield* post("/v1/chat/completions", { model: "m", messages: [system, user] })
      assert.strictEqual(status, 500)
      assert.include(textAt("error.message"), "Engine protocol predict request returned 500")
    }).pipe(Effect.provide(answering("gemma", { templateErrors: "engine" })))
  )
})
