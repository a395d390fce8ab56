import { Command, CommandExecutor } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream, TestClock } from "effect"
import * as Catalogue from "#src/state/Catalogue.ts"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { background, lms, run } from "../asked.ts"

const qwen = "qwen/qwen3-8b"
const plain = SimulatorLayers.layer()
const slow = SimulatorLayers.layer({ settings: { loadTime: "5 seconds" } })
const loaded = Effect.flatMap(SimulatorControl, (control) =>
  Effect.map(control.snapshot, (machine) => machine.instances.map((instance) => instance.id))
)

describe("lms load", () => {
  it.scoped("F1: the result is on stderr with time, size and identifier; stdout has only the spinner", () =>
    Effect.gen(function* () {
      const fiber = yield* background(lms("load", qwen, "--yes"))
      yield* TestClock.adjust("6 seconds")
      const { code, err, out } = yield* Fiber.join(fiber)
      assert.strictEqual(code, 0)
      assert.strictEqual(
        err,
        `Model loaded successfully in 5.00s.\n(4.68 GiB)\nTo use the model in the API/SDK, use the identifier "${qwen}".\n`
      )
      assert.isTrue(out.startsWith("\u001B[?25l\rLoading qwen/qwen3-8b 0% "))
      assert.isTrue(out.endsWith("\r\u001B[K\u001B[?25h"))
      assert.include(out, "Loading qwen/qwen3-8b 51% ")
    }).pipe(Effect.provide(slow))
  )

  it.scoped("F1: --ttl, --context-length, --parallel and --identifier reach the instance", () =>
    Effect.gen(function* () {
      const { code, err } = yield* lms(
        "load",
        qwen,
        "--ttl=600",
        "-c",
        "8192",
        "--parallel",
        "2",
        "--identifier",
        "mine",
        "-y"
      )
      assert.strictEqual(code, 0)
      assert.include(err, 'use the identifier "mine".')
      const control = yield* SimulatorControl
      assert.deepInclude((yield* control.snapshot).instances[0], {
        id: "mine",
        key: qwen,
        ttlMs: 600_000,
        contextLength: 8192,
        parallel: 2
      })
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F1: without --ttl it stays forever", () =>
    Effect.gen(function* () {
      yield* lms("load", qwen, "-y")
      yield* TestClock.adjust("100 days")
      assert.deepStrictEqual(yield* loaded, [qwen])
      const control = yield* SimulatorControl
      assert.strictEqual((yield* control.invariants).loadsWithoutTtl, 1)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("H3: loading a loaded key stacks :2 and exits 0", () =>
    Effect.gen(function* () {
      yield* lms("load", qwen, "-y")
      const { code, err } = yield* lms("load", qwen, "-y")
      assert.strictEqual(code, 0)
      assert.include(err, `use the identifier "${qwen}:2".`)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F1: an identifier in use is refused", () =>
    Effect.gen(function* () {
      yield* lms("load", qwen, "-y", "--identifier", "mine")
      const { code, err } = yield* lms("load", qwen, "-y", "--identifier", "mine")
      assert.strictEqual(code, 1)
      assert.match(err, /^Error: .*"mine"/)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F1: with --yes a typo that fuzzily matches loads another model and exits 0", () =>
    Effect.gen(function* () {
      const { code, err } = yield* lms("load", "qwen3", "--yes")
      assert.strictEqual(code, 0)
      assert.match(err, /^W 3 models match the provided model key on the same device\. Loading the first one\.\n/)
      assert.lengthOf(yield* loaded, 1)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F1: with --yes an exact key wins over a longer one before it", () =>
    Effect.gen(function* () {
      yield* lms("load", "tiny-1b", "--yes")
      assert.deepStrictEqual(yield* loaded, ["tiny-1b"])
    }).pipe(
      Effect.provide(
        SimulatorLayers.layer({ models: [Catalogue.model("tiny-1b-thinking"), Catalogue.model("tiny-1b")] })
      )
    )
  )

  it.scoped("F1: with --yes and no match it fails with a titled error", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* lms("load", "zzz", "--yes")
      assert.strictEqual(code, 1)
      assert.strictEqual(err, 'Model not found\n\nNo model found that matches model key "zzz".\n')
      assert.strictEqual(out, "")
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F1: without --yes one match loads silently", () =>
    Effect.gen(function* () {
      const { code } = yield* lms("load", "gpt-oss")
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(yield* loaded, ["openai/gpt-oss-20b"])
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F0, F1: without --yes several matches prompt, and the end of stdin ends it with 1", () =>
    Effect.gen(function* () {
      const { code, out } = yield* lms("load", "qwen3")
      assert.strictEqual(code, 1)
      assert.strictEqual(out, "! Multiple models match the provided model key. Please select one.\n")
      assert.deepStrictEqual(yield* loaded, [])
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F0: with an open, silent stdin the prompt hangs", () =>
    Effect.gen(function* () {
      const fiber = yield* background(run(Command.make("lms", "load", "zzz")))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
      yield* Fiber.interrupt(fiber)
      const control = yield* SimulatorControl
      assert.strictEqual((yield* control.seen).commands[0]?.exitCode, null)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F1: --exact takes only a path", () =>
    Effect.gen(function* () {
      const path = "lmstudio-community/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf"
      assert.strictEqual((yield* lms("load", path, "--exact")).code, 0)
      const wrong = yield* lms("load", qwen, "--exact")
      assert.strictEqual(wrong.code, 1)
      assert.strictEqual(wrong.err, `Model not found\n\nNo model found with path being exactly "${qwen}".\n`)
      assert.strictEqual((yield* lms("load", "--exact")).err, "Path not provided\n")
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F1: --estimate-only prints the estimate on stderr, exits 0 and loads nothing", () =>
    Effect.gen(function* () {
      const fits = yield* lms("load", qwen, "-y", "--estimate-only", "-c", "4096", "--gpu", "0.5")
      assert.strictEqual(fits.code, 0)
      assert.strictEqual(
        fits.err,
        `Model: ${qwen}\nContext Length: 4,096\nGPU Offload: 50%\nEstimated GPU Memory:   4.96 GiB\nEstimated Total Memory: 4.96 GiB\n\nEstimate: This model may be loaded based on your resource guardrails settings.\n`
      )
      const tooBig = yield* lms("load", "gpt-oss", "-y", "--estimate-only")
      assert.strictEqual(tooBig.code, 0)
      assert.include(tooBig.err, "Estimate: This model will fail to load based on your resource guardrails settings.")
      assert.deepStrictEqual(yield* loaded, [])
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { memoryBudgetBytes: 8e9 } })))
  )

  it.scoped("F1: the guardrail's refusal is an error with exit 1", () =>
    Effect.gen(function* () {
      const { code, err } = yield* lms("load", "gpt-oss", "-y")
      assert.strictEqual(code, 1)
      assert.match(err, /^Error: Model loading was stopped due to insufficient system resources/)
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { memoryBudgetBytes: 8e9 } })))
  )

  it.scoped("F1: SIGINT cancels the load and exits 1", () =>
    Effect.gen(function* () {
      const executor = yield* CommandExecutor.CommandExecutor
      const process = yield* executor.start(Command.make("lms", "load", qwen, "-y"))
      const err = yield* background(process.stderr.pipe(Stream.decodeText(), Stream.mkString))
      yield* TestClock.adjust("1 second")
      yield* process.kill("SIGINT")
      assert.strictEqual(yield* process.exitCode, 1)
      assert.strictEqual(yield* Fiber.join(err), "W Load cancelled.\n")
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* loaded, [])
    }).pipe(Effect.provide(slow))
  )

  it.scoped("a load continues when its lms is killed", () =>
    Effect.gen(function* () {
      const executor = yield* CommandExecutor.CommandExecutor
      const process = yield* executor.start(Command.make("lms", "load", qwen, "-y"))
      yield* TestClock.adjust("1 second")
      yield* process.kill("SIGTERM")
      assert.include((yield* Effect.flip(process.exitCode)).message, "SIGTERM")
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* loaded, [qwen])
    }).pipe(Effect.provide(slow))
  )

  it.scoped("H28: it may do the work and never exit", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("lms load", [{ _tag: "NeverExits" }])
      const fiber = yield* background(lms("load", qwen, "-y"))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
      assert.deepStrictEqual(yield* loaded, [qwen])
    }).pipe(Effect.provide(plain))
  )

  for (const [argv, words] of [
    [["load", "--ttl", "abc"], "error: option '--ttl <seconds>' argument 'abc' is invalid. Not a number"],
    [["load", "--ttl", "0"], "error: option '--ttl <seconds>' argument '0' is invalid. Number out of range"],
    [["load", "--gpu", "auto"], "error: option '--gpu <offload-ratio>' argument 'auto' is invalid. Not a number"],
    [["load", "--frob"], "error: unknown option '--frob'"],
    [["load", "a", "b"], "error: too many arguments for 'load'"],
    [["frob"], "error: unknown command 'frob'"],
    [["server", "frob"], "error: unknown command 'frob'"]
  ] as const) {
    it.scoped(`F0: "lms ${argv.join(" ")}" is a usage error with exit 1`, () =>
      Effect.gen(function* () {
        const { code, err, out } = yield* lms(...argv)
        assert.strictEqual(code, 1)
        assert.isTrue(err.startsWith(words), err)
        assert.strictEqual(out, "")
        const control = yield* SimulatorControl
        assert.deepStrictEqual((yield* control.seen).usageErrors, [argv])
      }).pipe(Effect.provide(plain))
    )
  }

  it.scoped("F11: an older lms does not know newer flags", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* lms("load", qwen, "-y", "--parallel", "2")).err,
        "error: unknown option '--parallel'\n"
      )
      assert.strictEqual((yield* lms("load", qwen, "-y", "--ttl", "60")).code, 0)
      assert.strictEqual((yield* lms("daemon", "status", "--json")).err, "error: unknown command 'status'\n")
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { cliSince: 202508 } })))
  )
})
