import { assert, describe, it } from "@effect/vitest"
import * as ProcessTransport from "#src/mcp/transport/ProcessTransport.ts"
import * as FakeProcess from "@lms-bridge/testing/FakeProcess"
import { Effect, Exit, Fiber, Redacted, Scope, TestClock } from "effect"

const start = (env: Record<string, string> = {}, command = "run") =>
  ProcessTransport.start({
    server: "it",
    launch: {
      _tag: "Stdio",
      command,
      args: ["--fast"],
      env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, Redacted.make(value)])),
      cwd: undefined
    },
    environment: { PATH: "/bin", ...env }
  })

describe("ProcessTransport", () => {
  it.effect("reports how the process ended, even after the scope has closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const channel = yield* Scope.extend(start(), scope)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(yield* channel.ended, { exitCode: 7, detail: "" })
      const [seen] = yield* yield* FakeProcess.FakeProcesses
      assert.deepInclude(seen, { argv: ["run", "--fast"], env: { PATH: "/bin" }, shell: false, running: false })
    }).pipe(Effect.provide(FakeProcess.layer(() => ({ stderr: "x", exitCode: 7 }))))
  )

  for (const command of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
    it.scoped(`knows nothing of where to get ${command}`, () =>
      Effect.gen(function* () {
        const { detail } = yield* Effect.flip(start({}, command))
        assert.strictEqual(detail, `Install "${command}", or write its full path into the entry.`)
      }).pipe(Effect.provide(FakeProcess.layer(() => ({ spawnError: "NotFound" }))))
    )
  }

  it.scoped("says where uvx comes from, and what to do if it is there", () =>
    Effect.gen(function* () {
      const { detail } = yield* Effect.flip(start({}, "uvx"))
      assert.strictEqual(
        detail,
        'Install uv (https://docs.astral.sh/uv), which has "uvx", or add the folder of "uvx" to PATH where lms-bridge is started.'
      )
    }).pipe(Effect.provide(FakeProcess.layer(() => ({ spawnError: "NotFound" }))))
  )

  it.effect("keeps the end of a server's stderr, without a part of a secret at the cut", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const channel = yield* Scope.extend(start({ API_KEY: "abcdefghijklmnop" }), scope)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(closing)
      const tail = yield* channel.stderrTail
      assert.isAtMost(tail.length, 16_384)
      assert.include(tail, "the end")
      assert.notInclude(tail, "mnop")
      assert.notInclude(tail, "abcdef")
    }).pipe(
      Effect.provide(
        FakeProcess.layer(() => ({
          stderr: `abcdefghijklmnop ${"x".repeat(16_352)}\nabcdefghijklmnop the end`,
          exitCode: 7
        }))
      )
    )
  )

  it.scoped.each([
    ["NotFound", "CommandNotFound", 'Install "run", or write its full path into the entry.'],
    ["PermissionDenied", "Spawn", '"run" is not executable.']
  ] as const)("turns %s into %s with what to do about it", ([spawnError, reason, detail]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(start())
      assert.deepInclude(error, { _tag: "McpServerUnavailable", server: "it", reason, detail })
    }).pipe(Effect.provide(FakeProcess.layer(() => ({ spawnError }))))
  )
})
