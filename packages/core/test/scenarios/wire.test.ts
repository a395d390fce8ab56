/* oxlint-disable max-lines -- a table, row after row */
import { Duration, Effect, Option, Redacted } from "effect"
import { Outcome } from "@lms-bridge/simulator/Faults"
import type { TurnInput } from "@lms-bridge/simulator/Script"
import { qwen, requests, type Options } from "../models/simulated.ts"
import {
  api,
  arrange,
  asked,
  chatReply,
  chatRoute,
  chats,
  ensure,
  ensures,
  failing,
  fault,
  partsOf,
  says,
  scenarios,
  task,
  type Scenario
} from "./scenario.ts"

const html = Outcome.garbage("<!doctype html><title>It works!</title>", "text/html")
const token = "sk-lm-abcdefgh:abcdefghijklmnopqrst"
const guarded = (given: string | undefined, more: object = {}): Options => ({
  ...(given === undefined ? {} : { settings: { apiToken: Option.some(Redacted.make(given)) } }),
  simulator: { settings: { authRequired: true, tokens: [token], ...more } }
})
const events = (...all: ReadonlyArray<string>) => Outcome.garbage(all.join(""), "text/event-stream")
const piece = (delta: unknown, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", model: qwen, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`

/** One chat in which the model and the server behave like this. */
const chat = (
  id: string,
  given: string,
  turn: TurnInput | ReadonlyArray<TurnInput>,
  expect: Scenario["expect"],
  more: Partial<Scenario> = {}
): Scenario => ({
  id,
  class: "wire failures",
  given,
  run: Effect.zipRight(
    says(...(Array.isArray(turn) ? (turn as ReadonlyArray<TurnInput>) : [turn as TurnInput])),
    chats(qwen)
  ),
  expect,
  ...more
})

/** The same through the agent loop, with one tool. */
const agent = (
  id: string,
  given: string,
  turns: ReadonlyArray<TurnInput>,
  expect: Scenario["expect"],
  quirk?: `H${number}`
): Scenario => ({
  id,
  class: "wire failures",
  quirks: quirk === undefined ? [] : [quirk],
  given,
  run: Effect.zipRight(says(...turns), task),
  expect
})

const call = { name: "echo", arguments: { message: "hi" } }
const words = "one two three four five six"

scenarios("wire", [
  {
    id: "wire/nothing-listens",
    class: "wire failures",
    given: "Nothing listens at the address.",
    options: { simulator: { settings: { serverRunning: false } } },
    run: ensures(qwen),
    expect: { tag: "LmStudioUnreachable", says: /refused.*lms server start/ }
  },
  {
    id: "wire/something-else-listens",
    class: "wire failures",
    given: "Another program listens there and answers every route with a web page.",
    run: Effect.gen(function* () {
      for (const route of [
        "GET /lmstudio-greeting",
        "GET /api/v1/models",
        "GET /api/v0/models",
        "GET /v1/models"
      ] as const) {
        yield* fault(route, [], html)
      }
      return yield* ensures(qwen)
    }),
    expect: { tag: "LmStudioUnreachable", says: /neither LM Studio nor/ }
  },
  {
    id: "wire/unknown-route",
    class: "wire failures",
    quirks: ["H1"],
    given: "The server is too old for a route and answers HTTP 200 with an error text.",
    options: { simulator: { settings: { api: "legacy-v0" } } },
    run: Effect.as(
      api((lmStudio) => lmStudio.load(qwen)),
      ""
    ),
    expect: { tag: "Unsupported" }
  },
  {
    id: "wire/unknown-route-at-once",
    class: "wire failures",
    quirks: ["H1"],
    given: "The chat route itself is unknown to what answers there, with HTTP 200.",
    run: Effect.zipRight(
      fault(chatRoute, [
        Outcome.httpError(200, { error: "Unexpected endpoint or method. (POST /v1/chat/completions)" })
      ]),
      chats(qwen)
    ),
    expect: { tag: "Unsupported", says: /LMSTUDIO_BASE_URL/ }
  },
  {
    id: "wire/token-missing",
    class: "wire failures",
    given: "LM Studio requires a token and none is set.",
    options: guarded(undefined),
    run: ensures(qwen),
    expect: { tag: "Unauthorized", says: /LM_API_TOKEN/ }
  },
  {
    id: "wire/token-malformed",
    class: "wire failures",
    given: "The token is not one of LM Studio's.",
    options: guarded("nonsense"),
    run: ensures(qwen),
    expect: { tag: "Unauthorized", says: /LM_API_TOKEN/ }
  },
  {
    id: "wire/token-powerless",
    class: "wire failures",
    given: "The token is valid and has no permissions.",
    options: guarded(token, { powerlessTokens: [token] }),
    run: ensures(qwen),
    expect: { tag: "Unauthorized", says: /permission/ }
  },
  {
    id: "wire/hang-at-connect",
    class: "wire failures",
    given: "The server takes no connection (or takes it and says nothing at all).",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* fault(chatRoute, [], Outcome.hang)
      yield* fault("GET /lmstudio-greeting", [], Outcome.hang)
      return yield* chats(qwen)
    }),
    expect: { tag: "RequestTimeout", says: /did not accept the connection within 5s.*LMS_BRIDGE_CONNECT_TIMEOUT/ }
  },
  {
    id: "wire/hang-at-first-byte",
    class: "wire failures",
    given: "The server is there, takes the request and never answers it.",
    run: Effect.zipRight(ensure(qwen), Effect.zipRight(fault(chatRoute, [], Outcome.hang), chats(qwen))),
    expect: { tag: "RequestTimeout", says: /sent nothing within 10m/ }
  },
  chat(
    "wire/stall",
    "The answer stops in the middle, and the socket stays open.",
    { text: words, stallAfterPieces: 2, chunking: { words: 1 } },
    { tag: "RequestTimeout", says: /stopped sending within 2m.*LMS_BRIDGE_IDLE_TIMEOUT/ }
  ),
  chat(
    "wire/too-long-in-all",
    "The answer trickles in for longer than LMS_BRIDGE_REQUEST_TIMEOUT.",
    { text: words, pieceDelayMs: 60_000, chunking: { words: 1 } },
    { tag: "RequestTimeout", says: /did not finish within 3m/ },
    { options: { settings: { requestTimeout: Duration.minutes(3) } } }
  ),
  {
    id: "wire/list-hangs",
    class: "wire failures",
    given: "The model list does not come.",
    run: Effect.zipRight(
      api((lmStudio) => lmStudio.models),
      Effect.zipRight(fault("GET /api/v1/models", [], Outcome.hang), ensures(qwen))
    ),
    expect: { tag: "RequestTimeout", says: /did not answer within 10s \(model list\).*LMS_BRIDGE_LOOK_TIMEOUT/ }
  },
  {
    id: "wire/silent-server",
    class: "wire failures",
    given: "Something takes the connection and never says a word.",
    options: { settings: { retries: 3 } },
    run: Effect.gen(function* () {
      for (const route of [
        "GET /lmstudio-greeting",
        "GET /api/v1/models",
        "GET /api/v0/models",
        "GET /v1/models"
      ] as const) {
        yield* fault(route, [], Outcome.hang)
      }
      const [took, error] = yield* Effect.timed(failing(ensures(qwen)))
      return `${error.message} Given up after ${Duration.format(took)}.`
    }),
    expect: { outcome: /does not answer at http:\/\/127\.0\.0\.1:1234 in time.*Given up after 5s\.$/ }
  },
  {
    id: "wire/reset",
    class: "wire failures",
    given: "The socket closes before any reply; the next attempt succeeds.",
    options: { settings: { retries: 3 } },
    run: Effect.gen(function* () {
      yield* says({ text: "here" })
      yield* fault(chatRoute, [Outcome.reset])
      const told = yield* chats(qwen)
      return `${told} Attempts: ${yield* asked(chatRoute)}.`
    }),
    expect: { outcome: /answers "here".*Attempts: 2\.$/ }
  },
  {
    id: "wire/reset-every-time",
    class: "wire failures",
    given: "The socket closes before any reply, every time.",
    options: { settings: { retries: 3 } },
    run: Effect.zipRight(ensure(qwen), Effect.zipRight(fault(chatRoute, [], Outcome.reset), chats(qwen))),
    expect: { tag: "LmStudioUnreachable", says: /transport/ }
  },
  chat(
    "wire/cut",
    "The connection breaks in the middle of the answer.",
    { text: words, cutAfterPieces: 2, chunking: { words: 1 } },
    { tag: "StreamCut", says: /after \d+ characters/ }
  ),
  chat(
    "wire/cut-is-not-repeated",
    "The same with retries allowed: what was shown is not said twice.",
    { text: words, cutAfterPieces: 2, chunking: { words: 1 } },
    { outcome: /after \d+ characters.*Requests: 1\.$/ },
    {
      options: { settings: { retries: 3 } },
      run: Effect.gen(function* () {
        yield* says({ text: words, cutAfterPieces: 2, chunking: { words: 1 } })
        const error = yield* failing(partsOf(qwen))
        return `${error.message} Requests: ${yield* asked(chatRoute)}.`
      })
    }
  ),
  chat(
    "wire/error-object-in-stream",
    "The engine fails in the middle of the answer; the stream carries an object.",
    { text: words, error: { message: "received prediction-error", afterPieces: 2 }, chunking: { words: 1 } },
    { tag: "ServerFault", says: /received prediction-error/ },
    { quirks: ["H15"] }
  ),
  chat(
    "wire/error-string-in-stream",
    "The same in an older version: the stream carries a bare string.",
    { text: words, error: { message: "received prediction-error", afterPieces: 2 }, chunking: { words: 1 } },
    { tag: "ServerFault", says: /received prediction-error/ },
    { quirks: ["H15"], options: { simulator: { settings: { streamErrors: "string" } } } }
  ),
  chat(
    "wire/tool-call-does-not-parse",
    "LM Studio cannot parse the model's tool calls: extra content after the first.",
    { error: { message: "Failed to parse tool call: Extra content after end of tool call" } },
    { tag: "ServerFault", says: /Extra content after end of tool call/ },
    { quirks: ["H9"] }
  ),
  agent(
    "wire/tool-call-does-not-parse-in-a-run",
    "The same in the middle of a task.",
    [
      { error: { message: "Failed to parse tool call: Extra content after end of tool call" } },
      { toolCalls: [call] },
      { text: "done" }
    ],
    { outcome: /^done: "done", 1 tool call\(s\)/ },
    "H9"
  ),
  agent(
    "wire/tool-call-in-thinking",
    "LM Studio's parser reads a call inside the model's thinking and fails.",
    [
      { reasoning: "I could call <tool_call>…", error: { message: "Failed to parse tool call: Unexpected token" } },
      { toolCalls: [call] },
      { text: "done" }
    ],
    { outcome: /^done: "done", 1 tool call\(s\)/ },
    "H10"
  ),
  agent(
    "wire/call-left-in-the-text",
    "The model's call is left in the text of its answer.",
    [{ text: '<tool_call>{"name": "echo", "arguments": {"message": "hi"}}</tool_call>' }, { text: "done" }],
    { outcome: /^done: "done", 1 tool call\(s\)/ },
    "H7"
  ),
  agent(
    "wire/call-dropped",
    'LM Studio drops a call that it cannot parse and ends with "stop" and no text.',
    [{ toolCalls: [call], dropCalls: true }, { toolCalls: [call] }, { text: "done" }],
    { outcome: /^done: "done", 1 tool call\(s\)/ },
    "H8"
  ),
  agent(
    "wire/empty-reply",
    "A queued request comes back with nothing at all.",
    [{}, { text: "here" }],
    { outcome: /^done: "here"/ },
    "H21"
  ),
  agent(
    "wire/answer-cut-at-its-length",
    "A long answer ends in the middle because of the token limit: it is continued.",
    [{ text: "first half, ", finishReason: "length" }, { text: "second half." }],
    { outcome: /^done: "first half, second half\."/ }
  ),
  agent(
    "wire/call-without-id-and-function",
    'A tool call comes with the id "" and without a function.',
    [
      {
        toolCalls: [
          { name: "", id: "" },
          { ...call, id: "" }
        ]
      },
      { text: "done" }
    ],
    { outcome: /^done: "done", 1 tool call\(s\)/ },
    "H11"
  ),
  chat(
    "wire/empty-names",
    'After the first piece, every piece of a tool call has the name "".',
    { toolCalls: [call], chunking: { words: 1, emptyNames: true } },
    { outcome: /calling echo with \{"message":"hi"\}/ },
    { quirks: ["H12"] }
  ),
  chat(
    "wire/invalid-arguments",
    "The arguments of a call are broken JSON, of another there are none: they are kept as they are.",
    {
      toolCalls: [
        { name: "echo", arguments: '{"message": "hi' },
        { name: "list", arguments: "" }
      ]
    },
    { outcome: /calling echo with \{"message": "hi, calling list with nothing/ },
    { quirks: ["H13"] }
  ),
  ...(["reasoning_content", "reasoning", "think"] as const).map((place) =>
    chat(
      `wire/thinking-in-${place}`,
      `The model's thinking comes in ${place === "think" ? "`<think>` tags in the text" : `\`${place}\``}.`,
      { reasoning: "hm", text: "yes", reasoningIn: place },
      { outcome: /answers "yes", thinking "hm"/ },
      { quirks: ["H14"] }
    )
  ),
  chat(
    "wire/no-done",
    "The stream ends in order but without `[DONE]`.",
    { text: "whole", withoutDone: true },
    { outcome: /answers "whole"/ },
    { quirks: ["H15"] }
  ),
  {
    id: "wire/ends-without-a-reason",
    class: "wire failures",
    quirks: ["H15"],
    given: "The stream ends without `[DONE]` and without a reason.",
    run: Effect.zipRight(fault(chatRoute, [events(piece({ content: "half" }))]), chats(qwen)),
    expect: { tag: "StreamCut", says: /after 4 characters/ }
  },
  chat(
    "wire/empty-choices",
    "Pieces without choices come between the others.",
    { text: words, chunking: { words: 1, emptyChoices: true } },
    { outcome: /answers "one two three four five six"/ }
  ),
  chat(
    "wire/cut-up-bytes",
    "The stream has CRLF line ends and keep-alive comments and arrives byte by byte, through the middle of letters.",
    { text: "Grüße 🤔", chunking: { bytes: 1, crlf: true, keepAlive: true } },
    { outcome: /answers "Grüße 🤔"/ }
  ),
  {
    id: "wire/garbage-json",
    class: "wire failures",
    given: "A piece in the middle of the stream is no JSON.",
    run: Effect.zipRight(
      fault(chatRoute, [events(piece({ content: "be" }), "data: {not json}\n\n", piece({ content: "fore" }, "stop"))]),
      chats(qwen)
    ),
    expect: { tag: "ReplyMalformed", says: /not JSON.*lms-bridge doctor/ }
  },
  {
    id: "wire/garbage-at-the-end",
    class: "wire failures",
    given: "The stream ends after a piece that is no JSON.",
    run: Effect.zipRight(fault(chatRoute, [events("data: {not json}\n\n")]), chats(qwen)),
    expect: { tag: "StreamCut", says: /after 0 characters/ }
  },
  {
    id: "wire/garbage-list",
    class: "wire failures",
    given: "The native model list makes no sense any more.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* fault("GET /api/v1/models", [], Outcome.garbage('{"models": 7}', "application/json"))
      yield* arrange((lmStudio) => lmStudio.clearSeen)
      const told = yield* ensures(qwen)
      return `${told} Asked: ${(yield* requests).join(", ")}.`
    }),
    expect: { outcome: /already-loaded/ }
  },
  {
    id: "wire/no-answer-in-the-reply",
    class: "wire failures",
    quirks: ["H21"],
    given: "A chat comes back with nothing at all, outside of a task.",
    run: Effect.zipRight(says({}), chats(qwen)),
    expect: { outcome: /answers ""/ }
  },
  {
    id: "wire/server-stops",
    class: "wire failures",
    given: "The server is switched off in the middle of an answer.",
    run: Effect.gen(function* () {
      yield* says({ text: words, pieceDelayMs: 1000, chunking: { words: 1 } })
      yield* ensure(qwen)
      yield* Effect.fork(
        Effect.zipRight(
          Effect.sleep("2500 millis"),
          arrange((lmStudio) => lmStudio.setSettings({ serverRunning: false }))
        )
      )
      return (yield* chatReply(qwen)).content
    }),
    expect: { tag: "StreamCut", says: /characters/ }
  },
  {
    id: "wire/server-comes-back",
    class: "wire failures",
    given: "The server is off for three seconds; calls that only look are tried again.",
    options: { settings: { retries: 3 } },
    run: Effect.gen(function* () {
      yield* api((lmStudio) => lmStudio.models)
      yield* fault("GET /api/v1/models", [Outcome.reset, Outcome.reset])
      return yield* ensures(qwen)
    }),
    expect: { outcome: /is loaded/ }
  }
])
