import { assert, describe, it } from "@effect/vitest"
import type { GuardedSession as Session } from "#src/mcp/lock/GuardedSession.ts"
import { unguarded } from "#src/mcp/lock/ToolLockFiles.ts"
import { McpCallFailed, McpServerUnavailable } from "#src/mcp/McpError.ts"
import * as PooledServer from "#src/mcp/connection/PooledServer.ts"
import * as RetryPolicy from "#src/resilience/RetryPolicy.ts"
import { BreakerPolicy } from "#src/resilience/CircuitBreaker.ts"
import { Deferred, Duration, Effect, Exit, Fiber, Logger, Ref, Scope, TestClock } from "effect"

const policy = new BreakerPolicy({ failures: 3, openFor: Duration.minutes(1) })

const broken = new McpServerUnavailable({
  server: "it",
  reason: "Exited",
  exitCode: 1,
  detail: "",
  stderrTail: "no db"
})

const silent = new McpServerUnavailable({ server: "it", reason: "StartTimeout", detail: "", stderrTail: "" })

const killed = new McpServerUnavailable({
  server: "it",
  reason: "Closed",
  detail: "It was killed by SIGKILL.",
  stderrTail: ""
})

/** How the next list requests end; cleared after each test. */
const lists: Array<Effect.Effect<never, McpServerUnavailable>> = []

/** Connections numbered in the order of their opening, which `before` may delay or fail. */
const makeServer = Effect.fnUntraced(function* (
  before: (attempt: number) => Effect.Effect<void, McpServerUnavailable>,
  call: Session["call"] | undefined = undefined,
  rootsChanged: Session["rootsChanged"] = Effect.void
) {
  const seen = { attempts: 0, released: 0 }
  const hangUps: Array<Effect.Effect<void>> = []
  const open = Effect.gen(function* () {
    const number = ++seen.attempts
    yield* before(number)
    const closed = yield* Deferred.make<void>()
    hangUps.push(Effect.asVoid(Deferred.succeed(closed, undefined)))
    yield* Effect.addFinalizer(() => Effect.sync(() => (seen.released += 1)))
    const session: Session = {
      server: "it",
      implementation: { name: "it", version: String(number) },
      instructions: undefined,
      tools: Effect.suspend(() => lists.shift() ?? Effect.succeed([])),
      review: Effect.succeed(unguarded("it", [])),
      call: call ?? (() => Effect.succeed({ content: [{ type: "text", text: `answer ${number}` }], isError: false })),
      toolsEdition: Effect.succeed("0"),
      resources: Effect.succeed([]),
      resourceTemplates: Effect.succeed([]),
      readResource: () => Effect.succeed([]),
      prompts: Effect.succeed([]),
      getPrompt: () => Effect.succeed({ messages: [] }),
      stderrTail: Effect.succeed(`stderr ${number}`),
      isOpen: Effect.negate(Deferred.isDone(closed)),
      closed: Deferred.await(closed),
      rootsChanged
    }
    return session
  })
  const pooled = yield* PooledServer.make({
    server: "it",
    open: () => open,
    restarted: Effect.void,
    policy,
    retries: RetryPolicy.standard,
    concurrency: 2,
    queue: 100
  })
  return { pooled, seen, hangUp: (number: number) => hangUps[number - 1] ?? Effect.void }
})

const works = () => Effect.void

describe("PooledServer", () => {
  it.scoped("does not use a new connection before the server knows the folders that were added meanwhile", () =>
    Effect.gen(function* () {
      const told = yield* Ref.make(false)
      const tell = Effect.asVoid(Effect.unlessEffect(Effect.delay(Ref.set(told, true), "1 second"), Ref.get(told)))
      const { pooled } = yield* makeServer(() => Effect.sleep("1 second"), undefined, tell)
      yield* Effect.fork(pooled.connection([]))
      yield* TestClock.adjust("500 millis")
      yield* Effect.fork(pooled.connection([{ uri: "file:///b", name: "b" }]))
      yield* TestClock.adjust("700 millis")
      const caller = yield* Effect.fork(Effect.zipRight(pooled.live, Ref.get(told)))
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(yield* Fiber.join(caller))
    })
  )

  it.scoped("opens one connection for concurrent callers", () =>
    Effect.gen(function* () {
      const { pooled, seen } = yield* makeServer(() => Effect.sleep("1 second"))
      const fiber = yield* Effect.fork(Effect.all([pooled.live, pooled.live, pooled.live], { concurrency: 3 }))
      yield* TestClock.adjust("1 second")
      const [a, b, c] = yield* Fiber.join(fiber)
      assert.strictEqual(a, b)
      assert.strictEqual(b, c)
      assert.strictEqual(seen.attempts, 1)
    })
  )

  it.scoped("keeps opening for the others when the first caller is interrupted", () =>
    Effect.gen(function* () {
      const { pooled, seen } = yield* makeServer(() => Effect.sleep("1 second"))
      const first = yield* Effect.fork(pooled.live)
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(pooled.live)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(second)
      assert.strictEqual(seen.attempts, 1)
    })
  )

  it.scoped("limits concurrent calls, whoever makes them, and admits the next one", () =>
    Effect.gen(function* () {
      const running: Array<Deferred.Deferred<void>> = []
      const { pooled } = yield* makeServer(works, () =>
        Effect.gen(function* () {
          const end = yield* Deferred.make<void>()
          running.push(end)
          yield* Deferred.await(end)
          return { content: [], isError: false }
        })
      )
      const calling = Effect.fork(Effect.flatMap(pooled.connection([]), ({ call }) => call("hang", {})))
      const first = yield* calling
      yield* TestClock.adjust("1 minute")
      yield* calling
      const third = yield* calling
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(running.length, 2)
      yield* Effect.forEach(running.slice(0, 1), (end) => Deferred.succeed(end, undefined))
      yield* Fiber.join(first)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(running.length, 3)
      // an interrupted caller releases its turn
      yield* Fiber.interrupt(third)
      yield* calling
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(running.length, 4)
    })
  )

  it.scoped("reports an edition of the tools that is different for each connection, without a request", () =>
    Effect.gen(function* () {
      const { hangUp, pooled, seen } = yield* makeServer(works)
      const { call, toolsEdition } = yield* pooled.connection([])
      const first = yield* toolsEdition
      assert.strictEqual(yield* toolsEdition, first)
      yield* hangUp(1)
      assert.strictEqual(yield* toolsEdition, first)
      assert.strictEqual(seen.attempts, 1)
      yield* call("x", {})
      assert.notStrictEqual(yield* toolsEdition, first)
    })
  )

  it.scoped("reconnects after a loss, and releases what was lost", () =>
    Effect.gen(function* () {
      const { hangUp, pooled, seen } = yield* makeServer(works)
      const connection = yield* pooled.connection([])
      assert.isTrue(yield* pooled.isOpen)
      yield* hangUp(1)
      assert.isFalse(yield* pooled.isOpen)
      const result = yield* connection.call("any", {})
      assert.deepStrictEqual(result.content, [{ type: "text", text: "answer 2" }])
      assert.strictEqual(yield* connection.stderrTail, "stderr 2")
      yield* Effect.yieldNow()
      assert.deepStrictEqual(seen, { attempts: 2, released: 1 })
    })
  )

  it.scoped("does not cache a failure: the next caller gets another attempt", () =>
    Effect.gen(function* () {
      const { pooled } = yield* makeServer((attempt) => (attempt === 1 ? Effect.fail(silent) : Effect.void))
      assert.strictEqual(yield* Effect.flip(pooled.live), silent)
      assert.strictEqual((yield* pooled.live).implementation.version, "2")
    })
  )

  it.scoped("restarts a server once that ended while it started, without an error", () =>
    Effect.gen(function* () {
      const { pooled, seen } = yield* makeServer((attempt) => (attempt === 1 ? Effect.fail(broken) : Effect.void))
      assert.strictEqual((yield* pooled.live).implementation.version, "2")
      assert.strictEqual(seen.attempts, 2)
    })
  )

  it.scoped("waits longer before each attempt with a server that ends repeatedly, and not at all after a success", () =>
    Effect.gen(function* () {
      const { hangUp, pooled, seen } = yield* makeServer((attempt) =>
        attempt <= 4 ? Effect.fail(broken) : Effect.void
      )
      yield* Effect.flip(pooled.live)
      assert.strictEqual(seen.attempts, 2)
      const second = yield* Effect.fork(Effect.flip(pooled.live))
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(seen.attempts, 2)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(second)
      const third = yield* Effect.fork(pooled.live)
      yield* TestClock.adjust("1999 millis")
      assert.strictEqual(seen.attempts, 4)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(third)
      yield* hangUp(1)
      assert.strictEqual((yield* pooled.live).implementation.version, "6")
    })
  )

  it.scoped("retries a server that is killed while it starts", () =>
    Effect.gen(function* () {
      const { pooled, seen } = yield* makeServer((attempt) => (attempt <= 4 ? Effect.fail(killed) : Effect.void))
      const fiber = yield* Effect.fork(pooled.live)
      yield* TestClock.adjust("30 seconds")
      yield* Fiber.join(fiber)
      assert.strictEqual(seen.attempts, 5)
    })
  )

  it.scoped("retries a lost list on a new connection, and never retries a call", () =>
    Effect.gen(function* () {
      let calls = 0
      const { hangUp, pooled, seen } = yield* makeServer(works, () =>
        Effect.suspend(() => {
          calls += 1
          return Effect.fail(new McpCallFailed({ server: "it", tool: "x", reason: "Closed", detail: "" }))
        })
      )
      const connection = yield* pooled.connection([])
      lists.push(Effect.zipRight(hangUp(1), Effect.fail(killed)))
      assert.deepStrictEqual(yield* connection.tools, [])
      assert.strictEqual(seen.attempts, 2)
      yield* Effect.flip(connection.call("x", {}))
      assert.strictEqual(calls, 1)
    })
  )

  it.scoped("pauses after three consecutive failures, says for how long, and then tries once", () =>
    Effect.gen(function* () {
      const { pooled, seen } = yield* makeServer((attempt) => (attempt <= 6 ? Effect.fail(broken) : Effect.void))
      yield* Effect.flip(pooled.live)
      for (const wait of ["1 second", "2 seconds"] as const) {
        const fiber = yield* Effect.fork(Effect.flip(pooled.live))
        yield* TestClock.adjust(wait)
        yield* Fiber.join(fiber)
      }
      yield* TestClock.adjust("20 seconds")
      const error = yield* Effect.flip(pooled.live)
      assert.strictEqual(seen.attempts, 6)
      assert.deepInclude(error, { reason: "Exited", exitCode: 1, stderrTail: "no db" })
      assert.include(error.message, "the next attempt is in 40s at the earliest")
      yield* TestClock.adjust("40 seconds")
      yield* pooled.live
      assert.strictEqual(seen.attempts, 7)
    })
  )

  it.scoped("logs with its own name and the run that opened it, without that run's other annotations", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const logger = Logger.make(({ annotations }) => seen.push(Object.fromEntries(annotations)))
      const { pooled } = yield* makeServer(() => Effect.logInfo("opening"))
      yield* pooled.live.pipe(
        Effect.annotateLogs({ runId: "run_1", round: 3 }),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      const own = { server: "it", runId: "run_1" }
      // what the opening says, and that it has started
      assert.deepStrictEqual(seen, [own, own])
    })
  )

  it.effect("closes its connection with its scope, and fails waiting callers", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { pooled, seen } = yield* Scope.extend(
        makeServer((attempt) => (attempt === 2 ? Effect.never : Effect.void)),
        scope
      )
      yield* pooled.live
      yield* pooled.close
      assert.deepStrictEqual(seen, { attempts: 1, released: 1 })
      const waiting = yield* Effect.fork(Effect.flip(pooled.live))
      yield* Effect.yieldNow()
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      assert.deepInclude(yield* Fiber.join(waiting), { _tag: "McpServerUnavailable", reason: "Closed" })
      assert.deepInclude(yield* Effect.flip(pooled.live), { _tag: "McpServerUnavailable", reason: "Closed" })
    })
  )
})
