/* oxlint-disable max-lines -- a table, row after row */
import { Duration, Effect, Option } from "effect"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { Outcome } from "@lms-bridge/simulator/Faults"
import { inMemory, llama, lmsCalls, misbehaving, nomic, oss, qwen, qwen8 } from "../models/simulated.ts"
import { api, arrange, asked, called, ensure, ensures, failing, fault, loadsBegun, scenarios } from "./scenario.ts"

const memory = (memoryBudgetBytes: number) => ({ simulator: { settings: { memoryBudgetBytes } } })
const resolves = (name: string | undefined) =>
  Effect.map(
    Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.resolve(name)),
    (key) => `It means ${key}.`
  )
const withMemory = <E, R>(told: Effect.Effect<string, E, R>) =>
  Effect.zipWith(told, inMemory, (text, ids) => `${text} In memory: ${ids.join(", ") || "nothing"}.`)
const pass = (duration: Duration.DurationInput) => Effect.sleep(duration)

scenarios("loading", [
  {
    id: "loading/unknown-name",
    class: "model loading",
    given: "A model is asked for whose name is almost right.",
    run: ensures("qwen/qwen3-8"),
    expect: { tag: "ModelNotFound", says: /Did you mean qwen\/qwen3-8b/ }
  },
  {
    id: "loading/unknown-name-nothing-alike",
    class: "model loading",
    given: "A model is asked for, and no name on this machine looks like it.",
    run: ensures("zzzzzzzzzz"),
    expect: { tag: "ModelNotFound", says: /Available: .*qwen\/qwen3-8b/ }
  },
  {
    id: "loading/no-models-on-disk",
    class: "model loading",
    given: "Nothing is downloaded, and no model is named.",
    options: { simulator: { models: [] } },
    run: ensures(undefined),
    expect: { tag: "ModelNotFound", says: /No models are downloaded/ }
  },
  {
    id: "loading/only-an-embedding-model-in-memory",
    class: "model loading",
    given: "No model is named, and only an embedding model is in memory.",
    run: Effect.zipRight(
      arrange((lmStudio) => lmStudio.loadAsUser(nomic)),
      ensures(undefined)
    ),
    expect: { outcome: /^qwen\/qwen3-8b is loaded/ }
  },
  {
    id: "loading/default-prefers-what-is-loaded",
    class: "model loading",
    given: "No model is named, and the user has one in memory that is not the best on disk.",
    run: Effect.zipRight(
      arrange((lmStudio) => lmStudio.loadAsUser(llama)),
      ensures("default")
    ),
    expect: { outcome: /^llama-3.2-3b-instruct is already-loaded/ }
  },
  {
    id: "loading/configured-default-is-gone",
    class: "model loading",
    given: "DEFAULT_MODEL names a model that has been deleted.",
    options: { settings: { defaultModel: Option.some("gone/model") } },
    run: ensures(undefined),
    expect: { tag: "ModelNotFound", says: /"gone\/model"/ }
  },
  {
    id: "loading/other-letter-case",
    class: "model loading",
    given: "The name is written in capitals.",
    run: resolves(qwen.toUpperCase()),
    expect: { outcome: /^It means qwen\/qwen3-4b-2507\.$/ }
  },
  {
    id: "loading/variant",
    class: "model loading",
    given: "One of several variants is named, which `lms load` cannot do.",
    run: ensures("qwen/qwen3-8b@Q8_0"),
    expect: { outcome: /^qwen\/qwen3-8b is loaded, by jit/ }
  },
  {
    id: "loading/second-copy-by-name",
    class: "model loading",
    quirks: ["H3"],
    given: "Two copies are in memory, and the second is asked for by its id `:2`.",
    run: Effect.zipRight(
      arrange((lmStudio) => Effect.zipRight(lmStudio.loadAsUser(qwen), lmStudio.loadAsUser(qwen))),
      withMemory(ensures(`${qwen}:2`))
    ),
    expect: { outcome: /^qwen\/qwen3-4b-2507 is already-loaded, as qwen\/qwen3-4b-2507:2, / }
  },
  {
    id: "loading/asked-for-twice",
    class: "model loading",
    quirks: ["H3"],
    given: "A loaded model is asked for again; `lms load` would add a second copy and exit 0.",
    run: Effect.zipRight(ensure(qwen), withMemory(ensures(qwen))),
    expect: { outcome: /already-loaded.*In memory: qwen\/qwen3-4b-2507\.$/ }
  },
  {
    id: "loading/refused-by-estimate",
    class: "model loading",
    quirks: ["H19"],
    given: "The model does not fit in memory, and `lms load --estimate-only` knows.",
    options: memory(4e9),
    run: ensures(oss),
    expect: { tag: "ModelLoadRefused", says: /needs about 11\.\d GiB/ }
  },
  {
    id: "loading/refused-by-guardrail",
    class: "model loading",
    quirks: ["H19", "H32"],
    given: "The model does not fit in memory, and only LM Studio's guardrail says so.",
    options: { ...memory(4e9), lms: false },
    run: ensures(oss),
    expect: { tag: "ModelLoadRefused", says: /needs about 11\.\d GiB/ }
  },
  {
    id: "loading/refused-naming-ours",
    class: "model loading",
    quirks: ["H19"],
    given: "The model does not fit, because an idle model of ours is in memory.",
    options: memory(14e9),
    run: Effect.zipRight(ensure(qwen), ensures(oss)),
    expect: { tag: "ModelLoadRefused", says: /Unload qwen\/qwen3-4b-2507 first \(`--make-room`/ }
  },
  {
    id: "loading/make-room",
    class: "model loading",
    given: "The same, and `makeRoom` is passed.",
    options: memory(14e9),
    run: Effect.zipRight(ensure(qwen), withMemory(ensures(oss, { makeRoom: true }))),
    expect: { outcome: /gpt-oss-20b is loaded.*In memory: openai\/gpt-oss-20b\.$/ }
  },
  {
    id: "loading/make-room-spares-users-and-busy",
    class: "model loading",
    given: "`makeRoom` is passed, but what is in memory belongs to the user or is at work.",
    options: memory(14e9),
    run: Effect.gen(function* () {
      yield* arrange((lmStudio) => lmStudio.loadAsUser(llama))
      yield* ensure(qwen)
      yield* arrange((lmStudio) => lmStudio.setBusy(qwen, "generating"))
      return yield* ensures(oss, { makeRoom: true })
    }),
    expect: { tag: "ModelLoadRefused", says: /Unload other models/ }
  },
  {
    id: "loading/engine-aborts",
    class: "model loading",
    quirks: ["H20"],
    given: "The engine dies with SIGABRT while it loads the model.",
    run: Effect.zipRight(
      arrange((lmStudio) => lmStudio.scriptLoads(qwen, [{ _tag: "Sigabrt" }])),
      ensures(qwen)
    ),
    expect: { tag: "ModelLoadFailed", says: /SIGABRT/ }
  },
  {
    id: "loading/engine-aborts-with-every-model",
    class: "model loading",
    quirks: ["H20"],
    given: "The engine dies with the model and with the first of its fallbacks: it is not tried with all of them.",
    run: Effect.gen(function* () {
      yield* arrange((lmStudio) => lmStudio.scriptLoads("*", [{ _tag: "Sigabrt" }, { _tag: "Sigabrt" }]))
      const error = yield* failing(ensure(oss, { fallback: [qwen8, qwen] }))
      return `${error.message} Loads begun: ${yield* loadsBegun}.`
    }),
    expect: { outcome: /gpt-oss-20b.*Loads begun: 2\.$/ }
  },
  {
    id: "loading/no-runtime",
    class: "model loading",
    given: "LM Studio has no runtime for the model's format.",
    run: Effect.zipRight(
      arrange((lmStudio) =>
        lmStudio.scriptLoads(qwen, [{ _tag: "Fails", message: "No LM Runtime found for model format 'gguf'!" }])
      ),
      ensures(qwen)
    ),
    expect: { tag: "ModelLoadFailed", says: /No LM Runtime found/ }
  },
  {
    id: "loading/lms-loads-another-model",
    class: "model loading",
    given: "`lms load` exits 0 and has loaded another model.",
    options: { cli: misbehaving((real) => ({ load: (options) => real.load({ ...options, key: qwen8 }) })) },
    run: ensures(qwen),
    expect: { tag: "ModelLoadFailed", says: /unloaded again: qwen\/qwen3-8b/ }
  },
  {
    id: "loading/lms-loads-nothing",
    class: "model loading",
    given: "`lms load` exits 0 and has loaded nothing.",
    options: { cli: misbehaving(() => ({ load: () => Effect.void })) },
    run: ensures(qwen),
    expect: { tag: "ModelLoadFailed", says: /nothing is in memory/ }
  },
  {
    id: "loading/user-loads-it-at-the-same-moment",
    class: "model loading",
    quirks: ["H3"],
    given: "The user loads the model in the moment in which we do, so that a second copy appears.",
    options: {
      cli: misbehaving((real, lmStudio) => ({
        load: (options) => Effect.zipRight(Effect.orDie(lmStudio.loadAsUser(options.key)), real.load(options))
      }))
    },
    run: withMemory(ensures(qwen)),
    expect: { outcome: /by its user.*In memory: qwen\/qwen3-4b-2507\.$/ }
  },
  {
    id: "loading/less-context-than-asked",
    class: "model loading",
    given: "`lms load` exits 0 with less context than was asked for.",
    options: { cli: misbehaving((real) => ({ load: (options) => real.load({ ...options, contextLength: 4096 }) })) },
    run: ensures(qwen, { contextLength: 16_384 }),
    expect: { tag: "ModelLoadFailed", says: /context of 4096/ }
  },
  {
    id: "loading/lms-does-not-exit",
    class: "model loading",
    quirks: ["H28"],
    given: "`lms load` has done its work and does not exit.",
    options: { settings: { loadTimeout: Duration.seconds(60) } },
    run: Effect.zipRight(fault("lms load", [Outcome.ok, Outcome.neverExits]), ensures(qwen)),
    expect: { outcome: /is loaded, by cli/ }
  },
  {
    id: "loading/lms-hangs",
    class: "model loading",
    quirks: ["H28"],
    given: "`lms load` hangs and has done nothing.",
    options: { settings: { loadTimeout: Duration.seconds(60) } },
    run: Effect.zipRight(fault("lms load", [Outcome.ok, Outcome.hang]), ensures(qwen)),
    expect: { tag: "ModelLoadFailed", says: /LMS_BRIDGE_LOAD_TIMEOUT/ }
  },
  {
    id: "loading/without-lms",
    class: "model loading",
    given: "There is no `lms`.",
    options: { lms: false },
    run: ensures(qwen),
    expect: { outcome: /by jit.*until idle for 10m/ }
  },
  {
    id: "loading/jit-says-nothing-is-loaded",
    class: "model loading",
    quirks: ["H5"],
    given: 'There is no `lms`, and just-in-time loading is on but answers "No models loaded".',
    options: { lms: false, simulator: { settings: { jitWorks: false } } },
    run: ensures(qwen),
    expect: { outcome: /by rest.*until idle for 10m/ }
  },
  {
    id: "loading/rest-knows-no-ttl",
    class: "model loading",
    given: "There is no `lms`, and only the REST route can give the context asked for, which knows no TTL.",
    options: { lms: false },
    run: Effect.gen(function* () {
      const told = yield* ensures(qwen, { contextLength: 16_384 })
      yield* pass("11 minutes")
      return `${told} After 11 minutes in memory: ${(yield* inMemory).join(", ") || "nothing"}.`
    }),
    expect: { outcome: /by rest.*After 11 minutes in memory: nothing/ }
  },
  {
    id: "loading/older-server",
    class: "model loading",
    given: "The server is older and has no native API, and there is no `lms`.",
    options: { lms: false, simulator: { settings: { api: "legacy-v0" } } },
    run: ensures(qwen),
    expect: { outcome: /by jit.*until idle for 10m/ }
  },
  {
    id: "loading/other-product",
    class: "model loading",
    given: "The server is not LM Studio but speaks OpenAI's API; what it lists is served as it is.",
    options: { simulator: { settings: { api: "openai-only" } } },
    run: ensures(qwen),
    expect: { outcome: /already-loaded/ }
  },
  {
    id: "loading/other-product-cannot-load",
    class: "model loading",
    given: "The same, and something is asked for that would need a load.",
    options: { simulator: { settings: { api: "openai-only" } } },
    run: ensures(qwen, { identifier: "mine" }),
    expect: { tag: "Unsupported" }
  },
  {
    id: "loading/too-small-context-of-ours",
    class: "model loading",
    given: "More context is asked for than our idle copy has.",
    run: Effect.zipRight(ensure(qwen), withMemory(ensures(qwen, { contextLength: 16_384 }))),
    expect: { outcome: /is reloaded.*context of 16384.*In memory: qwen\/qwen3-4b-2507\.$/ }
  },
  {
    id: "loading/too-small-context-of-the-users",
    class: "model loading",
    given: "More context is asked for than the user's copy has.",
    run: Effect.zipRight(
      arrange((lmStudio) => lmStudio.loadAsUser(qwen)),
      withMemory(ensures(qwen, { contextLength: 16_384 }))
    ),
    expect: { outcome: /context of 16384.*In memory: qwen\/qwen3-4b-2507, qwen\/qwen3-4b-2507:/ }
  },
  {
    id: "loading/more-context-than-the-model-has",
    class: "model loading",
    given: "More context is asked for than the model can have at all.",
    run: ensures(qwen8, { contextLength: 50_000 }),
    expect: { tag: "RequestRejected", says: /at most 40960 tokens/ }
  },
  {
    id: "loading/slower-than-the-limit",
    class: "model loading",
    given: "Loading takes longer than LMS_BRIDGE_LOAD_TIMEOUT allows.",
    options: {
      lms: false,
      settings: { loadTimeout: Duration.minutes(1) },
      simulator: { settings: { loadTime: Duration.hours(1), api: "native-v1" } }
    },
    run: ensures(qwen, { contextLength: 8192 }),
    expect: { tag: "ModelLoadFailed", says: /no reply within 1m.*LMS_BRIDGE_LOAD_TIMEOUT/ }
  },
  {
    id: "loading/ttl-above-the-maximum",
    class: "model loading",
    given: "A TTL of three hours is asked for; the policy's maximum is one.",
    run: ensures(qwen, { ttl: "3 hours" }),
    expect: { outcome: /until idle for 1h/ }
  },
  {
    id: "loading/fallbacks",
    class: "model loading",
    given: "The model is not there, the first fallback does not fit, the second does.",
    options: memory(9e9),
    run: ensures("gone/model", { fallback: [oss, qwen] }),
    expect: { outcome: /^qwen\/qwen3-4b-2507 is loaded.*after gone\/model \(.*openai\/gpt-oss-20b \(/ }
  },
  {
    id: "loading/state-that-lags",
    class: "model loading",
    given: "An older server says `not-loaded` of a model that the user has in memory.",
    options: { simulator: { settings: { api: "legacy-v0", v0Lags: true } } },
    run: Effect.zipRight(
      arrange((lmStudio) => lmStudio.loadAsUser(qwen)),
      withMemory(ensures(qwen))
    ),
    expect: { outcome: /already-loaded.*In memory: qwen\/qwen3-4b-2507\.$/ }
  },
  {
    id: "loading/listed-twice",
    class: "model loading",
    quirks: ["H24"],
    given: "The list has a model in two rows, as after a TTL and a new load in 0.3.15.",
    run: Effect.gen(function* () {
      const row = {
        type: "llm",
        key: qwen,
        display_name: qwen,
        max_context_length: 4096,
        loaded_instances: [{ id: qwen, config: { context_length: 4096 } }]
      }
      yield* arrange((lmStudio) => lmStudio.loadAsUser(qwen))
      yield* fault("GET /api/v1/models", [], Outcome.httpError(200, { models: [row, row] }))
      const told = yield* ensures(qwen)
      const all = yield* Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.loaded)
      return `${told} \`models ps\` shows ${all.length}: ${all.map(({ instanceId }) => instanceId).join(", ")}.`
    }),
    expect: { outcome: /already-loaded.*shows 1: / }
  },
  {
    id: "loading/lm-studio-is-off",
    class: "model loading",
    quirks: ["H29"],
    given: "LM Studio is off, and LMS_BRIDGE_AUTOSTART does not allow to start it; most `lms` commands would.",
    options: { simulator: { settings: { appRunning: false, serverRunning: false } } },
    run: Effect.gen(function* () {
      const error = yield* failing(ensure(qwen))
      return `${error.message} Calls of lms: ${(yield* lmsCalls).length}.`
    }),
    expect: { outcome: /does not answer at http:\/\/127\.0\.0\.1:1234.*Calls of lms: 0\.$/ }
  },
  {
    id: "loading/lm-studio-is-off-and-may-be-started",
    class: "model loading",
    quirks: ["H29"],
    given: "LM Studio is off, and LMS_BRIDGE_AUTOSTART allows to start it.",
    options: {
      settings: { autostart: true },
      simulator: { settings: { appRunning: false, serverRunning: false } }
    },
    run: Effect.zipWith(ensures(qwen), called("server start"), (told, n) => `${told} Starts: ${n}.`),
    expect: { outcome: /is loaded.*Starts: 1\.$/ }
  },
  {
    id: "loading/refused-with-status-200",
    class: "model loading",
    quirks: ["H32"],
    given: "The guardrail's refusal comes with HTTP 200.",
    options: {
      lms: false,
      simulator: { settings: { memoryBudgetBytes: 4e9, loadFailureStatus: 200, jitLoading: false } }
    },
    run: ensures(oss),
    expect: { tag: "ModelLoadRefused", says: /GiB/ }
  },
  {
    id: "loading/reply-lost",
    class: "model loading",
    given: "The reply to a REST load is lost, and the load was done.",
    options: { lms: false },
    run: Effect.zipRight(
      fault("POST /api/v1/models/load", [Outcome.dropReply]),
      Effect.zipWith(
        ensures(qwen, { contextLength: 8192 }),
        asked("POST /api/v1/models/load"),
        (told, n) => `${told} Loads asked for: ${n}.`
      )
    ),
    expect: { outcome: /by rest, with a context of 8192.*Loads asked for: 1\.$/ }
  },
  {
    id: "loading/chat-without-a-load",
    class: "model loading",
    given: "A request goes to a model that nothing has loaded, and just-in-time loading is off.",
    options: { simulator: { settings: { jitLoading: false } } },
    run: Effect.as(
      api((lmStudio) => lmStudio.chat({ model: qwen, messages: [{ role: "user", content: "hi" }] })),
      ""
    ),
    expect: { tag: "ModelNotLoaded", says: /lms-bridge models ensure/ }
  }
])
