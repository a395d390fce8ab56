import { assert, describe, it } from "@effect/vitest"
import { Settings } from "#src/configuration/Settings.ts"
import { RunId, withRequest, withRun } from "#src/observability/Correlation.ts"
import * as Logging from "#src/observability/Logging.ts"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { FileSystem } from "@effect/platform"
import { ConfigProvider, type Console, Effect, Layer, Redacted } from "effect"

const files = Effect.provide(FileSystem.FileSystem, NodeFileSystem.layer)

/** Runs a program under the logger and returns what it wrote to each of the console's two channels. */
const logged = Effect.fnUntraced(function* (
  program: Effect.Effect<void>,
  options: Omit<Logging.LoggingOptions, "fileSystem"> & { readonly variables?: Record<string, string> }
) {
  const lines: Array<string> = []
  const stdout: Array<string> = []
  const plain = yield* Effect.console
  const channel =
    (into: Array<string>) =>
    (...parts: ReadonlyArray<unknown>) =>
      void into.push(parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" "))
  const recording: Console.Console = {
    ...plain,
    unsafe: { ...plain.unsafe, error: channel(lines), log: channel(stdout), info: channel(stdout) }
  }
  const environment = Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(options.variables ?? {}))))
  yield* program.pipe(
    Effect.provide(
      Logging.layer({ fileSystem: files, ...options }).pipe(
        Layer.provide(Settings.layer),
        Layer.provide(environment),
        Layer.orDie
      )
    ),
    Effect.withConsole(recording)
  )
  assert.deepStrictEqual(stdout, [], "nothing may go to stdout")
  return lines
})

describe("Logging", () => {
  it.effect("writes JSON lines to stderr, with the ids of the run and the request", () =>
    Effect.gen(function* () {
      const [line, ...more] = yield* logged(
        Effect.logInfo("model loaded", { model: "qwen" }).pipe(withRun(RunId.make("run_1")), withRequest("abc", "7")),
        { isTerminal: false }
      )
      assert.deepStrictEqual(more, [])
      const entry = JSON.parse(line ?? "")
      assert.deepStrictEqual(entry.message, ["model loaded", { model: "qwen" }])
      assert.deepStrictEqual(entry.annotations, { runId: "run_1", session: "abc", requestId: "abc/7" })
      assert.strictEqual(entry.logLevel, "INFO")
    })
  )

  it.effect("writes the same lines where it is given a faster way, but not in the readable format", () =>
    Effect.gen(function* () {
      const written: Array<string> = []
      const write = (text: string) => void written.push(text)
      const program = Effect.logInfo("model loaded", { model: "qwen" })
      assert.deepStrictEqual(yield* logged(program, { isTerminal: false, write }), [])
      const [line = ""] = written
      assert.isTrue(line.endsWith("}\n"))
      assert.deepStrictEqual(JSON.parse(line).message, ["model loaded", { model: "qwen" }])
      assert.isNotEmpty(yield* logged(program, { isTerminal: true, write }))
      assert.strictEqual(written.length, 1)
    })
  )

  it.effect("logs nothing at debug for a fiber that fails, but something for one that dies", () =>
    Effect.gen(function* () {
      const ended = (self: Effect.Effect<never, string>) =>
        Effect.asVoid(Effect.flatMap(Effect.fork(self), (fiber) => fiber.await))
      const options = { isTerminal: false, variables: { LMS_BRIDGE_LOG_LEVEL: "debug" } }
      assert.deepStrictEqual(yield* logged(ended(Effect.fail("handled by its parent")), options), [])
      const lines = yield* logged(ended(Effect.dieMessage("a mistake")), options)
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], "a mistake")
    })
  )

  it.effect("redacts secrets in messages, facts and annotations, in both formats", () =>
    Effect.gen(function* () {
      const token = Redacted.make("sk-very-secret")
      const program = Effect.logInfo("asking", { headers: { authorization: token } }, token).pipe(
        Effect.annotateLogs({ token })
      )
      for (const isTerminal of [false, true]) {
        const text = (yield* logged(program, { isTerminal })).join("\n")
        assert.notInclude(text, "sk-very-secret")
        assert.include(text, "<redacted>")
      }
    })
  )

  it.effect("is readable when stderr is a terminal, unless JSON is requested", () =>
    Effect.gen(function* () {
      const program = Effect.logWarning("slow")
      const pretty = yield* logged(program, { isTerminal: true, colors: false })
      assert.match(pretty.join("\n"), /WARN .*slow/)
      assert.notInclude(pretty.join("\n"), "\u001b")
      const [json] = yield* logged(program, { isTerminal: true, variables: { LMS_BRIDGE_LOG_FORMAT: "json" } })
      assert.strictEqual(JSON.parse(json ?? "").message, "slow")
      const [forced] = yield* logged(program, { isTerminal: false, variables: { LMS_BRIDGE_LOG_FORMAT: "pretty" } })
      assert.match(forced ?? "", /WARN .*slow/)
    })
  )

  it.scoped(
    "also writes to a file, at the configured level even where a person watches, and begins a new one in time",
    () =>
      Effect.gen(function* () {
        const fs = yield* files
        const folder = yield* fs.makeTempDirectoryScoped({ prefix: "lms-bridge-log-" })
        const file = `${folder}/bridge.log`
        const variables = { LMS_BRIDGE_LOG_FILE: file, LMS_BRIDGE_LOG_FILE_BYTES: "10000" }
        const program = Effect.zipRight(Effect.logInfo("i", { text: "x".repeat(4000) }), Effect.logDebug("d"))
        for (let time = 0; time < 10; time++) {
          assert.deepStrictEqual(
            yield* logged(program, { isTerminal: false, levelWhenUnset: "warning", variables }),
            []
          )
        }
        const names = (yield* fs.readDirectory(folder)).toSorted()
        assert.deepStrictEqual(names, ["bridge.log", "bridge.log.1", "bridge.log.2", "bridge.log.3"])
        for (const name of names) {
          const lines = (yield* fs.readFileString(`${folder}/${name}`)).trimEnd().split("\n")
          assert.deepStrictEqual(
            lines.map((line) => JSON.parse(line).message[0]),
            ["i", "i"]
          )
        }
      })
  )

  it.effect("says once that the file cannot be written, and goes on", () =>
    Effect.gen(function* () {
      const variables = { LMS_BRIDGE_LOG_FILE: "/dev/null/no/bridge.log" }
      const lines = yield* logged(Effect.logInfo("i"), { isTerminal: false, variables })
      assert.strictEqual(lines.length, 2)
      assert.match(lines[1] ?? "", /the log file \/dev\/null\/no\/bridge\.log cannot be written/)
    })
  )

  it.effect("logs at the level of LMS_BRIDGE_LOG_LEVEL and above", () =>
    Effect.gen(function* () {
      const program = Effect.logDebug("d").pipe(
        Effect.zipRight(Effect.logInfo("i")),
        Effect.zipRight(Effect.logWarning("w"))
      )
      const messages = (options: Parameters<typeof logged>[1]) =>
        Effect.map(logged(program, options), (lines) => lines.map((line) => JSON.parse(line).message))
      assert.deepStrictEqual(yield* messages({ isTerminal: false }), ["i", "w"])
      assert.deepStrictEqual(yield* messages({ isTerminal: false, levelWhenUnset: "warning" }), ["w"])
      const level = (value: string) => ({ isTerminal: false, variables: { LMS_BRIDGE_LOG_LEVEL: value } })
      assert.deepStrictEqual(yield* messages({ ...level("debug"), levelWhenUnset: "warning" }), ["d", "i", "w"])
      assert.deepStrictEqual(yield* messages({ ...level("info"), levelWhenUnset: "warning" }), ["i", "w"])
      assert.deepStrictEqual(yield* messages(level("none")), [])
      assert.deepStrictEqual(yield* messages({ ...level("none"), level: "info" }), ["i", "w"])
    })
  )
})
