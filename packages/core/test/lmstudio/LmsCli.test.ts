import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Option, Stream, TestClock } from "effect"
import { LmsCli } from "#src/lmstudio/LmsCli.ts"
import { argvs, daemon, seen, withLms, type Scripts } from "./cliLayer.ts"

const entry = {
  type: "llm",
  modelKey: "qwen/qwen3-4b",
  format: "safetensors",
  displayName: "Qwen3 4B",
  publisher: "qwen",
  path: "qwen/qwen3-4b",
  sizeBytes: 42,
  deviceIdentifier: null,
  paramsString: null,
  vision: false,
  trainedForToolUse: true,
  maxContextLength: 262144,
  somethingNew: { in: "2027" }
}

const instance = {
  ...entry,
  identifier: "qwen/qwen3-4b:2",
  ttlMs: null,
  lastUsedTime: 1786252670392,
  contextLength: 65536,
  status: "generating",
  queued: 1,
  parallel: null
}

describe("LmsCli listings", () => {
  it.effect("decode `lms ps --json`, ignoring new fields and treating null as absent", () =>
    Effect.gen(function* () {
      const [first, second] = yield* (yield* LmsCli).ps
      assert.deepInclude(first, { modelKey: "qwen/qwen3-4b", identifier: "qwen/qwen3-4b:2", contextLength: 65536 })
      assert.isUndefined(first?.ttlMs)
      assert.isTrue(first?.isBusy)
      assert.isFalse(second?.isBusy)
    }).pipe(
      withLms({
        "ps --json": {
          stdout: `${JSON.stringify([instance, { type: "embedding", modelKey: "n", identifier: "n", format: null, status: "idle", queued: 0 }])}\n`
        }
      })
    )
  )

  it.effect("decode `lms ls --variants --json`", () =>
    Effect.gen(function* () {
      const [one] = yield* (yield* LmsCli).variants
      assert.strictEqual(one?.model.modelKey, "qwen/qwen3-4b")
      assert.deepStrictEqual(
        one?.variants.map(({ modelKey }) => modelKey),
        ["qwen/qwen3-4b@q4_k_m"]
      )
    }).pipe(
      withLms({
        "ls --variants --json": {
          stdout: JSON.stringify([{ model: entry, variants: [{ ...entry, modelKey: "qwen/qwen3-4b@q4_k_m" }] }])
        }
      })
    )
  )

  it.effect("decode `lms ls --json`", () =>
    Effect.gen(function* () {
      const [model] = yield* (yield* LmsCli).ls
      assert.deepInclude(model, { modelKey: "qwen/qwen3-4b", maxContextLength: 262144, trainedForToolUse: true })
    }).pipe(withLms({ "ls --json": { stdout: JSON.stringify([entry]) } }))
  )

  it.effect("read an old version's sentence as the empty list", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* (yield* LmsCli).ps, [])
    }).pipe(withLms({ "ps --json": { stderr: "No models are currently loaded.\n\nTo load a model, run:\n" } }))
  )

  it.effect("fail when an instance cannot be decoded: a busy one must not be overlooked", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      for (let index = 0; index < 3; index++) {
        assert.deepInclude(yield* Effect.flip(lms.ps), { _tag: "LmsCliError", reason: "Output", subcommand: "ps" })
      }
    }).pipe(
      withLms({
        "ps --json": [{ stdout: `[{"modelKey":"x"}]` }, { stdout: "IDENTIFIER  MODEL\n" }, { stdout: `[{"modelKey":` }]
      })
    )
  )

  it.effect("read server and daemon status and the version, in new and old formats", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      assert.deepStrictEqual(yield* lms.serverStatus, { running: true, port: 8080 })
      assert.deepStrictEqual(yield* lms.serverStatus, { running: false, port: undefined })
      assert.deepStrictEqual(yield* lms.serverStatus, { running: true, port: 1234 })
      assert.deepStrictEqual(yield* lms.daemonStatus, { running: true, pid: 7, isDaemon: false })
      assert.strictEqual(yield* lms.version, "07b7252")
      assert.strictEqual(yield* lms.version, "lms - LM Studio CLI - v0.0.47")
    }).pipe(
      withLms({
        "server status --json": [
          { stdout: `{"running":true,"port":8080}` },
          { stdout: `{"running":false}` },
          { stderr: "The server is running on port 1234.\n" }
        ],
        "version --json": [{ stdout: `{"version":"07b7252"}` }, { stdout: "lms - LM Studio CLI - v0.0.47\n" }]
      })
    )
  )

  it.effect("are retried as the policy says when the process hangs, and finally open the breaker", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const fiber = yield* Effect.fork(Effect.flip(lms.version))
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* fiber, { reason: "Timeout" })
      assert.strictEqual((yield* argvs).length, 2)
      assert.strictEqual((yield* Effect.flip(lms.version))._tag, "CircuitOpen")
    }).pipe(
      withLms(
        { "version --json": { exitCode: "never" } },
        { retries: 1, lmsTimeout: Duration.seconds(5), breakerFailures: 2 }
      )
    )
  )
})

describe("LmsCli actions", () => {
  it.effect("load with --yes and a TTL, without a shell and with stdin closed", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      yield* lms.load({ key: "qwen/qwen3-4b", ttl: Duration.minutes(10), contextLength: 8192, gpu: "max" })
      const process = (yield* seen).at(-1)
      assert.deepInclude(process, { shell: false, stdin: "" })
    }).pipe(
      withLms({
        "load qwen/qwen3-4b --yes --ttl 600 --context-length 8192 --gpu max": {
          stdout: "\u001b[?25l\r⠋ Loading".repeat(1000),
          stderr: "Model loaded successfully in 5.12s.\n(4.92 GiB)\n"
        }
      })
    )
  )

  it.effect("report the progress of a load, once for each percent of the spinner", () =>
    Effect.gen(function* () {
      const told: Array<number> = []
      yield* (yield* LmsCli).load({
        key: "qwen/qwen3-4b",
        ttl: Duration.minutes(10),
        onProgress: (fraction) => Effect.sync(() => void told.push(fraction))
      })
      assert.deepStrictEqual(told, [0, 0.42, 1])
    }).pipe(
      withLms({
        "load qwen/qwen3-4b --yes --ttl 600": {
          stdout: [0, 42, 42, 100].map((percent) => `\rLoading qwen/qwen3-4b ${percent}% \u2819`)
        }
      })
    )
  )

  it.effect("do not believe an unload that `lms ps` contradicts", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const one = yield* Effect.flip(lms.unload("qwen/qwen3-4b:2"))
      assert.deepInclude(one, { reason: "NotUnloaded" })
      assert.include(one.message, "qwen/qwen3-4b:2")
      assert.deepInclude(yield* Effect.flip(lms.unloadAll), { reason: "NotUnloaded" })
      yield* lms.unload("gone")
    }).pipe(
      withLms({
        "unload qwen/qwen3-4b:2": { stderr: 'Model "qwen/qwen3-4b:2" unloaded.\n' },
        "unload --all": { stderr: "Unloaded 1 model.\n" },
        "unload gone": {},
        "ps --json": { stdout: JSON.stringify([instance]) }
      })
    )
  )

  it.effect("refuse a name that is an option before any process starts", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const error = yield* Effect.flip(lms.unload("--all"))
      assert.deepInclude(error, { _tag: "LmsCliError", reason: "BadArgument" })
      assert.include(error.message, '"--all"')
      yield* Effect.flip(Stream.runDrain(lms.get("-v")))
      yield* Effect.flip(lms.load({ key: "--help", ttl: Duration.minutes(1) }))
      assert.lengthOf(yield* seen, 0)
    }).pipe(withLms({}))
  )

  it.effect("recognise a failure by its text, whatever the exit code is", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const load = Effect.flip(lms.load({ key: "m", ttl: Duration.seconds(60) }))
      assert.deepInclude(yield* Effect.flip(lms.unload("m:2")), { reason: "ModelNotFound", exitCode: 0 })
      assert.deepInclude(yield* load, { reason: "LoadRefused", exitCode: 1 })
      assert.deepInclude(yield* load, { reason: "ModelNotFound" })
      assert.deepInclude(yield* load, { reason: "NotRunning" })
      const other = yield* load
      assert.deepInclude(other, { reason: "Exit", exitCode: 1, detail: "error: unknown option '--ttl'" })
      assert.include(other.message, "unknown option")
    }).pipe(
      withLms({
        "unload m:2": { stderr: 'Model Not Found\n\nCannot find a model with the identifier "m:2".\n' },
        "load m --yes --ttl 60": [
          { exitCode: 1, stderr: "Error: Model loading was stopped due to insufficient system resources. …" },
          { exitCode: 1, stderr: 'Model not found\n\nNo model found that matches model key "m".\n' },
          { exitCode: 1, stderr: "Error: Failed to start or connect to local LM Studio API server.\n" },
          { exitCode: 1, stderr: "\u001b[31merror: unknown option '--ttl'\u001b[39m\n" }
        ]
      })
    )
  )

  it.effect("are never repeated", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const fiber = yield* Effect.fork(Effect.flip(lms.unloadAll))
      yield* TestClock.adjust("10 minutes")
      assert.deepInclude(yield* fiber, { reason: "Timeout", retryable: true })
      assert.lengthOf(
        (yield* argvs).filter((argv) => argv === "unload --all"),
        1
      )
    }).pipe(withLms({ "unload --all": { exitCode: "never" } }, { retries: 3 }))
  )

  it.effect("free their caller at once, and end a child that ignores SIGTERM with SIGKILL", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const fiber = yield* Effect.fork(Effect.flip(lms.load({ key: "m", ttl: Duration.seconds(60) })))
      yield* TestClock.adjust("10 minutes")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag === "LmsCliError" ? error.reason : "", "Timeout")
      assert.include(error.message, "lms-bridge models ps")
      assert.deepInclude((yield* seen).at(-1), { signals: ["SIGTERM"], running: true })
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude((yield* seen).at(-1), { signals: ["SIGTERM", "SIGKILL"], running: false })
    }).pipe(withLms({ "load m --yes --ttl 60": { exitCode: "never", ignoresSigterm: true } }))
  )

  it.effect("also free their caller at once when it is interrupted", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const fiber = yield* Effect.fork(lms.load({ key: "m", ttl: Duration.seconds(60) }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 second")
      assert.isTrue((yield* seen).at(-1)?.running)
      yield* TestClock.adjust("1 second")
      assert.deepInclude((yield* seen).at(-1), { signals: ["SIGTERM", "SIGKILL"], running: false })
    }).pipe(withLms({ "load m --yes --ttl 60": { exitCode: "never", ignoresSigterm: true } }))
  )

  it.effect("do not wait for a grandchild that keeps the pipes open", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const fiber = yield* Effect.fork(lms.serverStart({ port: 1234 }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
    }).pipe(withLms({ "server start --port 1234": { stderr: "Success!", keepsPipesOpen: true } }))
  )

  it.effect("estimate the memory of a load, even when it will fail", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      assert.deepStrictEqual(yield* lms.estimate({ key: "m", contextLength: 4096, gpu: 0.5 }), {
        gpuBytes: 2 ** 30,
        totalBytes: 2 ** 31,
        fits: false
      })
      assert.deepInclude(yield* Effect.flip(lms.estimate({ key: "m" })), { reason: "Output" })
    }).pipe(
      withLms({
        "load m --estimate-only --yes --context-length 4096 --gpu 0.5": {
          stderr:
            "Model: m\nEstimated GPU Memory:   1.00 GiB\nEstimated Total Memory: 2.00 GiB\n\nEstimate: This model will fail to load based on your resource guardrails settings.\n"
        },
        "load m --estimate-only --yes": { stderr: "hm\n" }
      })
    )
  )
})

describe("LmsCli and an LM Studio that is off", () => {
  const off: Scripts = { [daemon]: { stdout: `{"status":"not-running"}` } }

  it.effect("does not start it", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      const error = yield* Effect.flip(lms.ps)
      assert.deepInclude(error, { reason: "NotRunning", subcommand: "ps" })
      assert.include(error.message, "LMS_BRIDGE_AUTOSTART")
      yield* Effect.flip(lms.load({ key: "m", ttl: Duration.seconds(60) }))
      yield* Effect.flip(Stream.runDrain(lms.logStream("server")))
      assert.isTrue((yield* argvs).every((argv) => argv === daemon))
    }).pipe(withLms(off))
  )

  it.effect("starts it when that is allowed", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      assert.deepStrictEqual(yield* lms.ps, [])
      assert.deepStrictEqual(yield* argvs, ["ps --json"])
    }).pipe(withLms({ ...off, "ps --json": { stdout: "[]" } }, { autostart: true }))
  )

  it.effect("starts the server when told to", () =>
    Effect.gen(function* () {
      yield* (yield* LmsCli).serverStart()
      assert.deepStrictEqual(yield* argvs, ["server start"])
    }).pipe(withLms({ ...off, "server start": { stderr: "Success! Server is now running on port 1234.\n" } }))
  )

  it.effect("assumes that it is on for some seconds after it was seen", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      yield* lms.ps
      yield* lms.ps
      yield* TestClock.adjust("6 seconds")
      yield* lms.ps
      assert.deepStrictEqual(yield* argvs, [daemon, "ps --json", "ps --json", daemon, "ps --json"])
    }).pipe(withLms({ "ps --json": { stdout: "[]" } }))
  )

  it.effect("continues with an `lms` that has no `daemon` yet, because it cannot tell", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* (yield* LmsCli).ps, [])
    }).pipe(
      withLms({ [daemon]: { exitCode: 1, stderr: "error: unknown command 'daemon'\n" }, "ps --json": { stdout: "[]" } })
    )
  )
})

describe("LmsCli and an LM Studio on another machine", () => {
  const box = { baseUrl: Option.some("http://box.lan:4321") }

  it.effect("passes --host and --port, and refuses what works only on this machine", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      assert.deepStrictEqual(yield* lms.ps, [])
      assert.deepStrictEqual(yield* argvs, ["ps --json --host box.lan --port 4321"])
      for (const call of [Effect.asVoid(lms.serverStatus), lms.serverStop, Effect.asVoid(lms.daemonStatus)]) {
        assert.deepInclude(yield* Effect.flip(call), { reason: "Remote" })
      }
    }).pipe(withLms({ "ps --json --host box.lan --port 4321": { stdout: "[]" } }, box))
  )
})
