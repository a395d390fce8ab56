/**
 * One server of the pool: connected when needed, reconnected after a loss, for any number of concurrent callers that
 * cannot harm each other.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { closedOnFailure } from "../../internal/ownScope.ts"
import * as CircuitBreaker from "../../resilience/CircuitBreaker.ts"
import type * as RetryPolicy from "../../resilience/RetryPolicy.ts"
import * as FairTurns from "../../resilience/FairTurns.ts"
import { Overloaded } from "../../resilience/Overloaded.ts"
import { table } from "../../configuration/Settings.ts"
import * as CallsInFlight from "./CallsInFlight.ts"
import type { GuardedSession as Session } from "../lock/GuardedSession.ts"
import type { McpConnection } from "../McpConnection.ts"
import { type McpCallFailed, type McpReadFailed, McpServerUnavailable } from "../McpError.ts"
import * as Roots from "../Roots.ts"
import type { Answering } from "./ServerRequests.ts"

export interface PooledServer {
  /** An open connection; if there is none, one is opened for all waiting callers. */
  readonly live: Effect.Effect<Session, McpServerUnavailable>
  /**
   * A handle that outlives single connections: a request after a loss goes to a new connection. Until the scope closes,
   * the server may work in these folders, in addition to those of others.
   */
  readonly connection: (
    roots: ReadonlyArray<Roots.Root>
  ) => Effect.Effect<McpConnection, McpServerUnavailable, Scope.Scope>
  readonly isOpen: Effect.Effect<boolean>
  /** Ends the connection and waits until nothing of it is left. */
  readonly close: Effect.Effect<void>
}

/**
 * `open` makes one connection. It is run again after each loss, once more immediately if the server ended while it was
 * opened, and a few more times if the server was killed. After that each attempt, made when somebody needs the server,
 * waits longer than the one before. A server that fails repeatedly is left alone for a while: `policy` says how many
 * times and how long. At most `concurrency` calls run at the same time, whoever makes them; the others wait for their
 * caller's turn.
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly server: string
  readonly open: (answering: Answering) => Effect.Effect<Session, McpServerUnavailable, Scope.Scope>
  readonly policy: CircuitBreaker.BreakerPolicy
  /** How long to wait between failed attempts, each time longer. */
  readonly retries: RetryPolicy.RetryPolicy
  readonly concurrency: number
  /** Calls that may wait. */
  readonly queue: number
  /** Run when it was started again. */
  readonly restarted: Effect.Effect<void>
}) {
  const { concurrency, policy, queue, restarted, retries, server } = options
  const scope = yield* Effect.scope
  const gate = yield* Effect.makeSemaphore(1)
  const breaker = yield* CircuitBreaker.make({
    name: `MCP server "${server}"`,
    policy,
    // a server that needs a login is healthy, and nobody likes to wait after a login; a killed one did nothing wrong
    counts: (error) => !(isUnavailable(error) && (error.reason === "Unauthorized" || isKilled(error)))
  })
  const inTurn = yield* FairTurns.make({
    atOnce: concurrency,
    mostWaiting: queue,
    what: `the MCP server "${server}"`,
    setting: table.queue.variable
  })
  const state: State = {
    current: undefined,
    last: undefined,
    sessions: 0,
    failure: undefined,
    failures: 0,
    restsUntil: 0
  }

  const inFlight = CallsInFlight.make(server)
  const roots = Roots.make(
    Effect.suspend(() => (state.current?.session === undefined ? Effect.void : state.current.session.rootsChanged))
  )

  // nothing of a failed attempt is left when the next begins
  const once = closedOnFailure(options.open({ roots: roots.current, inFlight }))
  // it may be killed again, for example when memory is short
  const persistent = Effect.retry(once, { schedule: restarts(retries), while: isKilled })
  const rested = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.when(Effect.sleep(Duration.millis(state.restsUntil - now)), () => state.restsUntil > now)
  )
  const open = Effect.zipRight(
    rested,
    Effect.catchIf(once, isEnded, () => persistent)
  ).pipe(
    Effect.tap(() => Effect.sync(() => (state.failures = 0))),
    Effect.tapError((failure) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        state.failure = failure
        state.failures = isEnded(failure) ? state.failures + 1 : 0
        state.restsUntil = state.failures === 0 ? 0 : now + Duration.toMillis(restAfter(retries, state.failures))
      })
    ),
    breaker.protect,
    Effect.catchTag("CircuitOpen", ({ retryAfter }) => leftAlone(server, state.failure, retryAfter))
  )

  /** Lives as long as one connection: its scope is the connection's. */
  const run = (attempt: Attempt) =>
    Effect.scoped(
      Effect.zip(roots.version, open).pipe(
        Effect.tap(([version, session]) =>
          Effect.suspend(() => {
            attempt.session = session
            state.last = session
            state.sessions += 1
            const again = state.sessions > 1
            // folders that were added while it was opened; it may have asked for them before
            return Effect.zipRight(
              again
                ? Effect.zipRight(restarted, Effect.logInfo("MCP server started again"))
                : Effect.logInfo("MCP server started"),
              Effect.whenEffect(
                session.rootsChanged,
                Effect.map(roots.version, (now) => now !== version)
              )
            )
          })
        ),
        Effect.map(([, session]) => session),
        Effect.onExit((exit) => {
          attempt.isReady = true
          return Deferred.done(attempt.ready, withoutInterruption(server, exit))
        }),
        Effect.flatMap((session) => session.closed),
        Effect.zipRight(Effect.logInfo("MCP server lost")),
        Effect.ignore,
        // before the scope closes, which may take a while: a caller at that time gets a new connection at once
        Effect.ensuring(Effect.sync(() => state.current === attempt && (state.current = undefined)))
      )
    )

  const attempt = gate.withPermits(1)(
    Effect.suspend(() => (state.current === undefined ? begin : Effect.succeed(state.current)))
  )
  const begin = Effect.gen(function* () {
    const started: Attempt = {
      ready: yield* Deferred.make<Session, McpServerUnavailable>(),
      fiber: undefined,
      session: undefined,
      isReady: false
    }
    state.current = started
    const caller = HashMap.get(yield* FiberRef.get(FiberRef.currentLogAnnotations), "runId")
    // in the pool's scope; of the caller's log annotations, only the run that opened it
    started.fiber = yield* run(started).pipe(
      Effect.locally(
        FiberRef.currentLogAnnotations,
        HashMap.make(
          ["server", server as unknown],
          ...Option.toArray(Option.map(caller, (id) => ["runId", id] as const))
        )
      ),
      Effect.interruptible,
      Effect.forkIn(scope)
    )
    // a scope that has closed meanwhile ends the fiber before its first step
    started.fiber.addObserver(() => {
      if (state.current === started) state.current = undefined
      Deferred.unsafeDone(started.ready, letGo(server))
    })
    return started
  }).pipe(Effect.uninterruptible)

  const found: PooledServer["live"] = Effect.gen(function* () {
    for (;;) {
      const current = yield* attempt
      const session = yield* Deferred.await(current.ready)
      if (yield* session.isOpen) return session
      // lost meanwhile, and its fiber has yet to notice
      if (state.current === current) state.current = undefined
    }
  })
  const live: PooledServer["live"] = Effect.suspend(() => {
    const { current } = state
    // a connection that is being opened may not know folders that were added meanwhile
    if (current?.session === undefined || !current.isReady) return found
    const { session } = current
    return Effect.flatMap(session.isOpen, (isOpen) => (isOpen ? Effect.succeed(session) : found))
  })

  /** A list is retried after the server was lost; a failed start has had its own retries. */
  const look = <A>(use: (session: Session) => Effect.Effect<A, McpServerUnavailable>) =>
    Effect.flatMap(live, (session) => Effect.either(use(session))).pipe(
      Effect.repeat({
        times: retries.maxRetries,
        while: (got) => Either.isLeft(got) && (isEnded(got.left) || isForgotten(got.left))
      }),
      Effect.flatten
    )
  /** A server that does not know its session has done nothing yet; nothing else is ever retried. */
  const ask = <A, E extends McpServerUnavailable | McpCallFailed | McpReadFailed>(
    use: (session: Session) => Effect.Effect<A, E>
  ) => {
    const once = Effect.flatMap(live, use)
    return Effect.catchIf(once, isForgotten, () => once)
  }

  const asCaller = <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E | McpServerUnavailable> =>
    Effect.catchIf(inTurn(inFlight.during(self)), isOverloaded, ({ message }) =>
      Effect.fail(new McpServerUnavailable({ server, reason: "Overloaded", detail: message, stderrTail: "" }))
    )

  const pooled: PooledServer = {
    live,
    connection: Effect.fnUntraced(function* (folders) {
      yield* roots.hold(folders)
      const { implementation, instructions } = yield* live
      const connection: McpConnection = {
        server,
        implementation,
        instructions,
        tools: look((session) => session.tools),
        review: look((session) => session.review),
        toolsEdition: Effect.suspend(() =>
          Effect.map(state.last?.toolsEdition ?? Effect.succeed(""), (edition) => `${state.sessions}.${edition}`)
        ),
        call: (tool, args, callOptions) => asCaller(ask((session) => session.call(tool, args, callOptions))),
        resources: look((session) => session.resources),
        resourceTemplates: look((session) => session.resourceTemplates),
        readResource: (uri, callOptions) => asCaller(ask((session) => session.readResource(uri, callOptions))),
        prompts: look((session) => session.prompts),
        getPrompt: (name, args, callOptions) => asCaller(ask((session) => session.getPrompt(name, args, callOptions))),
        stderrTail: Effect.suspend(() => state.last?.stderrTail ?? Effect.succeed(""))
      }
      return connection
    }),
    isOpen: Effect.suspend(() => (state.current === undefined ? Effect.succeed(false) : isUp(state.current))),
    close: Effect.suspend(() =>
      state.current?.fiber === undefined ? Effect.void : Fiber.interrupt(state.current.fiber)
    )
  }
  return pooled
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isOverloaded = Schema.is(Overloaded)

const isUnavailable = Schema.is(McpServerUnavailable)

interface Attempt {
  readonly ready: Deferred.Deferred<Session, McpServerUnavailable>
  fiber: Fiber.RuntimeFiber<void> | undefined
  /** Set once it is open. */
  session: Session | undefined
  isReady: boolean
}

interface State {
  current: Attempt | undefined
  /** The newest session, open or not: its stderr says why it ended. */
  last: Session | undefined
  /** How many sessions there have been. */
  sessions: number
  failure: McpServerUnavailable | undefined
  /** Consecutive attempts in which the server ended. */
  failures: number
  /** Epoch milliseconds. */
  restsUntil: number
}

/** Faster and more often than a request is retried: a process starts in a second. */
const restarts = ({ maxRetries }: RetryPolicy.RetryPolicy) =>
  Schedule.exponential("100 millis").pipe(
    Schedule.union(Schedule.spaced("2 seconds")),
    Schedule.jittered,
    Schedule.intersect(Schedule.recurs(maxRetries * 2))
  )

/** By a signal, which a shell reports as an exit code above 128. */
const isKilled = ({ exitCode = 0, reason }: McpServerUnavailable) =>
  reason === "Closed" || (reason === "Exited" && exitCode > 128)

const isEnded = ({ reason }: McpServerUnavailable) => reason === "Exited" || reason === "Closed"

/** Doubled after each failure, up to the limit. */
const restAfter = ({ base, factor, maxDelay }: RetryPolicy.RetryPolicy, failures: number) =>
  Duration.min(Duration.times(base, factor ** (failures - 1)), maxDelay)

const isForgotten = (error: McpCallFailed | McpReadFailed | McpServerUnavailable) => {
  const status = error._tag === "McpServerUnavailable" ? error.status : error.code
  return error.reason === "Closed" && (status === 404 || status === 400)
}

const isUp = ({ ready }: Attempt) =>
  Effect.flatMap(Deferred.poll(ready), (done) =>
    done._tag === "None"
      ? Effect.succeed(false)
      : done.value.pipe(
          Effect.flatMap((session) => session.isOpen),
          Effect.orElseSucceed(() => false)
        )
  )

/** Callers that wait for a connection are not interrupted when the pool closes: they get an error. */
const withoutInterruption = (server: string, exit: Exit.Exit<Session, McpServerUnavailable>) =>
  Exit.isInterrupted(exit) ? letGo(server) : exit

const letGo = (server: string) =>
  Exit.fail(new McpServerUnavailable({ server, reason: "Closed", detail: "lms-bridge closed it.", stderrTail: "" }))

const leftAlone = (server: string, last: McpServerUnavailable | undefined, retryAfter: Duration.Duration) =>
  new McpServerUnavailable({
    server,
    reason: last?.reason ?? "Closed",
    detail: `It failed repeatedly, so the next attempt is in ${Duration.format(retryAfter)} at the earliest.`,
    ...(last?.exitCode === undefined ? {} : { exitCode: last.exitCode }),
    stderrTail: last?.stderrTail ?? ""
  })
