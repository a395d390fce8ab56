import { Command, FileSystem, Path } from "@effect/platform"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Net from "node:net"
import { Effect, Fiber, Layer, Schema, Stream } from "effect"
import { Outcome } from "#src/Faults.ts"
import * as Simulator from "#src/Simulator.ts"
import { ask, atPath, eventsOf, run } from "../asked.ts"

const model = "qwen/qwen3-8b"
const live = Layer.merge(NodeContext.layer, NodeHttpClient.layer)
const json = Schema.decodeUnknown(Schema.parseJson(Schema.Unknown))

/** `lms` as a real process with a closed standard input. */
const lmsOf =
  (simulator: Simulator.RunningSimulator) =>
  (...argv: ReadonlyArray<string>) =>
    run(Command.make(simulator.lmsBinary, ...argv).pipe(Command.feed("")))

const chatAt = (simulator: Simulator.RunningSimulator, more: object = {}) =>
  ask("POST", `${simulator.baseUrl}/v1/chat/completions`, {
    model,
    messages: [{ role: "user", content: "Hi" }],
    ...more
  })

describe("the simulator on real sockets, with a real lms", () => {
  it.scopedLive("answers over HTTP, whole and streamed", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator.start({ script: [{ text: "Hello" }, { text: "One two three four five" }] })
      assert.strictEqual((yield* chatAt(simulator)).at("choices.0.message.content"), "Hello")
      const { headers, text } = yield* chatAt(simulator, { stream: true })
      assert.strictEqual(headers["content-type"], "text/event-stream")
      assert.strictEqual(
        eventsOf(text)
          .map((event) => event.at("choices.0.delta.content") ?? "")
          .join(""),
        "One two three four five"
      )
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("an lms process and the HTTP server show the same machine", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator.start()
      const lms = lmsOf(simulator)
      const loading = yield* lms("load", model, "--ttl", "600", "--yes")
      assert.strictEqual(loading.code, 0)
      assert.include(loading.err, `use the identifier "${model}".`)
      assert.isTrue(loading.out.endsWith("\r\u001B[K\u001B[?25h"))
      const native = yield* ask("GET", `${simulator.baseUrl}/api/v1/models`)
      assert.deepInclude([native.at("models.*.loaded_instances.*.id")].flat(2), model)
      const ps = yield* json((yield* lms("ps", "--json")).out)
      assert.strictEqual(atPath(ps, "0.ttlMs"), 600_000)
      assert.strictEqual((yield* lms("unload", "zzz")).code, 0)
      assert.deepStrictEqual(yield* lms("frob"), { out: "", err: "error: unknown command 'frob'\n", code: 1 })
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("0.4: the home records the status port, and the status port answers while LM Studio runs", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator.start()
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const told = yield* json(yield* fs.readFileString(path.join(simulator.home, ".internal", "http-server.json")))
      assert.deepStrictEqual(told, { host: "127.0.0.1", pid: 74849, port: simulator.statusPort })
      const status = yield* ask("GET", `http://127.0.0.1:${simulator.statusPort}/lms-status`)
      assert.strictEqual(status.at("version"), "0.4.25+1")
      yield* simulator.control.setSettings({ appRunning: false })
      const gone = yield* Effect.flip(ask("GET", `http://127.0.0.1:${simulator.statusPort}/lms-status`))
      assert.strictEqual(gone._tag, "RequestError")
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("F7: server stop closes the port, server start opens it again", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator.start()
      const lms = lmsOf(simulator)
      yield* lms("server", "stop")
      const refused = yield* Effect.flip(ask("GET", `${simulator.baseUrl}/lmstudio-greeting`))
      assert.include(String(refused.cause), "ECONNREFUSED")
      assert.strictEqual(
        (yield* lms("server", "start")).err,
        `Success! Server is now running on port ${simulator.port}\n`
      )
      assert.strictEqual((yield* ask("GET", `${simulator.baseUrl}/lmstudio-greeting`)).status, 200)
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("F7: a port that is taken is an error with exit 1", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator.start()
      const { code, err } = yield* lmsOf(simulator)("server", "start", "--port", String(simulator.statusPort))
      assert.deepStrictEqual(
        [code, err],
        [1, "Error: Failed to verify the server is running. Please try to use another port.\n"]
      )
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("a cut stream is a closed socket, and a reset one before any reply", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator.start({ script: [{ text: "One two three four five six", cutAfterPieces: 1 }] })
      assert.strictEqual((yield* Effect.flip(chatAt(simulator, { stream: true })))._tag, "ResponseError")
      yield* simulator.control.script("POST /v1/chat/completions", [Outcome.reset, Outcome.connectionRefused])
      assert.strictEqual((yield* Effect.flip(chatAt(simulator)))._tag, "RequestError")
      assert.strictEqual((yield* Effect.flip(chatAt(simulator)))._tag, "RequestError")
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("a client that disconnects frees the model", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator.start({ script: [{ text: "One two three four five", stallAfterPieces: 1 }] })
      const fiber = yield* Effect.fork(chatAt(simulator, { stream: true }))
      yield* simulator.control.until(({ instances }) => instances[0]?.status === "generating")
      yield* Fiber.interrupt(fiber)
      yield* simulator.control.until(({ instances }) => instances[0]?.status === "idle")
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("stopping the server cuts a running stream", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator.start({ script: [{ text: "One two three four five", stallAfterPieces: 1 }] })
      const fiber = yield* Effect.fork(Effect.flip(chatAt(simulator, { stream: true })))
      yield* simulator.control.until(({ instances }) => instances[0]?.status === "generating")
      yield* simulator.control.setSettings({ serverRunning: false })
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "ResponseError")
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("stopping the server does not wait for a client that has sent no request", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator.start()
      const silent = yield* Effect.async<Net.Socket>((resume) => {
        const socket = Net.connect(simulator.port, "127.0.0.1", () => resume(Effect.succeed(socket)))
      })
      const closed = yield* Effect.fork(
        Effect.async<void>((resume) => {
          silent.once("close", () => resume(Effect.void))
        })
      )
      yield* Effect.yieldNow()
      yield* simulator.control.setSettings({ serverRunning: false })
      yield* Fiber.join(closed)
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("F1: SIGINT reaches lms load, which cancels", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator.start({ settings: { loadTime: "1 hour" } })
      const executor = yield* CommandExecutor
      const process = yield* executor.start(Command.make(simulator.lmsBinary, "load", model, "-y"))
      const err = yield* Effect.fork(process.stderr.pipe(Stream.decodeText(), Stream.mkString))
      // The spinner turns: the load has begun, and the signal is caught.
      yield* process.stdout.pipe(
        Stream.decodeText(),
        Stream.takeUntil((text) => text.includes("Loading")),
        Stream.runDrain
      )
      yield* process.kill("SIGINT")
      assert.strictEqual(yield* process.exitCode, 1)
      assert.strictEqual(yield* Fiber.join(err), "W Load cancelled.\n")
      assert.deepStrictEqual((yield* simulator.control.snapshot).loading, [])
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("a killed lms is detected, and one that ignores SIGTERM stays", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator.start()
      yield* simulator.control.script("lms ps", [Outcome.ignoresSigterm])
      const executor = yield* CommandExecutor
      const process = yield* executor.start(Command.make(simulator.lmsBinary, "ps", "--json"))
      yield* process.stdout.pipe(Stream.take(1), Stream.runDrain)
      const terminating = yield* Effect.fork(process.kill("SIGTERM"))
      assert.isTrue(yield* process.isRunning)
      yield* process.kill("SIGKILL")
      yield* Fiber.join(terminating)
      yield* Effect.repeat(simulator.control.seen, { until: ({ commands }) => commands[0]?.killed === true })
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("F0: a prompt with an open, silent stdin waits; a line answers it", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator.start()
      const executor = yield* CommandExecutor
      const process = yield* executor.start(Command.make(simulator.lmsBinary, "load", "qwen3"))
      const question = yield* process.stderr.pipe(Stream.decodeText(), Stream.take(1), Stream.mkString)
      assert.strictEqual(question, "? Select a model to load\n")
      assert.isTrue(yield* process.isRunning)
      yield* Stream.make("\n").pipe(Stream.encodeText, Stream.run(process.stdin))
      assert.strictEqual(yield* process.exitCode, 0)
      assert.lengthOf((yield* simulator.control.snapshot).instances, 1)
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("F0: an lms whose simulator is gone behaves as if LM Studio were not installed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const folder = yield* fs.makeTempDirectoryScoped()
      const copy = path.join(folder, "lms")
      yield* Effect.scoped(Effect.flatMap(Simulator.start(), ({ lmsBinary }) => fs.copyFile(lmsBinary, copy)))
      const lms = (...argv: ReadonlyArray<string>) => run(Command.make(copy, ...argv).pipe(Command.feed("")))
      assert.deepStrictEqual(yield* lms("ps", "--json"), {
        out: "",
        err: "Error: LM Studio daemon is not running and no valid installation could be found or installed.\nError: Failed to start or connect to local LM Studio API server.\n",
        code: 1
      })
      assert.deepStrictEqual(yield* lms("daemon", "status", "--json"), {
        out: '{"status":"not-running"}\n',
        err: "",
        code: 0
      })
      assert.strictEqual((yield* lms("version", "--json")).out, '{"version":"07b7252"}\n')
      assert.strictEqual((yield* lms("server", "status", "--json")).out, '{"running":false}\n')
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("leaves nothing behind: no port, no folder", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { baseUrl, home } = yield* Effect.scoped(Simulator.start())
      assert.isFalse(yield* fs.exists(home))
      assert.include(String((yield* Effect.flip(ask("GET", `${baseUrl}/v1/models`))).cause), "ECONNREFUSED")
    }).pipe(Effect.provide(live))
  )
})
