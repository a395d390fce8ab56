import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import type { Settings } from "#src/Settings.ts"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { background, get, lms } from "../asked.ts"

const qwen = "qwen/qwen3-8b"
const plain = SimulatorLayers.layer()
const off = (settings: Partial<Settings> = {}) =>
  SimulatorLayers.layer({ settings: { appRunning: false, serverRunning: false, ...settings } })

describe("lms server and daemon", () => {
  it.scoped("F7: status is JSON on stdout or text on stderr, and exits 0 either way", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lms("server", "status", "--json"), {
        out: '{"running":true,"port":1234}\n',
        err: "",
        code: 0
      })
      assert.deepStrictEqual(yield* lms("server", "status"), {
        out: "",
        err: "The server is running on port 1234.\n",
        code: 0
      })
      yield* lms("server", "stop")
      assert.strictEqual((yield* lms("server", "status", "--json")).out, '{"running":false,"port":1234}\n')
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F7, F11: before February 2026 --json also wrote the text", () =>
    Effect.gen(function* () {
      const { err, out } = yield* lms("server", "status", "--json")
      assert.strictEqual(out, '{"running":true,"port":1234}\n')
      assert.strictEqual(err, "The server is running on port 1234.\n")
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { cliSince: 202601 } })))
  )

  it.scoped("F7: start, stop, and stop when it is not running", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lms("server", "stop"), {
        out: "",
        err: "Stopped the server on port 1234.\n",
        code: 0
      })
      assert.deepStrictEqual(yield* lms("server", "stop"), {
        out: "",
        err: "Error: The server is not running.\n",
        code: 1
      })
      assert.strictEqual(
        (yield* lms("server", "start", "--port", "8080")).err,
        "Success! Server is now running on port 8080\n"
      )
      assert.strictEqual((yield* get("http://127.0.0.1:8080/lmstudio-greeting")).status, 200)
      assert.strictEqual((yield* lms("server", "start")).err, "Success! Server is now running on port 8080\n")
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F8: the daemon of the app, and of llmster", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      assert.strictEqual(
        (yield* lms("daemon", "status", "--json")).out,
        '{"status":"running","pid":74849,"isDaemon":false}\n'
      )
      assert.deepStrictEqual(yield* lms("daemon", "down"), {
        out: "",
        err: "The daemon is currently running as part of LM Studio. Please exit LM Studio to stop it.\n",
        code: 1
      })
      yield* control.setSettings({ gui: false })
      assert.strictEqual((yield* lms("daemon", "status")).out, "llmster v0.4.25+1 is running (PID: 74849)\n")
      assert.strictEqual(
        (yield* lms("daemon", "up", "--json")).out,
        '{"status":"running","pid":74849,"isDaemon":true,"version":"0.4.25+1"}\n'
      )
      assert.deepStrictEqual(yield* lms("daemon", "down"), {
        out: "",
        err: "Shutting down llmster...\nDone.\n",
        code: 0
      })
      assert.strictEqual((yield* lms("daemon", "status", "--json")).out, '{"status":"not-running"}\n')
    }).pipe(Effect.provide(plain))
  )

  it.scoped("H29: most commands start LM Studio, which takes time", () =>
    Effect.gen(function* () {
      const fiber = yield* background(lms("ps", "--json"))
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(fiber), {
        out: "[]\n",
        err: "Waking up LM Studio service...\n",
        code: 0
      })
    }).pipe(Effect.provide(off({ autostartDelay: "1 minute" })))
  )

  it.scoped("F0: commands that do not start it", () =>
    Effect.gen(function* () {
      const commands = [
        ["server", "status", "--json"],
        ["server", "stop"],
        ["status"],
        ["daemon", "status", "--json"],
        ["daemon", "down"],
        ["version"]
      ]
      const answers = yield* Effect.forEach(commands, (argv) => lms(...argv))
      assert.deepStrictEqual(
        answers.map(({ code }) => code),
        [0, 1, 0, 0, 1, 0]
      )
      assert.strictEqual(answers[2]?.out, "Server:  OFF \n")
      const control = yield* SimulatorControl
      assert.isFalse((yield* control.snapshot).settings.appRunning)
    }).pipe(Effect.provide(off()))
  )

  it.scoped("F0: nothing to start, and a start that fails", () =>
    Effect.gen(function* () {
      const hopeless = "Error: Failed to start or connect to local LM Studio API server.\n"
      assert.deepStrictEqual(yield* lms("ls", "--json"), {
        out: "",
        err: `Error: LM Studio daemon is not running and no valid installation could be found or installed.\n${hopeless}`,
        code: 1
      })
      const control = yield* SimulatorControl
      yield* control.setSettings({ installed: true, autostartDelay: null })
      const fiber = yield* background(lms("ls", "--json"))
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(
        (yield* Fiber.join(fiber)).err,
        `Waking up LM Studio service...\nError: Timed out waiting for LM Studio daemon to start.\n${hopeless}`
      )
    }).pipe(Effect.provide(off({ installed: false })))
  )

  it.scoped("F0: --host connects to another machine, and accepts neither protocol nor port", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* lms("ps", "--host", "10.0.0.9")).err,
        "Error: The server does not appear to be running at 10.0.0.9:1234. Please make sure the server is running and accessible at the specified address.\n"
      )
      assert.strictEqual((yield* lms("ps", "--host", "http://x")).err, "Error: Host should not include the protocol.\n")
      assert.strictEqual(
        (yield* lms("ps", "--host", "x:1234")).err,
        "Error: Host should not include the port number. Use --port instead.\n"
      )
      assert.strictEqual((yield* lms("ps", "--host", "127.0.0.1", "--port", "1234", "--json")).out, "[]\n")
      assert.strictEqual((yield* lms("server", "status", "--host", "x")).err, "error: unknown option '--host'\n")
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F10: status lists the loaded models", () =>
    Effect.gen(function* () {
      yield* lms("load", qwen, "-y")
      const { out } = yield* lms("status")
      assert.match(out, /^Server: ON \(port: 1234\)\n/)
      assert.include(out, qwen)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F0, F10: the version is a commit, also by -v anywhere in the arguments", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* lms("version", "--json")).out, '{"version":"07b7252"}\n')
      assert.strictEqual((yield* lms("load", qwen, "-v")).out, "CLI commit: 07b7252\n")
      const control = yield* SimulatorControl
      assert.deepStrictEqual((yield* control.snapshot).instances, [])
    }).pipe(Effect.provide(plain))
  )

  it.scoped("F0: two of the log options are an error", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* lms("ps", "--quiet", "--verbose")).code, 1)
    }).pipe(Effect.provide(plain))
  )
})
