import { Command, CommandExecutor } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema, Stream, TestClock } from "effect"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { atPath, background, chat, lms, run } from "../asked.ts"

const qwen = "qwen/qwen3-8b"
const gemma = "google/gemma-3-4b"
const plain = SimulatorLayers.layer()
const downloading = SimulatorLayers.layer({ settings: { downloadTime: "10 seconds" } })
const json = Schema.decodeUnknown(Schema.parseJson(Schema.Unknown))

describe("lms get", () => {
  it.scoped("F5: downloads without confirmation, bar on stdout, result on stderr", () =>
    Effect.gen(function* () {
      const fiber = yield* background(lms("get", gemma))
      yield* TestClock.adjust("11 seconds")
      const { code, err, out } = yield* Fiber.join(fiber)
      assert.strictEqual(code, 0)
      assert.strictEqual(err, "Finalizing download...\nDownload completed.\n")
      assert.include(out, "[##########          ] 50.00% | 1.67 GB / 3.34 GB | 334.10 MB/s | ETA 00:05")
      assert.strictEqual((yield* lms("get", gemma)).err, `Model already downloaded. To use, run: lms load ${gemma}\n`)
    }).pipe(Effect.provide(downloading))
  )

  for (const [argv, words] of [
    [["get", "nothing-like-it"], "Error: No staff picks found with the specified search criteria.\n"],
    [["get", `${gemma}@q8_0`], "Error: Cannot find variant q8_0.\n"],
    [["get", "x", "--select"], "Error: The --select flag requires an interactive terminal.\n"],
    [["get", "a@b@c@d"], "Error: You cannot have more than 2 @'s in the model name argument.\n"],
    [["get", "x", "-n", "3"], "error: unknown option '-n'\n"]
  ] as const) {
    it.scoped(`F5: "lms ${argv.join(" ")}" fails`, () =>
      Effect.gen(function* () {
        const { code, err } = yield* lms(...argv)
        assert.deepStrictEqual([code, err], [1, words])
      }).pipe(Effect.provide(plain))
    )
  }

  it.scoped("F5: a search term prompts, and with --yes takes the first", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* lms("get", "gemma")).code, 1)
      assert.strictEqual((yield* lms("get", "gemma", "--yes")).code, 0)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F5: one SIGINT prompts, the second ends it with 1 while the download continues", () =>
    Effect.gen(function* () {
      const executor = yield* CommandExecutor.CommandExecutor
      const process = yield* executor.start(Command.make("lms", "get", gemma))
      yield* TestClock.adjust("1 second")
      yield* background(process.kill("SIGINT"))
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* process.isRunning)
      yield* process.kill("SIGINT")
      assert.strictEqual(yield* process.exitCode, 1)
      yield* TestClock.adjust("10 seconds")
      const control = yield* SimulatorControl
      assert.include(
        (yield* control.snapshot).models.map(({ key }) => key),
        gemma
      )
    }).pipe(Effect.provide(downloading))
  )
})

describe("lms log stream", () => {
  it.scoped("F9: one JSON line for each prompt and each reply; a signal ends it with 0", () =>
    Effect.gen(function* () {
      const executor = yield* CommandExecutor.CommandExecutor
      const process = yield* executor.start(Command.make("lms", "log", "stream", "--json"))
      const lines = yield* background(process.stdout.pipe(Stream.decodeText(), Stream.splitLines, Stream.runCollect))
      const banner = yield* process.stderr.pipe(Stream.decodeText(), Stream.take(1), Stream.mkString)
      assert.strictEqual(banner.trim(), "Streaming logs from LM Studio")
      yield* chat(qwen)
      yield* process.kill("SIGTERM")
      assert.strictEqual(yield* process.exitCode, 0)
      const [input, output] = yield* Effect.forEach(yield* Fiber.join(lines), (line) => json(line))
      assert.deepStrictEqual(atPath(input, "data"), {
        type: "llm.prediction.input",
        input: "user: Hi",
        modelPath: "lmstudio-community/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf",
        modelIdentifier: qwen
      })
      assert.strictEqual(atPath(output, "data.output"), "Hello")
      assert.strictEqual(atPath(output, "data.stats.stopReason"), "eosFound")
    }).pipe(Effect.provide(SimulatorLayers.layer({ script: [{ text: "Hello" }] })))
  )

  it.scoped("F9: --filter selects prompts or replies, only for the model source", () =>
    Effect.gen(function* () {
      const executor = yield* CommandExecutor.CommandExecutor
      const process = yield* executor.start(Command.make("lms", "log", "stream", "--json", "--filter", "output"))
      const lines = yield* background(process.stdout.pipe(Stream.decodeText(), Stream.splitLines, Stream.runCollect))
      yield* process.stderr.pipe(Stream.take(1), Stream.runDrain)
      yield* chat(qwen)
      yield* process.kill("SIGINT")
      const entries = yield* Effect.forEach(yield* Fiber.join(lines), (line) => json(line))
      assert.deepStrictEqual(atPath(entries, "*.data.type"), ["llm.prediction.output"])
      assert.strictEqual((yield* lms("log", "stream", "-s", "server", "--filter", "output")).code, 1)
    }).pipe(Effect.provide(SimulatorLayers.layer({ script: [{ text: "Hello" }] })))
  )
})

describe("the lms process", () => {
  it.scoped("a program other than lms is not found, and recorded as a problem", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(run(Command.make("node", "-e", "0")))
      assert.strictEqual(failure._tag === "SystemError" ? failure.reason : failure._tag, "NotFound")
      const control = yield* SimulatorControl
      assert.lengthOf((yield* control.seen).problems, 1)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("any path that ends in lms is lms, and the arguments are kept", () =>
    Effect.gen(function* () {
      yield* run(Command.make("/home/ada/.lmstudio/bin/lms", "ps", "--json"))
      const control = yield* SimulatorControl
      assert.deepStrictEqual((yield* control.seen).commands[0]?.argv, ["ps", "--json"])
    }).pipe(Effect.provide(plain))
  )

  it.scoped("a command that exists but is not simulated fails loudly", () =>
    Effect.gen(function* () {
      const { code, err } = yield* lms("chat", "-p", "hi")
      assert.strictEqual(code, 1)
      assert.include(err, "the simulator does not play it")
    }).pipe(Effect.provide(plain))
  )

  it.scoped("scripted: an exit code with a message, and garbage on stdout", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("lms ps", [
        { _tag: "Exit", code: 1, stderr: "Error: boom\n" },
        { _tag: "Garbage", body: "<html>" }
      ])
      assert.deepStrictEqual(yield* lms("ps"), { out: "", err: "Error: boom\n", code: 1 })
      assert.strictEqual((yield* lms("ps")).out, "<html>")
      assert.strictEqual((yield* lms("ps", "--json")).out, "[]\n")
    }).pipe(Effect.provide(plain))
  )

  it.scoped("scripted: a child that survives SIGTERM ends only by SIGKILL", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.script("lms ps", [{ _tag: "IgnoresSigterm" }])
      const executor = yield* CommandExecutor.CommandExecutor
      const process = yield* executor.start(Command.make("lms", "ps"))
      const killing = yield* background(process.kill("SIGTERM"))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.poll(killing))._tag, "None")
      yield* process.kill("SIGKILL")
      assert.include((yield* Effect.flip(process.exitCode)).message, "SIGKILL")
      assert.deepInclude((yield* control.seen).commands[0], { exitCode: null, killed: true })
    }).pipe(Effect.provide(plain))
  )
})
