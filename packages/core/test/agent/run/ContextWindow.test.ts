import { assert, describe, it } from "@effect/vitest"
import {
  explained,
  mayBeWhole,
  plan,
  replyLimit,
  reserveFor,
  resultLimit,
  type Draft
} from "#src/agent/run/ContextWindow.ts"
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
  inLines: false,
  whole: true,
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

  it("has one form of the definitions for a run, and leaves out the most expendable tools when nothing else helps", () => {
    const whole = used({})
    assert.isTrue(mayBeWhole(tools, undefined))
    assert.isTrue(mayBeWhole(tools, whole * 10))
    assert.isFalse(mayBeWhole(tools, whole * 5))
    const slimmed = fitting({ whole: false })
    assert.deepStrictEqual(
      slimmed.tools,
      tools.map(({ definition }) => slim(definition))
    )
    const fewer = fitting({ whole: false, contextLength: used({ whole: false }) - 100 })
    assert.match(fewer.account?.measures.join() ?? "", /^\d tools left out$/)
    assert.deepStrictEqual(fewer.tools, slimmed.tools.slice(0, fewer.tools.length))
  })

  it("shortens results before the head of the prompt changes, which the engine has kept", () => {
    const messages = [...draft({}).messages, ...turn("a", "x".repeat(5000)), ...turn("b", "short")]
    const fitted = fitting({ messages, contextLength: used({ messages }) - 100 })
    assert.deepStrictEqual(fitted.account?.measures, ["old results shortened"])
    assert.strictEqual(fitted.tools.length, tools.length)
  })

  it("counts tools in one line each as they are written", () => {
    assert.isBelow(used({ inLines: true }), used({ whole: false }))
  })

  it("never leaves out a tool that is needed", () => {
    const needed = tools.slice(0, 1)
    const result = plan(draft({ contextLength: 10, expendable: tools.slice(1) }))
    assert.strictEqual(result._tag, "Full")
    const kept = fitting({
      whole: false,
      expendable: tools.slice(1),
      contextLength: used({
        whole: false,
        tools: needed,
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
