import { assert, describe, it } from "@effect/vitest"
import { read, shownAnswer } from "#src/agent/rules/BoundReply.ts"
import type { ChatReply } from "#src/lmstudio/Chat.ts"
import { Effect } from "effect"
import * as World from "../doubles.ts"

const { echo, only, outcomeOf, run, task, text, tool } = World

const reply = (content: string, more: Partial<ChatReply> = {}): ChatReply => ({
  model: "m",
  content,
  reasoning: "",
  toolCalls: [],
  finishReason: "stop",
  firstTokenMillis: 0,
  totalMillis: 0,
  ...more
})

const step = (name: string, args: unknown) => JSON.stringify({ tool: name, arguments: args })

const isCalled = (result: ChatReply | undefined) => result?.toolCalls.map(({ arguments: args, name }) => [name, args])

describe("BoundReply", () => {
  it("reads a call and an answer", () => {
    assert.deepStrictEqual(isCalled(read(reply(step("echo", { message: "a" })), { structured: false })), [
      ["echo", '{"message":"a"}']
    ])
    assert.strictEqual(read(reply(step("answer", { text: "It is 5." })), { structured: false })?.content, "It is 5.")
    assert.strictEqual(read(reply(step("answer", { result: "5" })), { structured: false })?.content, "5")
    assert.strictEqual(read(reply(step("answer", { sum: 5 })), { structured: true })?.content, '{"sum":5}')
  })

  it("reads a step in a fence, one that a thinking model left in its reasoning, and one with mistakes", () => {
    assert.deepStrictEqual(isCalled(read(reply("```json\n" + step("echo", {}) + "\n```"), { structured: false })), [
      ["echo", "{}"]
    ])
    assert.deepStrictEqual(
      isCalled(read(reply("", { reasoning: `I look.\n${step("echo", {})}` }), { structured: false })),
      [["echo", "{}"]]
    )
    assert.deepStrictEqual(isCalled(read(reply("{'tool': 'echo', 'arguments': {},}"), { structured: false })), [
      ["echo", "{}"]
    ])
  })

  it("keeps numbers exact", () => {
    assert.deepStrictEqual(
      isCalled(read(reply('{"tool":"get","arguments":{"id":12345678901234567890}}'), { structured: false })),
      [["get", '{"id":12345678901234567890}']]
    )
  })

  it("gives what there is of a truncated answer, and a truncated call as it is", () => {
    const cut = { finishReason: "length" }
    assert.strictEqual(
      read(reply('{"tool": "answer", "arguments": {"text": "One \\"two', cut), { structured: false })?.content,
      'One "two'
    )
    assert.deepStrictEqual(
      isCalled(read(reply('{"tool": "write", "arguments": {"text": "One', cut), { structured: false })),
      [["write", '{"text": "One']]
    )
  })

  it("leaves plain text alone", () => {
    assert.isUndefined(read(reply("It is 5."), { structured: false }))
    assert.isUndefined(read(reply('{"sum": 5}'), { structured: false }))
  })

  it("shows the words of an answer while they come in, and nothing of a call", () => {
    const shown = (all: string) => {
      const { push } = shownAnswer()
      return [...all].map(push).join("")
    }
    assert.strictEqual(shown('{ "tool": "answer", "arguments": {"text": "a \\"b\\" \\u00e9\\n"}}'), 'a "b" é\n')
    assert.strictEqual(shown(step("echo", { text: "a" })), "")
  })
})

const bound = (changes = {}) => task({ toolForm: "bound", ...changes })

const namesIn = (request: unknown) =>
  (request as { responseSchema: { schema: { properties: { tool: { enum: ReadonlyArray<string> } } } } }).responseSchema
    .schema.properties.tool.enum

const noFile = Effect.succeed(text("No such file.", true))

const look = { ...tool(() => Effect.succeed(text("4711 Lamp"))), annotations: { readOnly: true } }

describe("a run in bound steps", () => {
  it.effect("tells of tools in one line each, holds each reply to a step, and keeps the history in steps", () =>
    Effect.gen(function* () {
      const events = yield* run(bound())
      const { calls, requests } = yield* World.Seen
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "It echoed." })
      assert.deepStrictEqual(
        calls.map(({ args }) => args),
        [{ message: "a" }]
      )
      assert.include(String(requests[0]?.messages[0]?.content), '- echo {"message": string}: Says it again.')
      assert.isUndefined(requests[0]?.tools)
      assert.deepStrictEqual(namesIn(requests[0]), ["echo", "answer"])
      assert.deepStrictEqual(requests[1]?.messages.slice(0, 2), requests[0]?.messages)
      assert.deepStrictEqual(requests[1]?.messages[2], {
        role: "assistant",
        content: '{"tool": "echo", "arguments": {"message": "a"}}',
        toolCalls: []
      })
      assert.match(String(requests[1]?.messages[3]?.content), /^Result of echo:\nEcho: a\n/)
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [step("echo", { message: "a" }), step("answer", { text: "It echoed." })],
          servers: { main: { echo } }
        })
      )
    )
  )

  it.effect("accepts a reply that the engine did not hold to a step", () =>
    Effect.gen(function* () {
      assert.deepInclude(outcomeOf(yield* run(bound())), { status: "done", answer: "Just words." })
    }).pipe(Effect.provide(World.layer({ turns: ["Just words."], servers: { main: { echo } } })))
  )

  it.effect("asks again with less to choose from when a call is repeated, and drops the repeated call", () =>
    Effect.gen(function* () {
      const events = yield* run(bound())
      const { calls, requests } = yield* World.Seen
      assert.strictEqual(only(events, "StepNarrowed").length, 1)
      assert.strictEqual(calls.length, 1)
      assert.deepStrictEqual(requests[2]?.messages, requests[1]?.messages)
      assert.deepStrictEqual(namesIn(requests[2]), ["answer"])
      assert.strictEqual(outcomeOf(events).answer, "a")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [step("echo", { message: "a" }), step("echo", { message: "a" }), step("answer", { text: "a" })],
          servers: { main: { echo } }
        })
      )
    )
  )

  it.effect("has a source read before anything is written from it", () =>
    Effect.gen(function* () {
      const events = yield* run(bound({ task: "Copy the first line of /d/orders.txt to /d/first.txt." }))
      const { calls, requests } = yield* World.Seen
      assert.include(only(events, "StepNarrowed")[0]?.text, "orders.txt")
      assert.deepStrictEqual(namesIn(requests[1]), ["look"])
      assert.deepStrictEqual(
        calls.map(({ tool: name }) => name),
        ["look", "write"]
      )
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            step("write", { path: "/d/first.txt", text: "The first line of /d/orders.txt" }),
            step("look", { path: "/d/orders.txt" }),
            step("write", { path: "/d/first.txt", text: "4711 Lamp" }),
            step("answer", { text: "Copied." })
          ],
          servers: { main: { look, write: tool(() => Effect.succeed(text("Written."))) } }
        })
      )
    )
  )

  it.effect("does not drive a model that gives up to anything but reading, and takes its second word", () =>
    Effect.gen(function* () {
      const events = yield* run(bound())
      const { requests } = yield* World.Seen
      assert.deepStrictEqual(namesIn(requests[2]), ["look"])
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "There is no such file." })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            step("find", {}),
            step("answer", { text: "It failed." }),
            step("look", {}),
            step("answer", { text: "There is no such file." }),
            step("answer", { text: "There is no such file." })
          ],
          servers: { main: { look, find: { ...look, run: () => noFile }, erase: echo } }
        })
      )
    )
  )

  it.effect("has another try at a change that failed, on the same thing, and does not end as done without one", () =>
    Effect.gen(function* () {
      const events = yield* run(bound())
      const { requests } = yield* World.Seen
      const { schema } = requests[2]?.responseSchema ?? {}
      assert.deepNestedInclude(schema, {
        "properties.tool.enum": ["move"],
        "properties.arguments.properties": { source: { const: "/d/a.txt" }, to: { type: "string" } }
      })
      assert.deepStrictEqual(requests[2]?.messages, requests[1]?.messages)
      // the same call again: another tool, and none that destroys
      assert.deepStrictEqual(namesIn(requests[3]), ["make"])
      assert.deepInclude(outcomeOf(events), { status: "failed", answer: "Moved." })
      assert.include(outcomeOf(events).problem?.message, '"make"')
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            step("move", { source: "/d/a.txt", to: "/d" }),
            step("answer", { text: "Moved." }),
            step("move", { source: "/d/a.txt", to: "/d" }),
            step("make", { path: "/d" }),
            ...Array.from({ length: 9 }, () => step("answer", { text: "Moved." }))
          ],
          servers: {
            main: {
              look,
              move: tool(() => noFile, {
                type: "object",
                properties: { source: { type: "string" }, to: { type: "string" } },
                required: ["source", "to"]
              }),
              make: { ...tool(() => noFile), annotations: { destructive: false } },
              erase: echo
            }
          }
        })
      )
    )
  )

  for (const [said, status] of [
    ["Anna plays the piano.", "failed"],
    ["Nobody knows what Anna plays, it is not in memory.", "done"]
  ] as const) {
    it.effect(`ends as ${status} when no call found anything and the answer is "${said}"`, () =>
      Effect.gen(function* () {
        assert.deepInclude(outcomeOf(yield* run(bound())), { status, answer: said })
      }).pipe(
        Effect.provide(
          World.layer({
            turns: [step("find", {}), ...Array.from({ length: 9 }, () => step("answer", { text: said }))],
            servers: {
              main: { find: { ...look, run: () => Effect.succeed(text('{"entities": [], "relations": []}')) } }
            }
          })
        )
      )
    )
  }

  it.effect("ends as done when a later change made up for the one that failed", () =>
    Effect.gen(function* () {
      const events = yield* run(bound())
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "Written." })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [step("write", {}), step("echo", { message: "a" }), step("answer", { text: "Written." })],
          servers: { main: { write: tool(() => noFile), echo } }
        })
      )
    )
  )

  it.effect("does not take an answer before a file of the task was touched", () =>
    Effect.gen(function* () {
      const events = yield* run(bound({ task: "What does /d/a.txt say?" }))
      const { requests } = yield* World.Seen
      assert.deepStrictEqual(namesIn(requests[1]), ["look"])
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "4711 Lamp" })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            step("answer", { text: "It says hello." }),
            step("look", { path: "/d/a.txt" }),
            step("answer", { text: "4711 Lamp" })
          ],
          servers: { main: { look } }
        })
      )
    )
  )

  it.effect("has a file looked at whose name is nearly that of the task", () =>
    Effect.gen(function* () {
      const events = yield* run(bound({ task: "How many apples are in /d/shoping-list.txt?" }))
      const { requests } = yield* World.Seen
      const texts = only(events, "StepNarrowed").map(({ text: why }) => why)
      assert.include(texts.join("\n"), "shopping-list.txt")
      assert.deepStrictEqual(namesIn(requests.at(-2)), ["look"])
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "Seven." })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            step("look", { path: "/d/shoping-list.txt" }),
            step("list", { path: "/d" }),
            step("answer", { text: "The file is called shopping-list.txt." }),
            step("list", { path: "/d", pattern: "shopping-list.txt" }),
            step("answer", { text: "There is one." }),
            step("look", { path: "/d/shopping-list.txt" }),
            step("answer", { text: "Seven." })
          ],
          servers: {
            main: {
              look: {
                ...look,
                run: ({ path }) => (String(path).includes("pp") ? Effect.succeed(text("Seven")) : noFile)
              },
              list: { ...look, run: () => Effect.succeed(text("[FILE] shopping-list.txt")) }
            }
          }
        })
      )
    )
  )

  it.effect("tells the rest of a tool's description when its first call gives nothing, once", () =>
    Effect.gen(function* () {
      yield* run(bound())
      const { requests } = yield* World.Seen
      const all = requests.at(-1)?.messages.map(({ content }) => String(content)) ?? []
      assert.notInclude(all[0], "glob")
      assert.strictEqual(all.filter((content) => content.includes("About find: Patterns are globs.")).length, 1)
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            step("find", { pattern: "a" }),
            step("find", { pattern: "b" }),
            ...Array.from({ length: 2 }, () => step("answer", { text: "Nothing." }))
          ],
          servers: {
            main: {
              find: {
                ...look,
                description: "Finds files. Patterns are globs.",
                run: () => Effect.succeed(text("No matches found"))
              }
            }
          }
        })
      )
    )
  )

  it.effect("asks for the answer by the schema of the task, without the words that came first", () =>
    Effect.gen(function* () {
      const outputSchema = { type: "object", properties: { sum: { type: "integer" } }, required: ["sum"] }
      const events = yield* run(bound({ outputSchema }))
      const { requests } = yield* World.Seen
      assert.deepStrictEqual(requests[2]?.messages, requests[1]?.messages)
      assert.deepInclude(outcomeOf(events), { status: "done", structured: { sum: 5 } })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [step("look", {}), step("answer", { text: "It is 4." }), step("answer", { sum: 5 })],
          servers: { main: { look } }
        })
      )
    )
  )
})

describe("tools that a template drops", () => {
  it.effect("are in the text from then on", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const { requests } = yield* World.Seen
      assert.include(only(events, "ToolFormChosen")[0]?.text, "has no place for tools")
      assert.isDefined(requests[0]?.tools)
      assert.include(String(requests[1]?.messages[0]?.content), "- long_0 ")
      assert.strictEqual(outcomeOf(events).answer, "Done.")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            { content: "I'm ready to help. What's your task?", usage: { inputTokens: 90, outputTokens: 9 } },
            step("answer", { text: "Done." })
          ],
          servers: {
            main: Object.fromEntries(
              Array.from({ length: 12 }, (_, index) => [
                `long_${index}`,
                { ...echo, description: "Says it again, and again, and again, in every way that there is. ".repeat(3) }
              ])
            )
          }
        })
      )
    )
  )
})
