import { assert, describe, it } from "@effect/vitest"
import { explained, plan, replyLimit, reserveFor, resultLimit, type Draft } from "#src/agent/run/ContextWindow.ts"
import { slim } from "#src/agent/schema/SlimSchema.ts"
import * as ToolCatalog from "#src/agent/tools/ToolCatalog.ts"
import type { ChatMessage } from "#src/lmstudio/Chat.ts"
import { manyTools } from "../manyTools.ts"

const tools = ToolCatalog.make(manyTools.slice(0, 10), {}).tools

const turn = (id: string, result: string): ReadonlyArray<ChatMessage> => [
  { role: "assistant", content: "", toolCalls: [{ id, name: "t", arguments: "{}" }] },
  { role: "tool", toolCallId: id, content: result }
]

const draft = (changes: Partial<Draft>): Draft => ({
  system: "Work.",
  messages: [{ role: "user", content: "Do it." }],
  tools,
  expendable: tools.toReversed(),
  contextLength: 100_000,
  reserve: 500,
  factor: 1,
  plainSchemas: false,
  artifactOf: (callId) => `r-${callId}`,
  ...changes
})

const fitting = (changes: Partial<Draft>) => {
  const result = plan(draft(changes))
  assert(result._tag === "Fits")
  if (result.account !== undefined) assert.isAtLeast(result.account.free, 0)
  return result
}

const used = (changes: Partial<Draft>) => {
  const { account } = fitting({ ...changes, contextLength: 1_000_000 })
  return 1_000_000 - (account?.free ?? 0)
}

describe("ContextWindow", () => {
  it("leaves a request that fits unchanged, and accounts for it", () => {
    const { account, messages, tools: offered } = fitting({})
    assert.deepStrictEqual(
      offered,
      tools.map(({ definition }) => definition)
    )
    assert.deepStrictEqual(messages[0], { role: "system", content: "Work." })
    assert.deepStrictEqual(account?.measures, [])
    assert.strictEqual(
      (account?.system ?? 0) + (account?.tools ?? 0) + (account?.history ?? 0) + 500 + (account?.free ?? 0),
      100_000
    )
  })

  it("does nothing where the context is unknown", () => {
    assert.isUndefined(fitting({ contextLength: undefined }).account)
  })

  it("first slims tools, then leaves out the most expendable ones", () => {
    const whole = used({})
    const slimmed = fitting({ contextLength: whole - 1 })
    assert.deepStrictEqual(slimmed.account?.measures, ["shorter tool definitions"])
    assert.strictEqual(slimmed.tools.length, 10)
    const fewer = fitting({ contextLength: whole - (slimmed.account?.free ?? 0) - 1 - 100 })
    assert.match(fewer.account?.measures.join() ?? "", /^shorter tool definitions,\d tools left out$/)
    assert.deepStrictEqual(
      fewer.tools.map(({ name }) => name),
      tools.slice(0, fewer.tools.length).map(({ name }) => name)
    )
  })

  it("sends full definitions only where there is room for a result beside them", () => {
    const whole = used({})
    const roomy = fitting({ contextLength: Math.ceil(whole / 0.75) + 1 })
    assert.deepStrictEqual(roomy.account?.measures, [])
    const tight = fitting({ contextLength: Math.floor(whole / 0.75) - 10 })
    assert.deepStrictEqual(tight.account?.measures, ["shorter tool definitions"])
    assert.isAbove(tight.account?.free ?? 0, whole / 4)
  })

  it("never leaves out a tool that is needed", () => {
    const needed = tools.slice(0, 1)
    const result = plan(draft({ contextLength: 10, expendable: tools.slice(1) }))
    assert.strictEqual(result._tag, "Full")
    const kept = fitting({
      expendable: tools.slice(1),
      contextLength: used({
        tools: needed.map((tool) => ({ ...tool, definition: slim(tool.definition) })),
        expendable: []
      })
    })
    assert.deepStrictEqual(
      kept.tools.map(({ name }) => name),
      needed.map(({ name }) => name)
    )
  })

  it("then shortens old results, then the last ones, and says how to read the rest", () => {
    const messages = [
      ...draft({}).messages,
      ...turn("a", "x".repeat(5000)),
      ...turn("b", "short"),
      ...turn("c", "y".repeat(5000))
    ]
    const base = { messages, tools: [], expendable: [] }
    const whole = used(base)
    const old = fitting({ ...base, contextLength: whole - 1 })
    assert.deepStrictEqual(old.account?.measures, ["old results shortened"])
    const [first, second, third] = old.messages.filter(({ role }) => role === "tool")
    assert.match(
      String(first?.content),
      /^x{300}\n\[… shortened, 5000 characters in all; read_artifact with id "r-a" shows it\]$/
    )
    assert.strictEqual(second?.content, "short")
    assert.strictEqual(third?.content, "y".repeat(5000))
    const last = fitting({ ...base, contextLength: whole - 2000 })
    assert.deepStrictEqual(last.account?.measures, ["old results shortened", "last results shortened"])
    assert.match(String(last.messages.at(-1)?.content), /^y{1200}\n\[… shortened/)
  })

  it("says how many old messages a summary may replace when nothing else helps", () => {
    const messages = [...draft({}).messages, ...turn("a", "x"), ...turn("b", "x"), ...turn("c", "x")]
    const full = plan(draft({ messages, contextLength: 510, tools: [], expendable: [] }))
    assert.deepInclude(full, { _tag: "Full", old: 5 })
    assert.isBelow(full.account?.free ?? 0, 0)
    assert.deepInclude(plan(draft({ contextLength: 510, tools: [], expendable: [] })), { _tag: "Full", old: 0 })
    assert.include(full.account === undefined ? "" : explained(full.account), "too many")
  })

  it("corrects its estimates by the server's counts", () => {
    const once = fitting({}).account
    const twice = fitting({ factor: 2 }).account
    assert.closeTo(twice?.tools ?? 0, 2 * (once?.tools ?? 0), 2)
    assert.closeTo(twice?.history ?? 0, 2 * (once?.history ?? 0), 2)
  })

  it("keeps room for the reply and shows results in proportion to the context", () => {
    assert.deepStrictEqual(
      [512, 4096, 32_768, undefined].map((length) => reserveFor(length, undefined)),
      [256, 1024, 2048, 2048]
    )
    assert.strictEqual(reserveFor(4096, 300), 300)
    assert.strictEqual(resultLimit(4096, 64_000), 3584)
    assert.strictEqual(resultLimit(512, 64_000), 1000)
    assert.strictEqual(resultLimit(131_072, 64_000), 64_000)
    assert.strictEqual(resultLimit(undefined, 64_000), 64_000)
  })
})

describe("replyLimit", () => {
  const account = { contextLength: 4096, system: 0, tools: 0, history: 0, reserve: 1024, free: 500, measures: [] }

  it("is the task's limit, else the reserve plus the free tokens, within bounds", () => {
    assert.strictEqual(replyLimit(account, 100), 100)
    assert.strictEqual(replyLimit(account, undefined), 1280)
    assert.strictEqual(replyLimit({ ...account, free: -3 }, undefined), 1024)
    assert.strictEqual(replyLimit({ ...account, contextLength: 262_144, free: 250_000 }, undefined), 65_536)
    assert.strictEqual(replyLimit({ ...account, contextLength: 32_768, free: 30_000 }, undefined), 16_384)
    assert.strictEqual(replyLimit(undefined, undefined), 8192)
  })
})
