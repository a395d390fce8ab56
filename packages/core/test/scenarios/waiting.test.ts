import { Duration, Effect } from "effect"
import { model } from "@lms-bridge/simulator/Catalogue"
import { Outcome } from "@lms-bridge/simulator/Faults"
import type { Settings } from "@lms-bridge/simulator/Settings"
import { inMemory, oss, qwen } from "../models/simulated.ts"
import {
  api,
  arrange,
  chats,
  ensure,
  ensures,
  failing,
  fault,
  lms,
  loadsBegun,
  says,
  scenarios,
  task,
  type Scenario
} from "./scenario.ts"

const set = (patch: Partial<Settings>) => arrange((lmStudio) => lmStudio.setSettings(patch))

/** It happens behind the back of whoever waits. */
const later = (duration: Duration.DurationInput, patch: Partial<Settings>) =>
  Effect.forkScoped(Effect.delay(set(patch), duration))

const down = { appRunning: false, serverRunning: false }
const up = { appRunning: true, serverRunning: true }

const badGateway = Outcome.httpError(502, "<html><h1>502 Bad Gateway</h1></html>")

/** What is told while somebody waits. */
const heard = Effect.gen(function* () {
  const told = new Set<string>()
  const result = yield* ensures(qwen, {
    onProgress: (progress) => Effect.sync(() => void (progress._tag === "Waiting" ? told.add(progress.why) : undefined))
  })
  return `${result} Told: ${[...told].join("; ")}.`
})

const call = { name: "echo", arguments: { message: "hi" } }
const twoTurns = says({ toolCalls: [call] }, { text: "done" })

/** A run whose engine crashes with this exit code. */
const crash = (id: string, exitCode: string, given: string, more: Partial<Settings> = {}): Scenario => ({
  id: `wire/crash-${id}`,
  class: "wire failures",
  given,
  options: { simulator: { settings: { crashExitCode: exitCode, ...more } } },
  run: Effect.zipRight(
    says({ toolCalls: [call] }, { text: "one two three four", crashAfterPieces: 1 }, { text: "done" }),
    task
  ),
  expect: { outcome: /^done: "done", 1 tool call/ }
})

scenarios("waiting", [
  crash(
    "unsigned-code",
    "18446744072635812000",
    "The engine crashes in a reply, with a negative code seen as unsigned."
  ),
  crash("no-code", "null", "The engine crashes in a reply, without a code."),
  crash("calls-itself-load", "-1073741819", "The crash in a reply calls itself `model_load_failed`.", {
    crashCallsItselfLoad: true
  }),
  ...["18446744072635812000", "null", "-1073741819", "6"].map((exitCode): Scenario => ({
    id: `wire/crash-as-400-${exitCode}`,
    class: "wire failures",
    given: `The engine has crashed (${exitCode}), which is told with status 400: the model is loaded again.`,
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* says({ text: "hello" })
      yield* fault("POST /v1/chat/completions", [
        Outcome.httpError(400, {
          error: {
            message: `The model has crashed without additional information. (Exit code: ${exitCode})`,
            type: "model_load_failed"
          }
        })
      ])
      return yield* chats(qwen)
    }),
    expect: { outcome: /answers "hello"/ }
  })),
  {
    id: "wire/crash-again-and-again",
    class: "wire failures",
    given: "The engine crashes with the model each time it is asked.",
    run: Effect.gen(function* () {
      const text = "The model has crashed without additional information. (Exit code: 18446744072635812000)"
      yield* fault("POST /v1/chat/completions", [], Outcome.httpError(400, { error: text }))
      return yield* chats(qwen)
    }),
    expect: { tag: "ModelCrashed", says: /Exit code: 18446744072635812000\).*engine aborted/ }
  },
  {
    id: "wire/server-is-loading",
    class: "wire failures",
    given: "The server says for 25 seconds that it is loading the model, with status 503.",
    run: Effect.gen(function* () {
      yield* set({ warmingUp: true })
      yield* later("25 seconds", { warmingUp: false })
      return yield* heard
    }),
    expect: { outcome: /is loaded.*Told: the server says that it is still loading\.$/ }
  },
  {
    id: "wire/loading-in-the-middle-of-a-run",
    class: "wire failures",
    given: 'In the middle of a run, chats are answered with 503 "Loading model" for half a minute.',
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* twoTurns
      const loading = Outcome.httpError(503, {
        error: { code: 503, message: "Loading model", type: "unavailable_error" }
      })
      yield* fault("POST /v1/chat/completions", [Outcome.ok, ...Array.from({ length: 30 }, () => loading)])
      return yield* task
    }),
    expect: { outcome: /^done: "done", 1 tool call/ }
  },
  {
    id: "wire/loading-in-ollamas-words",
    class: "wire failures",
    given: "Another server says in its own words, with status 500, that it is loading the model.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* says({ text: "hello" })
      const loading = Outcome.httpError(500, { error: "llm server loading model" })
      yield* fault(
        "POST /v1/chat/completions",
        Array.from({ length: 12 }, () => loading)
      )
      return yield* chats(qwen)
    }),
    expect: { outcome: /answers "hello"/ }
  },
  {
    id: "wire/loading-without-an-end",
    class: "wire failures",
    given: "The server says that it is loading the model for longer than LMS_BRIDGE_LOAD_TIMEOUT allows.",
    options: { settings: { loadTimeout: Duration.minutes(1) } },
    run: Effect.zipRight(set({ warmingUp: true }), ensures(qwen)),
    expect: { tag: "ServerFault", says: /still loading\. LM Studio said: Loading model\..*LMS_BRIDGE_LOAD_TIMEOUT/ }
  },
  {
    id: "wire/engine-comes-back",
    class: "wire failures",
    given:
      "LM Studio is killed in the middle of a run, before the first word of a reply, and is back after 20 seconds.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* says({ toolCalls: [call] }, { text: "never", delayMs: 10_000 }, { text: "done" })
      yield* later("2 seconds", down)
      yield* later("22 seconds", up)
      return yield* task
    }),
    expect: { outcome: /^done: "done", 1 tool call/ }
  },
  {
    id: "wire/engine-comes-back-in-a-reply",
    class: "wire failures",
    given: "LM Studio is killed in the middle of a reply and is back after half a minute.",
    options: { simulator: { settings: { tokenDelay: Duration.millis(200), wordsPerPiece: 1 } } },
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* says({ text: "one two three four five six seven eight" }, { text: "done" })
      yield* later("1 seconds", down)
      yield* later("31 seconds", up)
      return yield* task
    }),
    expect: { outcome: /^done: "done"/ }
  },
  {
    id: "wire/engine-comes-back-for-five-runs",
    class: "wire failures",
    given: "LM Studio is killed under five requests at once, and is back after half a minute.",
    options: { settings: { retries: 3 }, simulator: { settings: { promptProcessing: Duration.seconds(5) } } },
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* says(...Array.from({ length: 10 }, () => ({ text: "hello" })))
      yield* later("1 seconds", down)
      yield* later("31 seconds", up)
      const all = yield* Effect.all(
        Array.from({ length: 5 }, () => chats(qwen)),
        { concurrency: 5 }
      )
      return `${all.length} answers. ${all[4] ?? ""}`
    }),
    expect: { outcome: /^5 answers\..*answers "hello"/ }
  },
  {
    id: "wire/gone-is-told",
    class: "wire failures",
    given: "LM Studio has gone, and a model is asked for; it is back after 20 seconds.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* set(down)
      yield* later("20 seconds", up)
      return yield* heard
    }),
    expect: { outcome: /is loaded.*Told: LM Studio has gone and may come back\.$/ }
  },
  {
    id: "wire/gone-for-good",
    class: "wire failures",
    given: "LM Studio has gone and does not come back.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* set(down)
      return yield* ensures(qwen)
    }),
    expect: { tag: "LmStudioUnreachable", says: /answered before, but does not any more/ }
  },
  {
    id: "wire/proxy-before-a-server-that-starts",
    class: "wire failures",
    given: "At first contact, a proxy says 502 for twenty seconds, for LM Studio is being started behind it.",
    run: Effect.gen(function* () {
      yield* fault(
        "GET /api/v1/models",
        Array.from({ length: 20 }, () => badGateway)
      )
      return yield* heard
    }),
    expect: { outcome: /is loaded.*Told: LM Studio has gone and may come back\.$/ }
  },
  {
    id: "wire/proxy-before-a-server-that-starts-again",
    class: "wire failures",
    given: "In the middle of a run, a proxy says 502, for LM Studio is started again behind it.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* says({ toolCalls: [call] }, { text: "done" })
      yield* fault("POST /v1/chat/completions", [Outcome.ok, badGateway, badGateway])
      return yield* task
    }),
    expect: { outcome: /^done: "done", 1 tool call/ }
  },
  {
    id: "loading/connection-drops-and-it-is-not-there",
    class: "model loading",
    given: "The connection breaks while the model is loaded, and it is not there afterwards.",
    options: { lms: false },
    run: Effect.gen(function* () {
      yield* fault("POST /api/v1/models/load", [Outcome.reset])
      return `${yield* ensures(qwen, { contextLength: 8192 })} Loads begun: ${yield* loadsBegun}.`
    }),
    expect: { outcome: /is loaded, by rest.*Loads begun: 1\.$/ }
  },
  {
    id: "loading/connection-drops-and-it-is-there",
    class: "model loading",
    given: "The connection breaks when the model has been loaded.",
    options: { lms: false },
    run: Effect.gen(function* () {
      yield* fault("POST /api/v1/models/load", [Outcome.dropReply])
      return `${yield* ensures(qwen, { contextLength: 8192 })} Loads begun: ${yield* loadsBegun}.`
    }),
    expect: { outcome: /is loaded, by rest.*Loads begun: 1\.$/ }
  },
  {
    id: "loading/lms-loses-its-connection",
    class: "model loading",
    given: "`lms load` loses its connection to LM Studio, and the model is not there.",
    run: Effect.gen(function* () {
      yield* fault("lms load", [Outcome.ok, Outcome.exit(1, "Error: The connection to LM Studio was lost.\n")])
      return yield* ensures(qwen)
    }),
    expect: { outcome: /is loaded, by cli/ }
  },
  {
    id: "loading/lm-studio-restarts-in-the-load",
    class: "model loading",
    given: "LM Studio is restarted while it loads the model.",
    options: { lms: false, simulator: { settings: { loadTime: Duration.seconds(10) } } },
    run: Effect.gen(function* () {
      yield* later("3 seconds", down)
      yield* later("15 seconds", up)
      return yield* ensures(qwen, { contextLength: 8192 })
    }),
    expect: { outcome: /is loaded, by rest/ }
  },
  {
    id: "process/load-says-it-on-stdout",
    class: "process failures",
    given: "`lms load` fails and says why on stdout, between the frames of its spinner.",
    run: Effect.gen(function* () {
      const spinner = "\u001b[?25l\rLoading qwen 41% ⠙\rLoading qwen 42% ⠹\r\u001b[K\u001b[?25h"
      yield* fault("lms load", [
        Outcome.ok,
        Outcome.exit(1, "", `${spinner}The moon is in the wrong phase.\n${spinner}`)
      ])
      return yield* ensures(qwen)
    }),
    expect: { tag: "ModelLoadFailed", says: /LM Studio said: The moon is in the wrong phase\. Try/ }
  },
  {
    id: "process/lms-speaks-another-language",
    class: "process failures",
    given: "The system's language is Chinese: `lms` is asked to speak English, and its refusal is understood.",
    options: { simulator: { settings: { language: "zh-CN", memoryBudgetBytes: 1_000_000 } } },
    run: Effect.as(
      lms((cli) => cli.load({ key: qwen, ttl: Duration.minutes(10) })),
      ""
    ),
    expect: { tag: "LmsCliError", says: /does not fit in memory.*insufficient system resources/ }
  },
  {
    id: "loading/guardrail-without-a-figure",
    class: "model loading",
    quirks: ["H19"],
    given: "The guardrail refuses with an estimate that is no number: its own words are shown.",
    options: { lms: false },
    run: Effect.gen(function* () {
      yield* arrange((lmStudio) =>
        lmStudio.scriptLoads(oss, [
          {
            _tag: "Fails",
            message:
              "Model loading was stopped due to insufficient system resources. Under the current settings, this model requires approximately NaN GB of memory, and continuing to load it would likely overload your system and cause it to freeze. If you think this is incorrect, you can adjust the model loading guardrails in settings."
          }
        ])
      )
      return yield* ensures(oss)
    }),
    expect: { tag: "ModelLoadRefused", says: /NaN GB.*adjust the model loading guardrails in settings/ }
  },
  {
    id: "loading/kinds-that-nobody-knows",
    class: "model loading",
    given: "Models of other kinds are on disk and in memory: they are listed, and none of them is chosen.",
    options: {
      simulator: {
        models: [
          model("draft/tiny", { type: "drafter", trainedForToolUse: true }),
          model("whisper/large", { type: "transcription" }),
          model("judge/small", { type: "decision" }),
          model(qwen)
        ]
      }
    },
    run: Effect.gen(function* () {
      yield* arrange((lmStudio) => lmStudio.loadAsUser("draft/tiny"))
      const listed = yield* api((lmStudio) => lmStudio.models)
      const refused = yield* failing(ensure("gone/model", { fallback: ["draft/tiny", "whisper/large"] }))
      return `${yield* ensures(undefined)} Listed: ${listed.map(({ key, type }) => `${key} (${type})`).join(", ")}. With other kinds as fallbacks: ${refused._tag}. In memory: ${(yield* inMemory).join(", ")}.`
    }),
    expect: {
      outcome:
        /^qwen\/qwen3-4b-2507 is loaded.*draft\/tiny \(drafter\), whisper\/large \(transcription\), judge\/small \(decision\).*fallbacks: ModelNotFound\. In memory: draft\/tiny, qwen\/qwen3-4b-2507\.$/
    }
  }
])
