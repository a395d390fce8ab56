import { Duration, Effect, Ref } from "effect"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { MemoryFiles } from "@lms-bridge/testing/MemoryFileSystem"
import { Outcome } from "@lms-bridge/simulator/Faults"
import type { Settings } from "@lms-bridge/simulator/Settings"
import { inMemory, oss, qwen, type Options } from "../models/simulated.ts"
import {
  api,
  arrange,
  asked,
  asks,
  breakers,
  chatRoute,
  chats,
  ensure,
  ensures,
  failing,
  fault,
  lms,
  says,
  scenarios,
  type Scenario
} from "./scenario.ts"

const long = { messages: [{ role: "user" as const, content: "word ".repeat(9000) }] }

const overflow = (
  wording: Settings["overflowWording"],
  given: string,
  expect: Scenario["expect"],
  more: Partial<Settings> = {},
  name: string = wording
): Scenario => ({
  id: `exhaustion/overflow-${name}`,
  class: "resource exhaustion",
  quirks: ["H16"],
  given,
  options: { simulator: { settings: { overflowWording: wording, ...more } } },
  run: chats(qwen, long),
  expect
})

const failed = Outcome.httpError(500, { error: { message: "Channel Error" } })
const fullOfWork = (status: number, message: string) => Outcome.httpError(status, { error: { message } })
const retrying: Options = { settings: { retries: 3 } }
const models = api((lmStudio) => lmStudio.models)
const outcomes = <A, E extends { readonly _tag: string }, R>(times: number, self: Effect.Effect<A, E, R>) =>
  Effect.map(
    Effect.forEach(Array.from({ length: times }), () =>
      Effect.match(self, { onFailure: ({ _tag }) => _tag, onSuccess: () => "ok" })
    ),
    (all) => all.join(", ")
  )

scenarios("exhaustion", [
  overflow("tokens-to-keep", "The conversation is longer than the context; LM Studio says so without figures.", {
    tag: "ContextOverflow",
    says: /--context-length N/
  }),
  overflow("tokens-to-keep-numbers", "The same, with n_keep and n_ctx.", {
    tag: "ContextOverflow",
    says: /\d+ tokens, the context has 4096/
  }),
  overflow("keep-first", "The same, in the words of 0.3.", {
    tag: "ContextOverflow",
    says: /\d+ tokens, the context has 4096/
  }),
  overflow("cannot-truncate", "The same: the prompt cannot be truncated.", {
    tag: "ContextOverflow",
    says: /\d+ tokens, the context has 4096/
  }),
  overflow("available", "The same, in llama-server's words.", {
    tag: "ContextOverflow",
    says: /\d+ tokens, the context has 4096/
  }),
  {
    ...overflow(
      "available",
      "The engine refuses the conversation with an object that has both numbers.",
      { tag: "ContextOverflow", says: /\d+ tokens, the context has 4096/ },
      { overflow: "engine" },
      "of-the-engine"
    ),
    quirks: ["H16", "H32"]
  },
  {
    id: "exhaustion/overflow-as-a-server-error",
    class: "resource exhaustion",
    quirks: ["H16", "H32"],
    given: "The same fault comes as HTTP 500 with an object.",
    run: Effect.zipRight(
      fault(chatRoute, [
        Outcome.httpError(500, {
          error: {
            code: 400,
            type: "exceed_context_size_error",
            message: "request (9021 tokens) exceeds the available context size (4096 tokens), try increasing it",
            n_prompt_tokens: 9021,
            n_ctx: 4096
          }
        })
      ]),
      chats(qwen)
    ),
    expect: { tag: "ContextOverflow", says: /9021 tokens, the context has 4096/ }
  },
  {
    id: "exhaustion/overflow-in-the-stream",
    class: "resource exhaustion",
    quirks: ["H15", "H16"],
    given: "The same fault comes inside a stream that had begun with HTTP 200.",
    run: Effect.zipRight(
      fault(chatRoute, [
        Outcome.garbage(
          'event: error\ndata: {"error":{"message":"The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 9021>= n_ctx: 4096)"}}\n\n',
          "text/event-stream"
        )
      ]),
      chats(qwen)
    ),
    expect: { tag: "ContextOverflow", says: /9021 tokens, the context has 4096/ }
  },
  {
    id: "exhaustion/too-many-requests",
    class: "resource exhaustion",
    given: "A proxy answers 429 to every attempt.",
    options: retrying,
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* fault(chatRoute, [], fullOfWork(429, "Too many requests"))
      const error = yield* failing(chats(qwen))
      return `${error.message} Attempts: ${yield* asked(chatRoute)}.`
    }),
    expect: { outcome: /Too many requests\..*Attempts: 4\.$/ }
  },
  {
    id: "exhaustion/unavailable",
    class: "resource exhaustion",
    given: "The server answers 503 to every attempt.",
    options: retrying,
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* fault(chatRoute, [], fullOfWork(503, "Service Unavailable"))
      return yield* chats(qwen)
    }),
    expect: { tag: "ServerFault", says: /Service Unavailable/ }
  },
  {
    id: "exhaustion/third-attempt",
    class: "resource exhaustion",
    given: "Two attempts fail in the engine, the third succeeds.",
    options: retrying,
    run: Effect.gen(function* () {
      yield* says({ text: "at last" })
      yield* fault(chatRoute, [failed, failed])
      const told = yield* chats(qwen)
      return `${told} Attempts: ${yield* asked(chatRoute)}.`
    }),
    expect: { outcome: /answers "at last".*Attempts: 3\.$/ }
  },
  {
    id: "exhaustion/retry-budget",
    class: "resource exhaustion",
    given: "Twenty retries are allowed, but each attempt takes long: the budget of 30 s ends it.",
    options: { settings: { retries: 20, breakerFailures: 1000 } },
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* fault("GET /api/v1/models", [], failed)
      yield* failing(models)
      const attempts = yield* asked("GET /api/v1/models")
      return `It gives up with attempts to spare: ${attempts < 20}.`
    }),
    expect: { outcome: /to spare: true\.$/ }
  },
  {
    id: "exhaustion/not-retried",
    class: "resource exhaustion",
    given: "The request itself is wrong: it is not sent again.",
    options: retrying,
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* fault(chatRoute, [], Outcome.httpError(400, { error: { message: "Invalid 'messages' in payload." } }))
      const error = yield* failing(chats(qwen))
      return `${error.message} Attempts: ${yield* asked(chatRoute)}.`
    }),
    expect: { outcome: /Invalid 'messages' in payload\. Attempts: 1\.$/ }
  },
  {
    id: "exhaustion/breaker-opens",
    class: "resource exhaustion",
    given: "Five calls in a row fail: the sixth is not made at all.",
    run: Effect.gen(function* () {
      yield* models
      yield* fault("GET /api/v1/models", [], failed)
      yield* outcomes(5, models)
      yield* models
      return ""
    }),
    expect: { tag: "CircuitOpen", says: /tried again in 1m/ }
  },
  {
    id: "exhaustion/breaker-closes",
    class: "resource exhaustion",
    given: "After a minute the breaker lets one call through, and it succeeds.",
    run: Effect.gen(function* () {
      yield* models
      yield* fault("GET /api/v1/models", [failed, failed, failed, failed, failed])
      const before = yield* outcomes(6, models)
      yield* Effect.sleep("61 seconds")
      return `First: ${before}; a minute later: ${yield* outcomes(2, models)}. Breakers: ${yield* breakers}.`
    }),
    expect: { outcome: /CircuitOpen; a minute later: ok, ok\. Breakers: 127\.0\.0\.1:1234 http\.read Closed/ }
  },
  {
    id: "exhaustion/breaker-stays-open",
    class: "resource exhaustion",
    given: "After a minute the one call that is let through fails, too.",
    run: Effect.gen(function* () {
      yield* models
      yield* fault("GET /api/v1/models", [], failed)
      yield* outcomes(5, models)
      yield* Effect.sleep("61 seconds")
      return `A minute later: ${yield* outcomes(2, models)}.`
    }),
    expect: { outcome: /^A minute later: ServerFault, CircuitOpen\.$/ }
  },
  {
    id: "exhaustion/breaker-per-class",
    class: "resource exhaustion",
    given: "`lms` fails five times in a row; HTTP goes on.",
    options: { settings: { lmsTimeout: Duration.seconds(5) } },
    run: Effect.gen(function* () {
      yield* fault("lms ps", [], Outcome.hang)
      const tried = yield* outcomes(
        6,
        lms((cli) => cli.ps)
      )
      return `lms ps: ${tried}. Models over HTTP: ${yield* outcomes(1, models)}. Breakers: ${yield* breakers}.`
    }),
    expect: { outcome: /LmsCliError, CircuitOpen\. Models over HTTP: ok\..*http\.read Closed.*cli Open/ }
  },
  {
    id: "exhaustion/refusals-open-no-breaker",
    class: "resource exhaustion",
    given: "Ten requests are refused because they are wrong: that is no fault of the server.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* fault(chatRoute, [], Outcome.httpError(400, { error: { message: "Invalid 'messages' in payload." } }))
      yield* outcomes(10, chats(qwen))
      return `Breakers: ${yield* breakers}.`
    }),
    expect: { outcome: /http\.inference Closed/ }
  },
  {
    id: "exhaustion/data-folder-read-only",
    class: "resource exhaustion",
    given: "The data folder cannot be written (a full or read-only disk): nothing is shared with other processes.",
    run: Effect.gen(function* () {
      yield* Effect.flatMap(MemoryFiles, (files) => files.setReadOnly(true))
      const told = yield* ensures(qwen)
      return `${told} In memory: ${(yield* inMemory).join(", ")}.`
    }),
    expect: { outcome: /is loaded, by cli.*In memory: qwen\/qwen3-4b-2507\.$/ }
  },
  {
    id: "exhaustion/cut-by-the-token-limit",
    class: "resource exhaustion",
    given: "The answer is longer than `maxTokens` allows.",
    run: Effect.zipRight(says({ text: "one two three", finishReason: "length" }), chats(qwen, { maxTokens: 3 })),
    expect: { outcome: /ends with "length"/ }
  },
  {
    id: "exhaustion/no-memory-anywhere",
    class: "resource exhaustion",
    quirks: ["H19"],
    given: "Neither the model nor any of its fallbacks fits in memory.",
    options: { simulator: { settings: { memoryBudgetBytes: 2e9 } } },
    run: ensures(oss, { fallback: [qwen] }),
    expect: { tag: "ModelLoadRefused", says: /gpt-oss-20b/ }
  },
  {
    id: "exhaustion/still-no-room",
    class: "resource exhaustion",
    given: "Room is made, and it is still not enough.",
    options: { simulator: { settings: { memoryBudgetBytes: 8e9 } } },
    run: Effect.zipRight(ensure(qwen), ensures(oss, { makeRoom: true })),
    expect: { tag: "ModelLoadRefused", says: /GiB/ }
  },
  {
    id: "exhaustion/larger-context-than-memory",
    class: "resource exhaustion",
    given: "A longer context than memory has room for is asked for; our smaller copy is at work and stays.",
    options: { simulator: { settings: { memoryBudgetBytes: 4e9 } } },
    run: Effect.gen(function* () {
      const kept = yield* Ref.make("")
      const error = yield* Effect.flatMap(ModelLifecycle, (lifecycle) =>
        lifecycle.withModel(qwen)(() =>
          Effect.zipLeft(
            failing(ensure(qwen, { contextLength: 65_536 })),
            Effect.flatMap(inMemory, (ids) => Ref.set(kept, ids.join(", ")))
          )
        )
      )
      return `${error.message} In memory: ${yield* Ref.get(kept)}.`
    }),
    expect: { outcome: /does not fit in memory.*In memory: qwen\/qwen3-4b-2507\.$/ }
  },
  {
    id: "exhaustion/prompt-takes-too-long",
    class: "resource exhaustion",
    given: "A long prompt on a slow machine takes longer than LMS_BRIDGE_FIRST_BYTE_TIMEOUT.",
    options: {
      settings: { firstByteTimeout: Duration.minutes(2) },
      simulator: { settings: { promptProcessing: Duration.minutes(5) } }
    },
    run: Effect.zipRight(says({ text: "late" }), chats(qwen)),
    expect: { tag: "RequestTimeout", says: /sent nothing within 2m.*LMS_BRIDGE_FIRST_BYTE_TIMEOUT/ }
  },
  {
    id: "exhaustion/queue-is-full",
    class: "resource exhaustion",
    given: "LM Studio's own queue is full.",
    run: Effect.gen(function* () {
      yield* arrange((lmStudio) => lmStudio.loadAsUser(qwen))
      yield* fault(chatRoute, [Outcome.httpError(500, { error: "The request queue is full." })])
      return yield* asks(qwen)
    }),
    expect: { tag: "ServerFault", says: /queue is full/ }
  }
])
