import { assert, describe, it } from "@effect/vitest"
import { Command } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Deferred, Effect, Fiber, Ref, Schedule, Stream, TestClock } from "effect"
import { runProcess, startProcess } from "../../src/internal/runProcess.ts"
import * as FakeProcess from "@lms-bridge/testing/FakeProcess"

const seen = Effect.flatten(FakeProcess.FakeProcesses)

const fake = (script: FakeProcess.Script) => Effect.provide(FakeProcess.layer(() => script))

describe("runProcess", () => {
  it.effect("collects both streams and the exit code", () =>
    Effect.gen(function* () {
      const ended = yield* runProcess(Command.make("x", "a b", "$HOME"))
      assert.deepStrictEqual(ended, { stdout: "out", stderr: "err", exitCode: 3, truncated: false })
      assert.deepInclude((yield* seen)[0], { argv: ["x", "a b", "$HOME"], shell: false, stdin: "" })
    }).pipe(fake({ stdout: ["o", "ut"], stderr: "err", exitCode: 3 }))
  )

  it.effect("keeps only the end of stdout when asked to", () =>
    Effect.gen(function* () {
      const ended = yield* runProcess(Command.make("x"), { stdout: "tail" })
      assert.deepInclude(ended, { stdout: `${"x".repeat(16_377)}the end`, stderr: "err", truncated: false })
    }).pipe(fake({ stdout: [...Array.from({ length: 100 }, () => "x".repeat(1000)), "the end"], stderr: "err" }))
  )

  it.effect("keeps the end of very long output, and reports that it is truncated", () =>
    Effect.gen(function* () {
      const ended = yield* runProcess(Command.make("x"))
      assert.isTrue(ended.truncated)
      assert.strictEqual(ended.stdout.length, 16 * 1024 * 1024)
      assert.isTrue(ended.stdout.endsWith("the end"))
    }).pipe(fake({ stdout: [...Array.from({ length: 40 }, () => "x".repeat(1024 * 1024)), "the end"] }))
  )

  it.effect("sends no signal to a process that has exited by itself", () =>
    Effect.gen(function* () {
      yield* runProcess(Command.make("x"))
      assert.deepStrictEqual((yield* seen)[0]?.signals, [])
    }).pipe(fake({}))
  )

  it.effect("sends SIGTERM first, and kills after the grace period", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(runProcess(Command.make("x")))
      yield* TestClock.adjust("1 second")
      const interruption = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("1 second")
      assert.deepInclude((yield* seen)[0], { signals: ["SIGTERM"], running: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(interruption)
      assert.deepInclude((yield* seen)[0], { signals: ["SIGTERM", "SIGKILL"], running: false })
    }).pipe(fake({ exitCode: "never", ignoresSigterm: true }))
  )

  it.effect("waits for the grace period and kills, even when interrupted again meanwhile", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(runProcess(Command.make("x")))
      yield* TestClock.adjust("1 second")
      const first = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("1 second")
      const second = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("500 millis")
      assert.deepInclude((yield* seen)[0], { signals: ["SIGTERM"], running: true })
      yield* TestClock.adjust("500 millis")
      yield* Fiber.joinAll([first, second])
      assert.deepInclude((yield* seen)[0], { signals: ["SIGTERM", "SIGKILL"], running: false })
    }).pipe(fake({ exitCode: "never", ignoresSigterm: true }))
  )

  it.effect("does not start a process after an interruption", () =>
    Effect.gen(function* () {
      yield* Effect.interrupt.pipe(Effect.zipRight(runProcess(Command.make("x"))), Effect.exit)
      assert.lengthOf(yield* seen, 0)
    }).pipe(fake({}))
  )
})

describe("runProcess with real processes", () => {
  const node = (script: string) => Command.make(process.execPath, "-e", script)

  const isAlive = (pid: number) =>
    Effect.try(() => process.kill(pid, 0)).pipe(
      Effect.as(true),
      Effect.orElseSucceed(() => false)
    )

  const gone = (pid: number) =>
    Effect.repeat(isAlive(pid), { while: (alive) => alive, schedule: Schedule.spaced("20 millis") })

  it.scopedLive("does not wait for stdin, and does not deadlock on a child that fills stderr", () =>
    Effect.gen(function* () {
      const ended = yield* runProcess(
        node(
          `process.stdin.resume(); process.stdin.on("end", () => { process.stderr.write("e".repeat(300_000), () => process.stdout.write("o".repeat(300_000), () => process.exit(3))) })`
        )
      )
      assert.deepStrictEqual([ended.stdout.length, ended.stderr.length, ended.exitCode], [300_000, 300_000, 3])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scopedLive("leaves neither child nor grandchild behind, even if both ignore SIGTERM", () =>
    Effect.gen(function* () {
      const pids = yield* Ref.make<ReadonlyArray<number>>([])
      const ready = yield* Deferred.make<void>()
      const stubborn = `process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log(process.pid)`
      const parent = `const { spawn } = require("node:child_process"); spawn(process.execPath, ["-e", ${JSON.stringify(stubborn)}], { stdio: "inherit" }); ${stubborn}`
      const fiber = yield* Effect.scoped(
        Effect.flatMap(startProcess(node(parent)), ({ stdout }) =>
          stdout.pipe(
            Stream.decodeText(),
            Stream.splitLines,
            Stream.runForEach((line) =>
              Effect.flatMap(
                Ref.updateAndGet(pids, (all) => [...all, Number(line)]),
                (all) => (all.length === 2 ? Deferred.succeed(ready, undefined) : Effect.void)
              )
            )
          )
        )
      ).pipe(Effect.fork)
      yield* Deferred.await(ready)
      yield* Fiber.interrupt(fiber)
      for (const pid of yield* Ref.get(pids)) yield* gone(pid)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scopedLive("kills a grandchild that ignores SIGTERM when the child has obeyed it", () =>
    Effect.gen(function* () {
      const line = yield* Deferred.make<string>()
      const stubborn = `process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log(process.pid)`
      const parent = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(stubborn)}], { stdio: "inherit" }); setInterval(() => {}, 1000)`
      const fiber = yield* Effect.scoped(
        Effect.flatMap(startProcess(node(parent)), ({ stdout }) =>
          stdout.pipe(
            Stream.decodeText(),
            Stream.splitLines,
            Stream.runForEach((text) => Deferred.succeed(line, text))
          )
        )
      ).pipe(Effect.fork)
      const pid = Number(yield* Deferred.await(line))
      yield* Fiber.interrupt(fiber)
      yield* gone(pid)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scopedLive("returns when the child has exited, even if a daemon that it started keeps its pipes open", () =>
    Effect.gen(function* () {
      const daemon = `setTimeout(() => {}, 60_000)`
      const ended = yield* runProcess(
        node(
          `const child = require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(daemon)}], { stdio: "inherit", detached: true }); child.unref(); console.log(child.pid); process.exit(0)`
        )
      )
      const pid = Number(ended.stdout)
      assert.strictEqual(ended.exitCode, 0)
      assert.isTrue(yield* isAlive(pid), "a process that the child left running on purpose must survive")
      process.kill(pid, "SIGKILL")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scopedLive("fails with the system's error when the executable does not exist", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(runProcess(Command.make("/nonexistent/lms")))
      assert.deepInclude(error, { _tag: "SystemError", reason: "NotFound" })
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
