import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import type { ChatEvent, ChatReply } from "#src/lmstudio/Chat.ts"
import * as ChatStream from "#src/lmstudio/ChatStream.ts"
import { decodeFrame, type Frame } from "#src/lmstudio/wire/ChatWire.ts"

const frame = (body: unknown, event = ""): Frame =>
  decodeFrame({ event, data: typeof body === "string" ? body : JSON.stringify(body) })

const chunk = (delta: unknown, more: Record<string, unknown> = {}, finish: string | null = null) => ({
  id: "chatcmpl-1",
  model: "qwen/qwen3-4b",
  choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  ...more
})

/** Folds the frames, one millisecond apart, and completes. */
const run = (...bodies: ReadonlyArray<unknown>) => {
  let state = ChatStream.start(1000)
  let now = 1000
  const events: Array<ChatEvent> = []
  for (const body of bodies) {
    const step = ChatStream.step(state, frame(body), ++now)
    if (step._tag !== "Next") return { state, events, step, reply: undefined }
    state = step.state
    events.push(...step.events)
  }
  events.push(...ChatStream.complete(state, ++now))
  const last = events.at(-1)
  return { state, events, step: undefined, reply: last?._tag === "Completed" ? last.reply : undefined }
}

const replyOf = (...bodies: ReadonlyArray<unknown>): ChatReply => {
  const { reply } = run(...bodies)
  assert.isDefined(reply)
  return reply
}

describe("ChatStream", () => {
  it("collects text, finish reason, usage and times", () => {
    const { events, reply, state } = run(
      chunk({ role: "assistant" }),
      chunk({ content: "Hel" }),
      chunk({ content: "lo" }),
      chunk({}, {}, "stop"),
      { id: "chatcmpl-1", choices: [], usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } },
      "[DONE]"
    )
    assert.isTrue(state.done)
    assert.deepStrictEqual(events.slice(0, 2), [
      { _tag: "TextDelta", text: "Hel" },
      { _tag: "TextDelta", text: "lo" }
    ])
    assert.deepStrictEqual(reply, {
      model: "qwen/qwen3-4b",
      content: "Hello",
      reasoning: "",
      toolCalls: [],
      finishReason: "stop",
      usage: { inputTokens: 7, outputTokens: 2 },
      firstTokenMillis: 2,
      totalMillis: 7
    })
  })

  it("finds thinking in all three places where servers put it", () => {
    for (const delta of [{ reasoning_content: "hm" }, { reasoning: "hm" }, { content: "<think>hm</think>" }]) {
      const reply = replyOf(chunk(delta), chunk({ content: "yes" }, {}, "stop"))
      assert.deepInclude(reply, { reasoning: "hm", content: "yes" })
    }
  })

  it("does not double thinking that comes under both names", () => {
    assert.strictEqual(replyOf(chunk({ reasoning_content: "hm", reasoning: "hm" }, {}, "stop")).reasoning, "hm")
  })

  it("merges tool calls by index, although later pieces have null or nothing for id and name (H12)", () => {
    const { events, reply } = run(
      chunk({
        tool_calls: [{ index: 0, id: "365174485", type: "function", function: { name: "read", arguments: "" } }]
      }),
      chunk({ tool_calls: [{ index: 1, id: "2", type: "function", function: { name: "list", arguments: "{}" } }] }),
      chunk({ tool_calls: [{ index: 0, id: null, function: { name: "", arguments: '{"path":' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { name: null, arguments: '"a"}' } }] }),
      chunk({}, {}, "tool_calls")
    )
    assert.deepStrictEqual(reply?.toolCalls, [
      { id: "365174485", name: "read", arguments: '{"path":"a"}' },
      { id: "2", name: "list", arguments: "{}" }
    ])
    assert.deepStrictEqual(
      events.filter(({ _tag }) => _tag === "ToolCallStarted"),
      [
        { _tag: "ToolCallStarted", index: 0, name: "read" },
        { _tag: "ToolCallStarted", index: 1, name: "list" }
      ]
    )
  })

  it("finds calls of servers that omit the index", () => {
    const { toolCalls } = replyOf(
      chunk({ tool_calls: [{ id: "a", function: { name: "x", arguments: "{" } }] }),
      chunk({ tool_calls: [{ function: { arguments: "}" } }] }),
      chunk({ tool_calls: [{ id: "b", function: { name: "y", arguments: "" } }] }, {}, "tool_calls")
    )
    assert.deepStrictEqual(toolCalls, [
      { id: "a", name: "x", arguments: "{}" },
      { id: "b", name: "y", arguments: "" }
    ])
  })

  it("drops the empty entry of 0.3.21 (H11), and keeps a call whose name the server lost", () => {
    const { toolCalls } = replyOf(
      chunk(
        {
          tool_calls: [
            { index: 0, id: "" },
            { index: 1, id: "117069919", function: { name: "", arguments: '{"a":1}' } }
          ]
        },
        {},
        "tool_calls"
      )
    )
    assert.deepStrictEqual(toolCalls, [{ id: "117069919", name: "", arguments: '{"a":1}' }])
  })

  it("gives a call its own id when it has none, or the id of another call", () => {
    const { toolCalls } = replyOf(
      chunk(
        {
          tool_calls: [
            { index: 0, id: "1", function: { name: "a", arguments: "" } },
            { index: 1, id: "1", function: { name: "b", arguments: "" } },
            { index: 2, function: { name: "c", arguments: "" } }
          ]
        },
        {},
        "tool_calls"
      )
    )
    assert.deepStrictEqual(
      toolCalls.map(({ id }) => id),
      ["1", "1_1", "chatcmpl-1_2"]
    )
  })

  it("accepts a whole reply from a server that does not stream", () => {
    const reply = replyOf({
      id: "chatcmpl-1",
      model: "openai/gpt-oss-20b",
      choices: [
        {
          message: {
            role: "assistant",
            content: "",
            reasoning: "We need to call.",
            tool_calls: [
              { type: "function", id: "", function: { name: "a", arguments: "{}" } },
              { type: "function", id: "", function: { name: "b", arguments: "{}" } }
            ]
          },
          finish_reason: "tool_calls"
        }
      ],
      usage: { prompt_tokens: 146, completion_tokens: 42, completion_tokens_details: { reasoning_tokens: 7 } }
    })
    assert.deepInclude(reply, { reasoning: "We need to call.", finishReason: "tool_calls" })
    assert.deepStrictEqual(
      reply.toolCalls.map(({ id, name }) => [id, name]),
      [
        ["chatcmpl-1_0", "a"],
        ["chatcmpl-1_1", "b"]
      ]
    )
    assert.deepStrictEqual(reply.usage, { inputTokens: 146, outputTokens: 42, reasoningTokens: 7 })
  })

  it("ignores unknown fields, and treats wrong types as absent", () => {
    const reply = replyOf(
      "keep-alive",
      { object: "something.new" },
      { choices: "none" },
      {
        ...chunk({ content: 5, tool_calls: null, audio: {} }),
        model: null,
        usage: { prompt_tokens: -1, completion_tokens: "3" }
      },
      chunk({ content: "ok" }, {}, "some_new_reason")
    )
    assert.deepInclude(reply, { content: "ok", finishReason: "some_new_reason", model: "qwen/qwen3-4b" })
    assert.deepStrictEqual(reply.usage, { inputTokens: 0, outputTokens: 0 })
  })

  it("finds errors in a stream, whether string or object, named or not", () => {
    for (const [body, event] of [
      [{ error: "boom" }, ""],
      [{ error: { message: "boom" } }, ""],
      [{ error: { message: "boom" }, message: "other" }, ""],
      [{ message: "boom" }, "error"],
      ["boom", "error"]
    ] as const) {
      const found = frame(body, event)
      assert.strictEqual(found._tag === "Fault" ? found.facts.message : found._tag, "boom", JSON.stringify(body))
    }
    assert.strictEqual(frame({ ...chunk({}), error: null })._tag, "Chunk")
  })

  it("is complete with a finish reason or with [DONE], and not without both", () => {
    assert.isFalse(ChatStream.isWhole(run(chunk({ content: "half" })).state))
    assert.isTrue(ChatStream.isWhole(run(chunk({ content: "all" }, {}, "stop")).state))
    assert.isTrue(ChatStream.isWhole(run(chunk({ content: "all" }), "[DONE]").state))
  })

  it("treats a frame of broken JSON as a cut when nothing follows, and as a fault when something does", () => {
    const alone = run(chunk({ content: "a" }), '{"id":"chatcmpl-1","choi')
    assert.isFalse(ChatStream.isWhole(alone.state))
    assert.strictEqual(run('{"id":"chatcmpl-1","choi', chunk({ content: "b" })).step?._tag, "Malformed")
  })

  it("counts everything that has arrived, including held text", () => {
    const { state } = run(
      chunk({ reasoning_content: "abc" }),
      chunk({ content: "<thi" }),
      chunk({ tool_calls: [{ index: 0, function: { name: "fn", arguments: "{}" } }] })
    )
    assert.strictEqual(ChatStream.delivered(state), 3 + 4 + 2 + 2)
  })

  it.prop(
    "delivers in its events exactly the content of the reply",
    [
      FastCheck.array(
        FastCheck.record({ content: FastCheck.string(), reasoning_content: FastCheck.string() }, { requiredKeys: [] }),
        { maxLength: 15 }
      ),
      FastCheck.boolean()
    ],
    ([deltas, thinking]) => {
      const { events, reply } = run(
        ...(thinking ? [chunk({ content: "<think>" })] : []),
        ...deltas.map((delta) => chunk(delta)),
        "[DONE]"
      )
      const join = (tag: "TextDelta" | "ReasoningDelta") =>
        events.map((event) => (event._tag === tag ? event.text : "")).join("")
      assert.strictEqual(join("TextDelta"), reply?.content)
      assert.strictEqual(join("ReasoningDelta"), reply?.reasoning)
      assert.lengthOf(
        events.filter(({ _tag }) => _tag === "Completed"),
        1
      )
    }
  )
})
describe("calls that a server does not distinguish by index", () => {
  const callsOf = (...pieces: ReadonlyArray<Record<string, unknown>>) => {
    const frames = [
      ...pieces.map((piece) => ({ choices: [{ delta: { tool_calls: [piece] } }] })),
      { choices: [{ delta: {}, finish_reason: "tool_calls" }] }
    ]
    const state = frames.reduce((state, frame) => {
      const next = ChatStream.step(state, decodeFrame({ event: "", data: JSON.stringify(frame) }), 0)
      return next._tag === "Next" ? next.state : state
    }, ChatStream.start(0))
    const [last] = ChatStream.complete(state, 0).slice(-1)
    return last?._tag === "Completed" ? last.reply.toolCalls.map(({ name, arguments: args }) => [name, args]) : []
  }
  const two = [
    ["a", '{"x":1}'],
    ["b", '{"y":2}']
  ]

  it("are two where one index has two ids and names, as Ollama writes it", () => {
    assert.deepStrictEqual(
      callsOf(
        { index: 0, id: "1", function: { name: "a", arguments: '{"x":1}' } },
        { index: 0, id: "2", function: { name: "b", arguments: '{"y":2}' } }
      ),
      two
    )
  })

  it("are two with no index, a string or null as index, and without ids", () => {
    for (const index of [undefined, null, "0"]) {
      assert.deepStrictEqual(
        callsOf(
          { index, function: { name: "a", arguments: '{"x":1}' } },
          { index, function: { name: "b", arguments: '{"y":2}' } }
        ),
        two
      )
    }
    assert.deepStrictEqual(
      callsOf({ function: { name: "a", arguments: "{}" } }, { function: { name: "a", arguments: "{}" } }),
      [
        ["a", "{}"],
        ["a", "{}"]
      ]
    )
  })

  it("continue in pieces when the second has the first one's index", () => {
    assert.deepStrictEqual(
      callsOf(
        { index: 0, id: "1", function: { name: "a", arguments: '{"x"' } },
        { index: 0, function: { arguments: ":1}" } },
        { index: 0, id: "2", function: { name: "b", arguments: '{"y"' } },
        { index: 0, id: "2", function: { name: "", arguments: ":2}" } }
      ),
      two
    )
  })

  it("are one when a server repeats id and name with each piece", () => {
    assert.deepStrictEqual(
      callsOf(
        { index: 0, id: "1", function: { name: "a", arguments: '{"x"' } },
        { index: 0, id: "1", function: { name: "a", arguments: ":1}" } }
      ),
      [["a", '{"x":1}']]
    )
  })

  it("keep every digit of arguments that come as an object", () => {
    const data =
      '{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"a","arguments":{"id":725653563933458432}}}]}}]}'
    const next = ChatStream.step(ChatStream.start(0), decodeFrame({ event: "", data }), 0)
    assert.strictEqual(next._tag === "Next" ? next.state.calls.get(0)?.arguments : "", '{"id":725653563933458432}')
  })
  it("are two under one index when their ids and names differ", () => {
    const call = (id: string, name: string) => ({ index: 0, id, function: { name, arguments: "{}" } })
    const { calls } = run(chunk({ tool_calls: [call("a", "read"), call("b", "write")] })).state
    assert.deepStrictEqual(
      [...calls.values()].map(({ name }) => name),
      ["read", "write"]
    )
  })
})
