import { assert, describe, it } from "@effect/vitest"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import type { JSONRPCMessage, JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js"
import * as McpClient from "#src/mcp/connection/McpClient.ts"
import * as StdoutReader from "#src/mcp/reading/StdoutReader.ts"
import { Received } from "#src/mcp/transport/Carried.ts"
import { textOf } from "#src/agent/tools/ToolResultText.ts"
import { Effect, FastCheck as fc, Fiber } from "effect"
import { channelOver, turns, usual } from "../linked.ts"

type Answer = (request: JSONRPCRequest, say: (text: string) => void) => void

const encoder = new TextEncoder()

/** A channel that writes text, as processes do; `answer` is called for each request. */
const peerThat = (answer: Answer) => {
  const reader = StdoutReader.make()
  const sent: Array<JSONRPCMessage> = []
  const transport: Transport = {
    start: () => Promise.resolve(),
    close: () => Promise.resolve(transport.onclose?.()),
    send: (message) => {
      sent.push(message)
      const say = (text: string) => {
        for (const heard of reader.push(encoder.encode(text))) {
          if (heard._tag === "Message") transport.onmessage?.(new Received(heard.read) as unknown as JSONRPCMessage)
        }
      }
      if ("method" in message && "id" in message) answer(message, say)
      return Promise.resolve()
    }
  }
  return { transport, sent }
}

const connected = (answer: Answer) => {
  const { sent, transport } = peerThat(answer)
  return Effect.map(McpClient.connect({ server: "odd", channel: channelOver(transport), ...usual }), (session) => ({
    session,
    sent
  }))
}

const greeting = {
  protocolVersion: "2025-11-25",
  capabilities: { tools: {} },
  serverInfo: { name: "odd", version: "1" }
}
const line = (value: unknown) => `${JSON.stringify(value)}\n`

/** Works until a tool is called. */
const calling =
  (said: (id: string | number) => string): Answer =>
  ({ id, method }, say) => {
    if (method === "initialize") return say(line({ jsonrpc: "2.0", id, result: greeting }))
    return method === "tools/list"
      ? say(line({ jsonrpc: "2.0", id, result: { tools: [{ name: "x" }] } }))
      : say(said(id))
  }

/** What a person sees of the call. */
const outcome = (answer: Answer) =>
  Effect.scoped(
    Effect.flatMap(connected(answer), ({ session }) =>
      Effect.match(session.call("x", {}), {
        onFailure: ({ message }) => message,
        onSuccess: (result) => textOf(result)
      })
    )
  )

const seven = { content: [{ type: "text", text: "seven apples" }] }

const answers: ReadonlyArray<readonly [what: string, said: (id: string | number) => string, told: string]> = [
  ["null", (id) => line({ jsonrpc: "2.0", id, result: null }), "returned nothing"],
  ["a string", (id) => line({ jsonrpc: "2.0", id, result: "seven apples" }), "seven apples"],
  ["a number", (id) => line({ jsonrpc: "2.0", id, result: 7 }), "7"],
  ["false", (id) => line({ jsonrpc: "2.0", id, result: false }), "false"],
  ["a list of parts", (id) => line({ jsonrpc: "2.0", id, result: seven.content }), "seven apples"],
  ["a list of strings", (id) => line({ jsonrpc: "2.0", id, result: ["seven", "apples"] }), "seven\napples"],
  ["a list of objects", (id) => line({ jsonrpc: "2.0", id, result: [{ apples: 7 }] }), '[{"apples":7}]'],
  ["one part", (id) => line({ jsonrpc: "2.0", id, result: seven.content[0] }), "seven apples"],
  ["content as a string", (id) => line({ jsonrpc: "2.0", id, result: { content: "seven apples" } }), "seven apples"],
  ["content as one part", (id) => line({ jsonrpc: "2.0", id, result: { content: seven.content[0] } }), "seven apples"],
  ["text at the top", (id) => line({ jsonrpc: "2.0", id, result: { text: "seven apples" } }), "seven apples"],
  ["unknown keys beside content", (id) => line({ jsonrpc: "2.0", id, result: { ...seven, left: 3 } }), '{"left":3}'],
  [
    "an unknown kind of content",
    (id) => line({ jsonrpc: "2.0", id, result: { content: [{ type: "table", rows: [7] }] } }),
    '"rows":[7]'
  ],
  [
    "structured content as a number",
    (id) => line({ jsonrpc: "2.0", id, result: { content: [], structuredContent: 7 } }),
    "7"
  ],
  ["the result's parts beside the id", (id) => line({ jsonrpc: "2.0", id, ...seven }), "seven apples"],
  ["a bare result", () => line(seven), "seven apples"],
  ["no jsonrpc", (id) => line({ id, result: seven }), "seven apples"],
  ["another jsonrpc", (id) => line({ jsonrpc: 2, id, result: seven }), "seven apples"],
  ["an id as a string", (id) => line({ jsonrpc: "2.0", id: String(id), result: seven }), "seven apples"],
  ["an unknown id", () => line({ jsonrpc: "2.0", id: "b7", result: seven }), "seven apples"],
  ["no id", () => line({ jsonrpc: "2.0", result: seven }), "seven apples"],
  [
    "a batch",
    (id) =>
      line([
        { jsonrpc: "2.0", method: "notifications/message", params: {} },
        { jsonrpc: "2.0", id, result: seven }
      ]),
    "seven apples"
  ],
  ["null for an error", (id) => line({ jsonrpc: "2.0", id, error: null, result: seven }), "seven apples"],
  ["an odd _meta", (id) => line({ jsonrpc: "2.0", id, result: { ...seven, _meta: 5 } }), "seven apples"],
  ["NaN", (id) => `{"jsonrpc":"2.0","id":${id},"result":{"structuredContent":{"mean":NaN}}}\n`, '"NaN"'],
  [
    "Python's constants",
    (id) => `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"True"}],"isError":False}}\n`,
    "True"
  ],
  ["text before it", (id) => `Ready [1] ${line({ jsonrpc: "2.0", id, result: seven })}`, "seven apples"],
  ["text after it", (id) => `${JSON.stringify({ jsonrpc: "2.0", id, result: seven })} done;\n`, "seven apples"],
  [
    "two messages in a line",
    (id) => `{"jsonrpc":"2.0","method":"notifications/message"}${line({ jsonrpc: "2.0", id, result: seven })}`,
    "seven apples"
  ],
  [
    "a byte order mark and CRLF",
    (id) => `\uFEFF${JSON.stringify({ jsonrpc: "2.0", id, result: seven })}\r\n`,
    "seven apples"
  ],
  ["no line end", (id) => JSON.stringify({ jsonrpc: "2.0", id, result: seven }), "seven apples"],
  ["indentation", (id) => `${JSON.stringify({ jsonrpc: "2.0", id, result: seven }, undefined, 2)}\n`, "seven apples"],
  [
    "a line break within a string",
    (id) => `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"seven\napples"}]}}\n`,
    "seven\napples"
  ],
  [
    "logs before it",
    (id) =>
      `calling x\n{"level":30,"msg":"x","error":"none"}\n[ 'a' ]\n{\n  a: 1\n}\n${line({ jsonrpc: "2.0", id, result: seven })}`,
    "seven apples"
  ],
  ["an error as a string", (id) => line({ jsonrpc: "2.0", id, error: "disk full" }), "disk full"],
  ["an error without a code", (id) => line({ jsonrpc: "2.0", id, error: { message: "disk full" } }), "disk full"],
  [
    "an error with a textual code",
    (id) => line({ jsonrpc: "2.0", id, error: { code: "ENOSPC", message: "disk full" } }),
    "ENOSPC"
  ],
  [
    "an error with a huge code",
    (id) => line({ jsonrpc: "2.0", id, error: { code: 1e300, message: "disk full" } }),
    "disk full"
  ],
  [
    "an error with data",
    (id) => line({ jsonrpc: "2.0", id, error: { code: 1, message: "Internal error", data: { why: "disk full" } } }),
    "disk full"
  ],
  ["an error under another key", (id) => line({ jsonrpc: "2.0", id, error: { detail: "disk full" } }), "disk full"],
  ["an error as a list", (id) => line({ jsonrpc: "2.0", id, error: ["disk full"] }), "disk full"],
  [
    "an error without an id",
    () => line({ jsonrpc: "2.0", id: null, error: { code: -32700, message: "disk full" } }),
    "disk full"
  ],
  ["an error at the top", (id) => line({ jsonrpc: "2.0", id, code: 5, message: "disk full" }), "failed: disk full"],
  [
    "a result and an error",
    (id) => line({ jsonrpc: "2.0", id, result: seven, error: "disk full" }),
    "It also sent a result"
  ],
  [
    "pages that are not a list",
    (id) => line({ jsonrpc: "2.0", id, error: { code: -32042, message: "open them", data: { elicitations: 5 } } }),
    "open them"
  ],
  ["neither", (id) => line({ jsonrpc: "2.0", id }), "neither a result nor an error"],
  ["a message that is cut", (id) => `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"ty\n`, "cannot be read"],
  ["Python's own notation", (id) => `{'jsonrpc': '2.0', 'id': ${id}, 'result': {}}\n`, "cannot be read"]
]

describe("a server's answer to a call", () => {
  for (const [what, said, told] of answers) {
    it.effect(`is accepted at once: ${what}`, () =>
      Effect.map(outcome(calling(said)), (text) => {
        assert.include(text, told)
        assert.notInclude(text, "did not answer")
      })
    )
  }

  it.effect("belongs to the pending call when the other one has been answered", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const waiting: Array<() => void> = []
        const { session } = yield* connected((request, say) => {
          if (request.method !== "tools/call") return calling(() => "")(request, say)
          const first = waiting.length === 0
          waiting.push(() => say(line({ ...(first ? {} : { id: request.id }), result: first ? "one" : "two" })))
          // the one without an id comes first, and belongs to nobody yet
          if (!first) for (const answer of waiting) answer()
        })
        const results = yield* Effect.all([session.call("x", {}), session.call("x", {})], { concurrency: 2 })
        assert.deepStrictEqual(
          results.map((result) => textOf(result)),
          ["one", "two"]
        )
      })
    )
  )

  it.scoped("does not count for another call: a late answer is ignored", () =>
    Effect.gen(function* () {
      let late = ""
      const { session } = yield* connected((request, say) => {
        if (request.method !== "tools/call") return calling(() => "")(request, say)
        if (late !== "") return say(`${late}${line({ jsonrpc: "2.0", id: request.id, result: "mine" })}`)
        late = line({ jsonrpc: "2.0", id: request.id, result: "late" })
      })
      const first = yield* Effect.fork(session.call("x", {}))
      yield* turns
      yield* Fiber.interrupt(first)
      assert.strictEqual(textOf(yield* session.call("x", {})), "mine")
    })
  )
})

/** Works except for its first answer. */
const greetingWith =
  (said: (id: string | number) => string): Answer =>
  (request, say) =>
    request.method === "initialize"
      ? say(said(request.id))
      : calling((id) => line({ id, result: "hello" }))(request, say)

describe("a server's answer to initialize", () => {
  const odd: ReadonlyArray<readonly [string, unknown]> = [
    ["an empty object", {}],
    ["null", null],
    ["a string", "hello"],
    ["capabilities in PHP's format", { ...greeting, capabilities: { tools: [] } }],
    ["capabilities as a list", { ...greeting, capabilities: [] }],
    ["capabilities as a list of names", { ...greeting, capabilities: ["tools"] }],
    ["true", { ...greeting, capabilities: { tools: true, logging: null } }],
    ["no tools, although it has some", { ...greeting, capabilities: { prompts: {} } }],
    ["another version", { ...greeting, protocolVersion: "1.0" }],
    ["a version as a number", { ...greeting, protocolVersion: 2 }],
    ["a server of null", { ...greeting, serverInfo: null }],
    ["a name as a number", { ...greeting, serverInfo: { name: 5, version: null } }]
  ]
  for (const [what, result] of odd) {
    it.effect(`is accepted: ${what}`, () =>
      Effect.map(outcome(greetingWith((id) => line({ jsonrpc: "2.0", id, result }))), (text) =>
        assert.strictEqual(text, "hello")
      )
    )
  }

  it.effect("is not needed from a server with tools that does not know initialize", () =>
    Effect.map(
      outcome((request, say) =>
        request.method === "tools/list" || request.method === "tools/call"
          ? calling((id) => line({ id, result: "hello" }))(request, say)
          : say(line({ id: request.id, error: { code: -32_601, message: "Method not found" } }))
      ),
      (text) => assert.strictEqual(text, "hello")
    )
  )

  it.effect("is requested again with a version that it names", () =>
    Effect.map(
      outcome((request, say) =>
        request.method === "initialize" && request.params?.["protocolVersion"] !== "2024-11-05"
          ? say(
              line({
                id: request.id,
                error: { code: -32_602, message: "Unsupported protocol version", data: { supported: ["2024-11-05"] } }
              })
            )
          : calling((id) => line({ id, result: "hello" }))(request, say)
      ),
      (text) => assert.strictEqual(text, "hello")
    )
  )

  const refusals: ReadonlyArray<readonly [string, Answer]> = [
    [
      "refuses the version, and names its own",
      ({ id }, say) =>
        say(
          line({
            id,
            error: {
              code: -32_022,
              message: "Unsupported",
              data: { supported: ["2026-07-28"], requested: "2025-11-25" }
            }
          })
        )
    ],
    [
      "refuses the version",
      ({ id }, say) => say(line({ id, error: { code: -32_022, message: "UnsupportedProtocolVersion" } }))
    ],
    [
      "knows only server/discover, and no revision of ours",
      ({ id, method }, say) =>
        say(
          line(
            method === "server/discover"
              ? { id, result: { resultType: "complete", supportedVersions: ["2030-01-01"] } }
              : { id, error: { code: -32_601, message: "Method not found" } }
          )
        )
    ]
  ]
  for (const [what, answer] of refusals) {
    it.scoped(`is explained for a server of another revision that ${what}`, () =>
      Effect.map(Effect.flip(connected(answer)), (error) => {
        assert.match(error.message, /it speaks only MCP 20(26-07-28|30-01-01), which lms-bridge does not support yet/)
        assert.notInclude(error.message, "entry")
      })
    )
  }
})

describe("any bytes from a server", () => {
  const anything = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    fc.json().map((json) => `{"jsonrpc":"2.0","id":ID,"result":${json}}`),
    fc.json().map((json) => `{"jsonrpc":"2.0","id":ID,"error":${json}}`),
    fc.json().map((json) => `{"id":${json},"result":${json},"error":${json}}`),
    fc.json().map((json) => `{"method":${json},"id":${json},"params":${json}}`),
    fc
      .tuple(fc.json(), fc.nat(60))
      .map(([json, length]) => `{"jsonrpc":"2.0","id":ID,"result":${json}}`.slice(0, length))
  )

  it.effect.prop(
    "lead to an answer or a typed error at any point, and a correct answer after them is not lost",
    [fc.constantFrom("initialize", "tools/list", "tools/call"), anything],
    ([where, text]) =>
      Effect.scoped(
        Effect.gen(function* () {
          const answer: Answer = (request, say) => {
            if (request.method === where) say(`${text.replaceAll("ID", String(request.id))}\n`)
            calling((id) => line({ id, result: "hello" }))(request, say)
          }
          const done = yield* Effect.either(
            Effect.flatMap(connected(answer), ({ session }) => Effect.zipRight(session.tools, session.call("x", {})))
          )
          assert.isTrue(done._tag === "Right" || typeof done.left.message === "string")
        })
      ),
    { fastCheck: { numRuns: 300 } }
  )
})
