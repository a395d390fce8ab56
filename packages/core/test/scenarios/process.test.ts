import { Clock, Duration, Effect, Option } from "effect"
import { MemoryFiles } from "@lms-bridge/testing/MemoryFileSystem"
import { Outcome } from "@lms-bridge/simulator/Faults"
import { lmStudio_0_3 } from "@lms-bridge/simulator/Settings"
import { lmsCalls, qwen, type Options } from "../models/simulated.ts"
import {
  arrange,
  called,
  control,
  ensure,
  ensures,
  failing,
  fault,
  lms,
  scenarios,
  type Scenario,
  unload
} from "./scenario.ts"

const nowhere: Options = { settings: { lmsBinary: Option.some("/nowhere/lms") } }
const impatient: Options = { settings: { lmsTimeout: Duration.seconds(5), loadTimeout: Duration.seconds(30) } }
const shown = lms((cli) =>
  Effect.map(cli.ps, (all) => `lms ps: ${all.map(({ identifier }) => identifier).join(", ") || "nothing"}.`)
)

/** `lms ps` behaves like this: a person who asks for it sees it, and a load goes on without it. */
const ps = (name: string, given: string, outcome: Outcome, expect: Scenario["expect"]): ReadonlyArray<Scenario> => [
  {
    id: `process/ps-${name}`,
    class: "process failures",
    given: `\`lms ps\` ${given}.`,
    options: impatient,
    run: Effect.zipRight(fault("lms ps", [], outcome), shown),
    expect
  },
  {
    id: `process/ensure-while-ps-${name}`,
    class: "process failures",
    given: `A model is asked for while \`lms ps\` ${given}.`,
    options: impatient,
    run: Effect.zipRight(fault("lms ps", [], outcome), ensures(qwen)),
    expect: { outcome: /is loaded/ }
  }
]

scenarios("process", [
  {
    id: "process/lms-missing",
    class: "process failures",
    given: "`lms` is not there, and something is asked for that only it can do.",
    options: nowhere,
    run: shown,
    expect: { tag: "LmsCliError", says: /LMS_BRIDGE_LMS_BINARY is "\/nowhere\/lms"/ }
  },
  {
    id: "process/lms-missing-load",
    class: "process failures",
    given: "`lms` is not there, and a model is asked for.",
    options: nowhere,
    run: ensures(qwen),
    expect: { outcome: /by jit.*until idle for 10m/ }
  },
  {
    id: "process/lms-missing-no-other-way",
    class: "process failures",
    given: "`lms` is not there, and a model is asked for with a share of the GPU that only it can set.",
    options: nowhere,
    run: ensures(qwen, { gpu: 0.5 }),
    expect: { tag: "ModelLoadFailed", says: /there is no way to load it here: cli: .*not found/ }
  },
  {
    id: "process/lms-disabled",
    class: "process failures",
    given: "`lms` is switched off by configuration.",
    options: { lms: false },
    run: shown,
    expect: { tag: "LmsCliError", says: /switched off by LMS_BRIDGE_LMS_BINARY=none/ }
  },
  {
    id: "process/lms-appears",
    class: "process failures",
    given: "`lms` is not there at first and is installed while lms-bridge runs.",
    options: { settings: { lmsBinary: Option.some("/later/lms") } },
    run: Effect.gen(function* () {
      const before = yield* Effect.match(shown, { onFailure: ({ _tag }) => _tag, onSuccess: () => "ok" })
      yield* Effect.flatMap(MemoryFiles, (files) => files.write("/later/lms", ""))
      yield* ensure(qwen)
      return `Before: ${before}. After: ${yield* shown}`
    }),
    expect: { outcome: /^Before: LmsCliError\. After: lms ps: qwen\/qwen3-4b-2507\.$/ }
  },
  ...ps("garbage", "prints what is no JSON", Outcome.garbage("Segmentation fault"), {
    tag: "LmsCliError",
    says: /printed something unexpected/
  }),
  ...ps("fails", "exits 1 and says why", Outcome.exit(1, "Error: The engine is being updated.\n"), {
    tag: "LmsCliError",
    says: /The engine is being updated/
  }),
  ...ps("hangs", "hangs", Outcome.hang, { tag: "LmsCliError", says: /did not finish in time and was stopped/ }),
  {
    id: "process/ps-of-an-old-version",
    class: "process failures",
    given: "`lms` is two years old and prints fewer fields.",
    options: { simulator: { settings: { cliSince: 202404 } } },
    run: Effect.zipRight(ensure(qwen), shown),
    expect: { outcome: /^lms ps: qwen\/qwen3-4b-2507\.$/ }
  },
  {
    id: "process/lms-too-old-for-ttl",
    class: "process failures",
    given: "`lms` is too old to know `--ttl`: it does not load without.",
    options: { simulator: { settings: { cliSince: 202404 } } },
    run: Effect.zipWith(ensures(qwen), called("load"), (told, n) => `${told} Calls of lms load: ${n}.`),
    expect: { outcome: /by jit.*until idle for 10m/ }
  },
  {
    id: "process/old-lm-studio",
    class: "process failures",
    given: "LM Studio and `lms` are of spring 2025.",
    options: {
      simulator: {
        settings: {
          appVersion: "0.3.14",
          cliSince: 202504,
          api: "legacy-v0",
          unknownModel: "404",
          streamErrors: "string"
        }
      }
    },
    run: ensures(qwen),
    expect: { outcome: /is loaded, by cli.*until idle for 10m/ }
  },
  {
    id: "process/load-exits-with-words",
    class: "process failures",
    given: "`lms load` exits 1 with words that nobody has foreseen.",
    run: Effect.zipRight(
      fault("lms load", [Outcome.ok, Outcome.exit(1, "Error: The moon is in the wrong phase.\n")]),
      ensures(qwen)
    ),
    expect: { tag: "ModelLoadFailed", says: /The moon is in the wrong phase\./ }
  },
  {
    id: "process/estimate-fails",
    class: "process failures",
    given: "`lms load --estimate-only` fails: it is done without.",
    run: Effect.zipRight(fault("lms load", [Outcome.exit(1, "Error: no estimate\n")]), ensures(qwen)),
    expect: { outcome: /is loaded, by cli/ }
  },
  {
    id: "process/lms-would-start-lm-studio",
    class: "process failures",
    quirks: ["H29"],
    given: "`lms ps` is asked for while LM Studio is off: it would start it.",
    options: { simulator: { settings: { appRunning: false, serverRunning: false } } },
    run: shown,
    expect: { tag: "LmsCliError", says: /not running.*LMS_BRIDGE_AUTOSTART/ }
  },
  {
    id: "process/server-off",
    class: "process failures",
    quirks: ["H29"],
    given: "LM Studio runs but its server is off, and LMS_BRIDGE_AUTOSTART allows to start it.",
    options: { settings: { autostart: true }, simulator: { settings: { serverRunning: false } } },
    run: Effect.zipWith(ensures(qwen), called("server start"), (told, n) => `${told} Starts: ${n}.`),
    expect: { outcome: /is loaded.*Starts: 1\.$/ }
  },
  {
    id: "process/lm-studio-cannot-start",
    class: "process failures",
    quirks: ["H29"],
    given: "LM Studio is off, may be started, and does not come up.",
    options: {
      settings: { autostart: true, lmsTimeout: Duration.seconds(30) },
      simulator: { settings: { appRunning: false, serverRunning: false, autostartDelay: null } }
    },
    run: ensures(qwen),
    expect: { tag: "LmStudioUnreachable", says: /lms server start/ }
  },
  {
    id: "process/lm-studio-ends",
    class: "process failures",
    given: "LM Studio is closed between two calls.",
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* arrange((lmStudio) => lmStudio.setSettings({ appRunning: false, serverRunning: false }))
      return yield* ensures(qwen)
    }),
    expect: {
      tag: "LmStudioUnreachable",
      says: /answered before, but does not any more.*Start it and its server again/
    }
  },
  {
    id: "process/ps-ignores-sigterm",
    class: "process failures",
    given: "`lms ps` hangs and ignores SIGTERM: the caller is free at once, and the child is killed.",
    options: impatient,
    run: Effect.gen(function* () {
      yield* fault("lms ps", [Outcome.ignoresSigterm])
      const from = yield* Clock.currentTimeMillis
      const error = yield* failing(shown)
      const free = (yield* Clock.currentTimeMillis) - from
      yield* Effect.sleep("3 seconds")
      const { commands } = yield* control(({ seen }) => seen)
      const killed = commands.filter((one) => one.argv[0] === "ps").map((one) => one.killed)
      return `${error.message} Free after ${free} ms; killed: ${killed.join(", ")}.`
    }),
    expect: { outcome: /^`lms ps` did not finish in time.* Free after 5000 ms; killed: true\.$/ }
  },
  {
    id: "process/load-ignores-sigterm",
    class: "process failures",
    quirks: ["H28"],
    given: "`lms load` has done its work, does not exit and ignores SIGTERM: what it did is read back.",
    options: impatient,
    run: Effect.zipRight(fault("lms load", [Outcome.ok, Outcome.ignoresSigterm]), ensures(qwen)),
    expect: { outcome: /is loaded, by cli.*until idle for 10m/ }
  },
  {
    id: "process/unload-ignores-sigterm",
    class: "process failures",
    given: "An older server has no route to unload, and `lms unload` does its work, does not exit and ignores SIGTERM.",
    options: { ...impatient, simulator: { settings: lmStudio_0_3 } },
    run: Effect.gen(function* () {
      yield* ensure(qwen)
      yield* fault("lms unload", [Outcome.ignoresSigterm])
      yield* unload(qwen)
      const { instances } = yield* control(({ snapshot }) => snapshot)
      return `In memory: ${instances.map(({ id }) => id).join(", ") || "nothing"}.`
    }),
    expect: { outcome: /^In memory: nothing\.$/ }
  },
  {
    id: "process/talks-to-another-machine",
    class: "process failures",
    given: "`lms` talks to another LM Studio than the one that is configured: it is not used.",
    run: Effect.gen(function* () {
      yield* arrange((lmStudio) => lmStudio.loadAsUser("llama-3.2-3b-instruct"))
      yield* fault("lms ps", [], Outcome.garbage("[]"))
      const told = yield* ensures(qwen)
      const loads = (yield* lmsCalls).filter((one) => one.startsWith("load")).length
      return `${told} Calls of lms load: ${loads}.`
    }),
    expect: { outcome: /by rest.*Calls of lms load: 0\.$/ }
  }
])
