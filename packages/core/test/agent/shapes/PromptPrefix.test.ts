import { assert, describe, it } from "@effect/vitest"
import { ToolForm } from "#src/agent/ToolForm.ts"
import type { ChatRequest } from "#src/lmstudio/Chat.ts"
import { StreamCut } from "#src/lmstudio/LmStudioError.ts"
import { Effect, FastCheck } from "effect"
import { manyTools } from "../manyTools.ts"
import * as World from "../doubles.ts"

type Sent = Omit<ChatRequest, "model">

/** What a template makes of a request, without the marks that close a message: those of the last one move with a note. */
const promptOf = ({ messages, tools }: Sent): string =>
  [
    JSON.stringify(tools ?? []),
    ...messages.map((message) => {
      const calls = message.role === "assistant" ? message.toolCalls.map((call) => JSON.stringify(call)).join("") : ""
      const content = typeof message.content === "string" ? message.content : JSON.stringify(message.content)
      return `<${message.role}>${calls}${content}`
    })
  ].join("\n")

/** How much of a request the next one begins with. A note at its end may go on, so its bracket is a closing mark too. */
const shared = (before: Sent, after: Sent): number => {
  const [a, b] = [promptOf(before).replace(/\]$/, ""), promptOf(after)]
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return length / a.length
}

const turn: FastCheck.Arbitrary<World.Turn> = FastCheck.oneof(
  { weight: 4, arbitrary: FastCheck.nat(9).map((which) => [World.call("look", { which })]) },
  {
    weight: 3,
    arbitrary: FastCheck.nat(9).map(
      (which) => `I look.\n\`\`\`json\n{"name": "look", "arguments": {"which": ${which}}}\n\`\`\`\nThat shows it.`
    )
  },
  { weight: 3, arbitrary: FastCheck.nat(9).map((which) => `{"tool": "look", "arguments": {"which": ${which}}}`) },
  FastCheck.nat(3).map((which) => [World.call("look", { which }), World.call("put", { which })]),
  FastCheck.constantFrom<World.Turn>(
    [World.call("look", "{broken")],
    [World.call("put", { which: 1 })],
    [World.call("unknown", {})],
    "<tool_call>look, please",
    "",
    { reasoning: "Hm." },
    { content: "Half an", finishReason: "length" },
    { content: "No end", finishReason: "" },
    { fail: new StreamCut({ operation: "chat", delivered: 3 }), after: "Half" },
    "I'm sorry, but I can't assist with that."
  )
)

const drawn = FastCheck.record({
  turns: FastCheck.array(turn, { minLength: 1, maxLength: 14 }),
  rounds: FastCheck.integer({ min: 1, max: 12 }),
  form: FastCheck.constantFrom(...ToolForm.literals),
  structured: FastCheck.boolean(),
  task: FastCheck.constantFrom("Do it.", "Look at 3 and put it.", "Wait for the pull request.")
})

const one = { type: "object", properties: { which: { type: "integer" } } }

const servers: World.Servers = {
  main: {
    look: {
      ...World.tool(({ which }) => Effect.succeed(`Result ${String(which)}`), one),
      description: "Looks.",
      annotations: { readOnly: true }
    },
    put: { ...World.tool(() => Effect.succeed("Done."), one), description: "Puts." }
  }
}

describe("the head of the prompt", () => {
  it.effect(
    "stays as it is: each request of a run begins with the one before, and says how long its reply may be",
    () =>
      Effect.promise(() => {
        const heads = new Map<ToolForm, string>()
        return FastCheck.assert(
          FastCheck.asyncProperty(drawn, ({ form, rounds, structured, task, turns }) =>
            Effect.gen(function* () {
              yield* World.run(
                World.task({
                  task,
                  toolForm: form,
                  budgets: { rounds, wallMillis: 600_000, toolCalls: 12 },
                  ...(structured ? { outputSchema: { type: "object", required: ["a"] } } : {})
                })
              )
              const { requests } = yield* World.Seen
              for (const [index, request] of requests.entries()) {
                assert.isAbove(request.maxTokens ?? 0, 0)
                assert.notStrictEqual(request.toolChoice, "required")
                const before = requests[index - 1]
                // after a schema that was ignored, tools are left out: the engine may support only one of the two
                if (before === undefined || request.tools?.length !== before.tools?.length) continue
                assert.strictEqual(shared(before, request), 1, `${promptOf(before)}\n=====\n${promptOf(request)}`)
              }
              const [first] = requests
              const [system] = first?.messages ?? []
              const head = `${JSON.stringify(first?.tools)} ${JSON.stringify(system)}`
              assert.strictEqual(head, heads.get(form) ?? head)
              heads.set(form, head)
            }).pipe(
              Effect.provide(
                World.layer({
                  turns: (index) => turns[index] ?? "An answer.",
                  servers,
                  lease: () => Effect.succeed({ ...World.ensured, contextLength: 32_768 })
                })
              ),
              Effect.runPromise
            )
          ),
          { numRuns: 25 }
        )
      }),
    120_000
  )

  const seenOf = (task: string, contextLength: number, turns: World.World["turns"]) =>
    Effect.gen(function* () {
      yield* World.run(
        World.task({
          task,
          servers: { _tag: "All" },
          approvedTools: ["merge_pull_request"],
          budgets: { rounds: 3, wallMillis: 600_000, toolCalls: 9 }
        })
      )
      return yield* World.Seen
    }).pipe(
      Effect.provide(
        World.layer({
          turns,
          servers: many(contextLength > 8192 ? 36 : 97),
          lease: () => Effect.succeed({ ...World.ensured, model: "qwen3-4b", contextLength })
        })
      )
    )

  it.effect(
    "is the same for every task with the same servers, where all tools fit, whatever the size of the model",
    () =>
      Effect.gen(function* () {
        const a = (yield* seenOf("Read the file /a.", 32_768, ["done"])).requests[0]
        const b = (yield* seenOf("Merge the pull request.", 32_768, ["done"])).requests[0]
        assert.strictEqual(a?.tools?.length, 36)
        assert.deepStrictEqual(a?.tools, b?.tools)
      })
  )

  it.effect("is kept when tools are found, and through the last request", () =>
    Effect.gen(function* () {
      const { calls, requests } = yield* seenOf("Read the file /a.", 4096, (index) =>
        index === 0
          ? [World.call("find_tools", { query: "merge a pull request" })]
          : index < 3
            ? [
                World.call("call_tool", {
                  name: "github__merge_pull_request",
                  arguments: { repository: `${index}` }
                })
              ]
            : "So far."
      )
      assert.strictEqual(requests.length, 4)
      assert.deepStrictEqual(
        calls.map(({ args, tool }) => [tool, args["repository"]]),
        [
          ["merge_pull_request", "1"],
          ["merge_pull_request", "2"]
        ]
      )
      assert.strictEqual(requests[3]?.toolChoice, "none")
      for (const [index, request] of requests.slice(1).entries()) {
        assert.strictEqual(shared(requests[index] ?? request, request), 1)
      }
    })
  )
})

const many = (count: number): World.Servers => {
  const servers: Record<string, Record<string, World.Tool>> = {}
  for (const { description, inputSchema, name, server } of manyTools.slice(0, count)) {
    const tools = (servers[server] ??= {})
    tools[name] = { description, schema: inputSchema, run: () => Effect.succeed("done") }
  }
  return servers
}
