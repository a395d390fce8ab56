import { Duration, Effect, Option } from "effect"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { MemoryFiles } from "@lms-bridge/testing/MemoryFileSystem"
import { Outcome } from "@lms-bridge/simulator/Faults"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { inMemory, lmsCalls, nomic, qwen } from "../models/simulated.ts"
import {
  api,
  arrange,
  asks,
  chatReply,
  chatRoute,
  chats,
  ensure,
  ensures,
  failing,
  fault,
  lms,
  says,
  scenarios,
  taskWith,
  unload
} from "./scenario.ts"

const bodies = (path: string) =>
  Effect.flatMap(SimulatorControl, (lmStudio) =>
    Effect.map(lmStudio.seen, ({ requests }) =>
      requests.filter((request) => request.path === path).map(({ body }) => Object(body) as Record<string, unknown>)
    )
  )
const withLmsCalls = <E extends { readonly message: string }, R>(self: Effect.Effect<unknown, E, R>) =>
  Effect.zipWith(failing(self), lmsCalls, ({ message }, calls) => `${message} Calls of lms: ${calls.length}.`)
const tool = { name: "read_file", description: "Reads a file.", parameters: { type: "object", properties: {} } }

scenarios("edges", [
  {
    id: "edges/name-like-an-option",
    class: "edge cases",
    given: "The model's name is `--help`.",
    run: withLmsCalls(ensure("--help")),
    expect: { outcome: /There is no model "--help".*Calls of lms: 0\.$/ }
  },
  {
    id: "edges/name-with-control-characters",
    class: "edge cases",
    given: "The model's name holds a NUL and a line break.",
    run: withLmsCalls(ensure("a\u0000b\nc")),
    expect: { outcome: /There is no model "a.b.c".*Calls of lms: 0\.$/ }
  },
  {
    id: "edges/name-of-ten-thousand-characters",
    class: "edge cases",
    given: "The model's name has 10 000 characters.",
    run: Effect.map(failing(ensure("x".repeat(10_000))), ({ _tag, message }) => {
      const short = message.length < 1000
      return `${_tag}, in less than 1000 characters: ${short}.`
    }),
    expect: { outcome: /^ModelNotFound, in less than 1000 characters: true\.$/ }
  },
  {
    id: "edges/name-in-other-scripts",
    class: "edge cases",
    given: "The model's name is in Chinese, with an emoji.",
    run: ensures("千问三 🤖"),
    expect: { tag: "ModelNotFound", says: /千问三 🤖/ }
  },
  {
    id: "edges/blank-name",
    class: "edge cases",
    given: "The model's name is blank: that is the default.",
    run: ensures("  "),
    expect: { outcome: /is loaded/ }
  },
  {
    id: "edges/default-is-never-sent",
    class: "edge cases",
    given: "`default` is asked for on every route: a real name is sent, or nothing.",
    run: Effect.gen(function* () {
      yield* says({ text: "hi" })
      yield* Effect.flatMap(ModelLifecycle, (lifecycle) =>
        lifecycle.withModel("default")((lease) => lease.chat({ messages: [{ role: "user", content: "hi" }] }))
      )
      const refused = yield* api((lmStudio) =>
        Effect.all([
          failing(lmStudio.chat({ model: "default", messages: [] })),
          failing(lmStudio.complete({ model: "default", prompt: "x" })),
          failing(lmStudio.embed({ model: "default", input: ["x"] })),
          failing(lmStudio.respond({ model: "default", input: "x" }))
        ])
      )
      const sent = (yield* bodies("/v1/chat/completions")).map(({ model }) => model).join(", ")
      return `Sent: ${sent}. Refused here: ${refused.map(({ _tag }) => _tag).join(", ")}. ${refused[0].message}`
    }),
    expect: { outcome: /Refused here: RequestRejected, RequestRejected, RequestRejected, RequestRejected\./ }
  },
  {
    id: "edges/unload-what-is-not-loaded",
    class: "edge cases",
    quirks: ["H6"],
    given: "Something is to be unloaded that is not loaded; `lms unload` would exit 0.",
    run: withLmsCalls(unload(qwen)),
    expect: { outcome: /is not loaded/ }
  },
  {
    id: "edges/unload-that-did-nothing",
    class: "edge cases",
    quirks: ["H6"],
    given: "`lms unload` exits 0 and has unloaded nothing.",
    options: { simulator: { settings: { api: "legacy-v0" } } },
    run: Effect.zipRight(
      ensure(qwen),
      Effect.zipRight(fault("lms unload", [Outcome.exit(0)]), Effect.as(unload(qwen), ""))
    ),
    expect: { tag: "UnloadNotVerified", says: /models ps/ }
  },
  {
    id: "edges/unload-all-as-a-name",
    class: "edge cases",
    given: "`--all` is passed as the name of what to unload.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      const error = yield* failing(unload("--all"))
      return `${error.message} In memory: ${(yield* inMemory).join(", ")}.`
    }),
    expect: { outcome: /not loaded.*In memory: qwen\/qwen3-4b-2507\.$/ }
  },
  {
    id: "edges/corrupt-ledger",
    class: "edge cases",
    given: "The files in which we note what we loaded hold garbage.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      const files = yield* MemoryFiles
      for (const path of (yield* files.all).keys()) {
        if (path.startsWith("/data")) yield* files.write(path, "{ not json")
      }
      const told = yield* ensures(qwen)
      return `${told} In memory: ${(yield* inMemory).join(", ")}.`
    }),
    expect: { outcome: /already-loaded.*In memory: qwen\/qwen3-4b-2507\.$/ }
  },
  {
    id: "edges/embeddings-without-usage",
    class: "edge cases",
    quirks: ["H34"],
    given: "An embeddings request is far longer than the context: LM Studio cuts it silently and counts 0 tokens.",
    run: Effect.gen(function* () {
      yield* ensure(nomic)
      const { usage, vectors } = yield* api((lmStudio) =>
        lmStudio.embed({ model: nomic, input: ["word ".repeat(50_000)] })
      )
      const counted = usage === undefined || usage.inputTokens === 0 ? "not told" : `${usage.inputTokens}`
      return `${vectors.length} vector of ${vectors[0]?.length} numbers; tokens read: ${counted}.`
    }),
    expect: { outcome: /^1 vector of \d+ numbers; tokens read: not told\.$/ }
  },
  {
    id: "edges/odd-responses",
    class: "edge cases",
    quirks: ["H33"],
    given: "`/v1/responses` answers with `top_p: false` and `input_tokens: 0`.",
    options: { simulator: { settings: { oddResponses: true } } },
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* says({ text: "fine" })
      const { content, status } = yield* api((lmStudio) => lmStudio.respond({ model: qwen, input: "hi" }))
      return `${status}: "${content}".`
    }),
    expect: { outcome: /^completed: "fine"\.$/ }
  },
  {
    id: "edges/state-store-corrupt",
    class: "edge cases",
    quirks: ["H18"],
    given: "LM Studio's store of past responses is damaged.",
    options: { simulator: { settings: { historyCorrupt: true } } },
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* says({ text: "fine" })
      return (yield* api((lmStudio) => lmStudio.respond({ model: qwen, input: "hi" }))).content
    }),
    expect: { tag: "ServerFault", says: /api-prediction-history/ }
  },
  {
    id: "edges/previous-response-gone",
    class: "edge cases",
    quirks: ["H17"],
    given: "A `previous_response_id` is not known any more.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* says({ text: "one" }, { text: "two" })
      const { id } = yield* api((lmStudio) => lmStudio.respond({ model: qwen, input: "hi" }))
      yield* arrange((lmStudio) => lmStudio.clearHistory)
      return (yield* api((lmStudio) => lmStudio.respond({ model: qwen, previousResponseId: id, input: "?" }))).content
    }),
    expect: { tag: "RequestRejected", says: /previous_response_id/ }
  },
  {
    id: "edges/forms-that-are-refused",
    class: "edge cases",
    quirks: ["H27"],
    given:
      "LM Studio refuses an object as `tool_choice` and `json_object` as a format: only other forms are ever sent.",
    run: Effect.gen(function* () {
      yield* says({ text: "{}" }, { text: "ok" })
      const schema = { type: "object", properties: { a: { type: "string" } } }
      yield* chatReply(qwen, { responseSchema: { name: "answer", schema } })
      yield* chatReply(qwen, { tools: [tool], toolChoice: "required" })
      const sent = yield* bodies("/v1/chat/completions")
      const formats = sent.map(({ response_format }) => Object(response_format).type ?? "none")
      const choices = sent.map(({ tool_choice }) => (typeof tool_choice === "string" ? tool_choice : "none"))
      return `Formats sent: ${formats.join(", ")}. Tool choices sent: ${choices.join(", ")}.`
    }),
    expect: { outcome: /^Formats sent: json_schema, none\. Tool choices sent: none, required\.$/ }
  },
  {
    id: "edges/tool-choice-refused",
    class: "edge cases",
    quirks: ["H27"],
    given: "A server refuses the tool choice all the same.",
    run: Effect.zipRight(
      fault(chatRoute, [
        Outcome.httpError(400, {
          error: "Invalid tool_choice type: 'object'. Supported string values: none, auto, required"
        })
      ]),
      chats(qwen)
    ),
    expect: { tag: "RequestRejected", says: /Supported string values/ }
  },
  {
    id: "edges/strict-bodies",
    class: "edge cases",
    quirks: ["H30"],
    given: "`/api/v1` refuses keys that it does not know: the bodies of load and unload hold no others.",
    options: { lms: false },
    run: Effect.gen(function* () {
      yield* ensure(qwen, { contextLength: 8192 })
      yield* unload(qwen)
      const load = (yield* bodies("/api/v1/models/load")).flatMap((body) => Object.keys(body))
      const unloadKeys = (yield* bodies("/api/v1/models/unload")).flatMap((body) => Object.keys(body))
      return `Load: ${load.join(", ")}. Unload: ${unloadKeys.join(", ")}.`
    }),
    expect: { outcome: /^Load: [a-z_, ]*model[a-z_, ]*\. Unload: instance_id\.$/ }
  },
  {
    id: "edges/strict-body-refused",
    class: "edge cases",
    quirks: ["H30"],
    given: "A newer `/api/v1` refuses a key that we do send.",
    options: { lms: false },
    run: Effect.zipRight(
      fault(
        "POST /api/v1/models/load",
        [],
        Outcome.httpError(400, {
          error: {
            type: "invalid_request",
            message: "Unrecognized key(s) in object: 'context_length'",
            code: "unrecognized_keys"
          }
        })
      ),
      ensures(qwen, { contextLength: 8192 })
    ),
    expect: { tag: "RequestRejected", says: /Unrecognized key/ }
  },
  {
    id: "edges/routes-that-ignore-schemas",
    class: "edge cases",
    quirks: ["H31"],
    given: "Only `/v1/chat/completions` keeps to a JSON schema: a request with one goes there and nowhere else.",
    run: Effect.gen(function* () {
      yield* says({ text: '{"a":"b"}' })
      yield* ensure(qwen)
      yield* arrange((lmStudio) => lmStudio.clearSeen)
      const { content } = yield* chatReply(qwen, { responseSchema: { name: "answer", schema: { type: "object" } } })
      const { requests } = yield* arrange((lmStudio) => lmStudio.seen)
      const posts = requests.filter(({ method }) => method === "POST").map(({ path }) => path)
      return `${content} by ${posts.join(", ")}.`
    }),
    expect: { outcome: /^\{"a":"b"\} by \/v1\/chat\/completions\.$/ }
  },
  {
    id: "edges/grammar",
    class: "edge cases",
    quirks: ["H26"],
    given: "A tool's schema is too odd for the engine's grammar: it is not sent a second time.",
    options: { settings: { retries: 3 } },
    run: Effect.zipRight(
      fault(chatRoute, [], Outcome.httpError(400, { error: { message: "failed to parse grammar" } })),
      chats(qwen, { tools: [tool] })
    ),
    expect: { tag: "ServerFault", says: /failed to parse grammar/ }
  },
  {
    id: "edges/tool-names",
    class: "edge cases",
    quirks: ["H25"],
    given: "A tool's name has capitals, and LM Studio shows it to the model in snake_case.",
    run: Effect.zipRight(
      says({ toolCalls: [{ name: "say_again", arguments: { message: "hi" } }] }, { text: "done" }),
      taskWith("sayAgain")
    ),
    expect: { outcome: /^done: "done", 1 tool call/ }
  },
  {
    id: "edges/option-for-lms",
    class: "edge cases",
    given: "`lms` itself is to unload something called `--all`.",
    run: Effect.as(
      lms((cli) => cli.unload("--all")),
      ""
    ),
    expect: { tag: "LmsCliError", says: /must not begin with "-"/ }
  },
  {
    id: "edges/no-time-at-all",
    class: "edge cases",
    given: "A TTL of zero is asked for.",
    run: ensures(qwen, { ttl: 0 }),
    expect: { outcome: /until idle for 1s/ }
  },
  {
    id: "edges/for-ever",
    class: "edge cases",
    given: "A TTL without end is asked for.",
    run: ensures(qwen, { ttl: Duration.infinity }),
    expect: { outcome: /until idle for 1h/ }
  },
  {
    id: "edges/identifier-taken",
    class: "edge cases",
    given: "A model is to have an identifier that another one has.",
    run: Effect.zipRight(
      arrange((lmStudio) => lmStudio.loadAsUser("llama-3.2-3b-instruct", { identifier: "reader" })),
      ensures(qwen, { identifier: "reader" })
    ),
    expect: { tag: "RequestRejected", says: /"reader" is the identifier of a copy of/ }
  },
  {
    id: "edges/user-renamed-it",
    class: "edge cases",
    given: "A request names a model that the user has loaded under an identifier of their own.",
    run: Effect.gen(function* () {
      yield* arrange((lmStudio) => lmStudio.loadAsUser(qwen, { identifier: "my-qwen" }))
      yield* says({ text: "yes" })
      return yield* asks(qwen)
    }),
    expect: { outcome: /answers "yes"/ }
  },
  {
    id: "edges/no-data-folder",
    class: "edge cases",
    given: "There is no data folder and no home to put one in.",
    options: { settings: { dataDir: Option.none() } },
    run: ensures(qwen),
    expect: { outcome: /is loaded, by cli/ }
  }
])
