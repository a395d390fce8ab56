// @effect-diagnostics nodeBuiltinImport:off -- the SDK's HTTP transport takes Node's own requests
/**
 * The server over Streamable HTTP: many clients at once, each in its own session, sharing models, servers and runs.
 */
import type { Services } from "@lms-bridge/core/Bridge"
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { Settings } from "@lms-bridge/core/Settings"
import { ProtocolErrorCode } from "@modelcontextprotocol/server"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { randomUUID } from "node:crypto"
import { createServer, type IncomingMessage, type Server as NodeServer, type ServerResponse } from "node:http"
import { isLoopback, refusal } from "./HttpAccess.ts"
import { RunMetrics, RunReaders } from "@lms-bridge/core/RunJournal"
import { metricsText } from "./metricsText.ts"
import { answer, answerJson, answerMetrics } from "./wholeAnswers.ts"
import * as HttpTransport from "./HttpTransport.ts"
import type * as PageServer from "./page/PageServer.ts"
import { CurrentCaller, Metrics, sessionOf } from "@lms-bridge/core/Observability"
import type { Overloaded } from "@lms-bridge/core/Resilience"
import { readiness } from "../Readiness.ts"
import * as RateLimits from "../protocol/RateLimits.ts"
import { Runs } from "../runs/Runs.ts"
import type { AnyTransport } from "../protocol/Server.ts"
import { modernHttp, serveOn } from "../serveOn.ts"
import type { ModernHttp } from "../protocol/eras/ModernHttp.ts"
import * as NodeFetch from "../wire/NodeFetch.ts"
import * as ClientMessage from "../wire/ClientMessage.ts"
import * as HttpBody from "../wire/HttpBody.ts"

export interface Options {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Required unless `host` is loopback. */
  readonly token: Option.Option<Redacted.Redacted>
  /** What `/metrics` answers; there is no such page without it. */
  readonly metrics?: Effect.Effect<string>
  /** Whether it answers without the token; only where `host` is loopback. */
  readonly openMetrics?: boolean
  /** The page at `/`, with what only the program can do; there is none without it. */
  readonly page?: PageServer.Options
  /** Why `/readyz` is not; undefined if it is. Without it only a server that stops is not ready. */
  readonly unready?: Effect.Effect<string | undefined>
  /** How often a session may ask; without it as often as it likes. */
  readonly limits?: Pick<RateLimits.RateLimits, "request">
  /** How long running calls may take to end when the server is stopped. */
  readonly drain?: Duration.DurationInput
  /** How many sessions may be open at once; and how many requests that belong to none. */
  readonly mostSessions?: number
  /** Answers the requests that belong to no session; without it they are refused. */
  readonly modern?: ModernHttp
  /** How long a session may be idle before it is closed; an hour by default. */
  readonly idle?: Duration.DurationInput
  /** Called with the address, `http://HOST:PORT/mcp`, once the server listens. */
  readonly listening?: (url: string) => Effect.Effect<void>
}

/** The server cannot listen on this address. */
export class HttpNotServed extends Schema.TaggedError<HttpNotServed>()("HttpNotServed", {
  reason: Schema.Literal("TokenRequired", "Listen"),
  host: Schema.String,
  port: Schema.Int,
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return this.reason === "TokenRequired"
      ? `${this.host} can be reached from other machines, so a bearer token is required. Give one, or listen on 127.0.0.1.`
      : `Cannot listen on ${this.host}:${this.port}: ${this.detail}. Choose another port.`
  }
}

const mostBodyBytes = 4 * 1024 * 1024

interface Session {
  readonly http: HttpTransport.HttpTransport
  readonly fiber: Fiber.RuntimeFiber<void, unknown>
  open: number
  usedAt: number
}

/** Serves until it is interrupted; then refuses new work, waits for running calls, and closes. */
export const serveHttp = (options: Options): Effect.Effect<never, HttpNotServed, Services | Settings> =>
  Effect.flatMap(
    Effect.all([metricsText, RateLimits.make, LmStudioApi, Settings]),
    ([metrics, limits, api, settings]) =>
      Effect.gen(function* () {
        const page = options.page === undefined ? undefined : yield* pageOf(options, options.page)
        const mostSessions = options.mostSessions ?? settings.httpSessions
        const unready = Effect.provideService(whyUnready, LmStudioApi, api)
        const modern = yield* modernHttp
        return yield* serveSessions({ ...options, limits, metrics, mostSessions, modern, unready }, inSession, page)
      }).pipe(Effect.provideServiceEffect(Runs, Runs.make))
  ).pipe(Effect.provideServiceEffect(RunReaders, RunMetrics.counted), Effect.scoped)

const inSession = (transport: AnyTransport, connected: Effect.Effect<unknown>, caller: string) =>
  serveOn(transport, connected, caller, "legacy")

/** As `health_check` sees it; the address is for clients with the token. */
const whyUnready = Effect.match(readiness, {
  onFailure: ({ _tag }) => `LM Studio is not ready (${_tag}); health_check says why.`,
  onSuccess: () => undefined
})

/** Loaded only here: the page is of no use to other ways of serving. */
const pageOf = Effect.fnUntraced(function* ({ host, token }: Options, page: PageServer.Options) {
  const { make } = yield* Effect.promise(() => import("./page/PageServer.ts"))
  return yield* make({ host, token: Option.getOrUndefined(Option.map(token, Redacted.value)) }, page)
})

/** The same for any function that serves one session; `connected` runs once the transport accepts messages. */
export const serveSessions = Effect.fn("serveSessions")(function* <E, R>(
  options: Options,
  serve: (transport: AnyTransport, connected: Effect.Effect<unknown>, caller: string) => Effect.Effect<void, E, R>,
  page?: PageServer.PageServer
) {
  const { host, mostSessions = Infinity, port } = options
  const idle = Duration.decode(options.idle ?? "1 hour")
  const token = Option.getOrUndefined(Option.map(options.token, Redacted.value))
  if (token === undefined && !isLoopback(host)) {
    return yield* new HttpNotServed({ reason: "TokenRequired", host, port, detail: "" })
  }
  const limits = options.limits ?? unlimited
  const sessions = new Map<string, Session>()
  const fibers = yield* FiberSet.make<unknown, unknown>()
  const fork = yield* FiberSet.runtime(fibers)<R>()
  let draining = false
  let running = 0

  const open = Effect.gen(function* () {
    const caller = randomUUID()
    const connected = yield* Deferred.make<void>()
    const http = HttpTransport.make({
      newSessionId: () => caller,
      opened: (id) => {
        sessions.set(id, session)
        session.fiber.addObserver(() => sessions.delete(id))
      }
    })
    const fiber = fork(serve(http.transport, Deferred.succeed(connected, undefined), caller))
    const session: Session = { http, fiber, open: 0, usedAt: yield* Clock.currentTimeMillis }
    yield* Effect.raceFirst(Deferred.await(connected), Effect.ignore(Fiber.join(fiber)))
    return session
  })

  const within = (session: Session, request: IncomingMessage, response: ServerResponse, messages?: unknown) =>
    Effect.acquireUseRelease(
      Effect.sync(() => void session.open++),
      () => Effect.promise(() => session.http.handle(request, response, messages)),
      () =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          session.open--
          session.usedAt = now
        })
    )

  const tooManyAtOnce = (response: ServerResponse, what: "sessions" | "requests") => {
    Metrics.refusals.add({ reason: "session" })
    return Effect.zipRight(
      Effect.logInfo("too many clients at once", { what, limit: mostSessions }),
      Effect.sync(() =>
        answer(response, 503, `Too many ${what}${what === "requests" ? " at once" : ""}; try again later.`)
      )
    )
  }

  const first = Effect.fnUntraced(function* (request: IncomingMessage, response: ServerResponse, messages?: unknown) {
    if (sessions.size >= mostSessions) return yield* tooManyAtOnce(response, "sessions")
    const session = yield* open
    yield* within(session, request, response, messages)
    // it was not an initialize request, and the transport has answered so
    if (session.http.sessionId() === undefined) yield* Fiber.interruptFork(session.fiber)
  })

  const admission = (caller: string) =>
    limits.request.pipe(
      Effect.provideService(CurrentCaller, caller),
      Effect.annotateLogs(caller === "" ? {} : { session: sessionOf(caller) }),
      Effect.either
    )

  let alone = 0
  /** False if the request is not of a revision that knows no sessions. */
  const withoutSession = Effect.fnUntraced(function* (
    request: IncomingMessage,
    response: ServerResponse,
    body: unknown
  ) {
    const { modern } = options
    if (modern === undefined || body === undefined) return false
    const asked = NodeFetch.requestOf(request, response)
    if (!(yield* Effect.promise(() => modern.speaks(asked, body)))) return false
    const who = modern.callerOf(body, request.socket.remoteAddress ?? "")
    const admitted = yield* admission(who)
    if (Either.isLeft(admitted)) tooOften(response, idIn(body), admitted.left)
    else if (alone >= mostSessions) yield* tooManyAtOnce(response, "requests")
    else {
      alone++
      response.once("close", () => void alone--)
      yield* Effect.promise(() =>
        modern.answer(asked, body, who).then((answered) => NodeFetch.answer(answered, response))
      )
    }
    return true
  })

  const onMcp = Effect.fnUntraced(function* (request: IncomingMessage, response: ServerResponse) {
    const id = headerOf(request, "mcp-session-id")
    const session = id === undefined ? undefined : sessions.get(id)
    if (id !== undefined && session === undefined) {
      return answer(response, 404, "There is no such session; initialize again.")
    }
    if (request.method !== "POST") {
      return yield* session === undefined ? first(request, response) : within(session, request, response)
    }
    const text = yield* HttpBody.textOf(request, mostBodyBytes)
    if (text === undefined) return answer(response, 413, `A body may have ${mostBodyBytes} bytes at most.`)
    if (id === undefined && (yield* withoutSession(request, response, HttpBody.jsonOf(text)))) return
    const body = HttpBody.bodyOf(text)
    if (body._tag === "Answers") return answerJson(response, session === undefined ? 400 : body.status, body.answer)
    const version = headerOf(request, "mcp-protocol-version")
    const foreign = version !== undefined && !ClientMessage.isSpoken(version)
    if (!body.initializes && (session === undefined || foreign)) {
      const why = ClientMessage.answerTo(
        body.id,
        ProtocolErrorCode.InvalidRequest,
        ClientMessage.beforeInitialize(version)
      )
      return answerJson(response, 400, why)
    }
    const admitted = yield* admission(id ?? "")
    if (Either.isLeft(admitted)) return tooOften(response, body.id, admitted.left)
    return yield* session === undefined
      ? first(request, response, body.messages)
      : within(session, request, response, body.messages)
  })

  /** Nobody waits for an answer that does not come: a mistake of ours is one too. */
  const respond = (response: ServerResponse, self: Effect.Effect<unknown, never, R>) =>
    void fork(
      Effect.catchAllCause(self, (cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.failCause(cause)
          : Effect.zipRight(
              Effect.logError("request failed", cause),
              Effect.sync(() =>
                response.headersSent
                  ? response.destroy()
                  : answer(response, 500, "lms-bridge made a mistake; its log on stderr has the details.")
              )
            )
      )
    )

  const server = createServer((request, response) => {
    const refused = refusal(
      { host, token },
      {
        host: request.headers.host,
        origin: request.headers.origin,
        authorization: request.headers.authorization
      }
    )
    const path = (request.url ?? "").split("?")[0]
    if (path === "/healthz") return answer(response, 200, "ok")
    if (isAboutOAuth(path)) return answer(response, 404, "There is no OAuth here.")
    const isOpen = options.openMetrics === true && isLoopback(host) && refused?.status === 401
    if (path === "/metrics" && options.metrics !== undefined && (refused === undefined || isOpen)) {
      return respond(
        response,
        Effect.map(options.metrics, (text) => answerMetrics(response, text))
      )
    }
    if (path === "/readyz") {
      if (draining) return answer(response, 503, "draining")
      return respond(
        response,
        Effect.map(options.unready ?? Effect.void, (problem) =>
          problem === undefined ? answer(response, 200, "ready") : answer(response, 503, problem)
        )
      )
    }
    const paged = page?.answer(request, response, path ?? "")
    if (paged !== undefined) return respond(response, paged)
    if (refused !== undefined) return answer(response, refused.status, refused.message)
    if (path !== "/mcp") return answer(response, 404, "MCP is at /mcp.")
    if (request.method === "POST") {
      if (draining) return answer(response, 503, "The server is stopping.")
      running++
      response.once("close", () => void running--)
    }
    respond(response, onMcp(request, response))
  })

  yield* Effect.acquireRelease(listen(server, options), () =>
    Effect.sync(() => {
      server.closeAllConnections()
    })
  )
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      draining = true
      server.close()
      server.closeIdleConnections()
      return Effect.repeat(Effect.void, {
        until: () => running === 0,
        schedule: Schedule.upTo(Schedule.spaced("20 millis"), options.drain ?? "30 seconds")
      })
    })
  )

  yield* Effect.forkScoped(
    Effect.repeat(
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.forEach(
          [...sessions.values()].filter(({ open, usedAt }) => open === 0 && now - usedAt > Duration.toMillis(idle)),
          ({ fiber }) => Fiber.interruptFork(fiber)
        )
      ),
      Schedule.spaced(Duration.min(idle, "1 minute"))
    )
  )

  const url = addressOf(server, host)
  yield* Effect.logInfo("listening", { url })
  yield* options.listening?.(url) ?? Effect.void
  if (page !== undefined && isLoopback(host)) {
    yield* options.page?.link?.(page.newLink(url.replace(/mcp$/, ""))) ?? Effect.void
  }
  return yield* Effect.never
}, Effect.scoped)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const listen = (server: NodeServer, { host, port }: Options) =>
  Effect.async<void, HttpNotServed>((resume) => {
    server.once("error", ({ message }) => resume(new HttpNotServed({ reason: "Listen", host, port, detail: message })))
    server.listen(port, host, () => resume(Effect.void))
  })

const addressOf = (server: NodeServer, host: string): string => {
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}/mcp`
}

const headerOf = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** Where clients look for a login service: a 401 here would tell them that there is one. */
const isAboutOAuth = (path = "") => /\/\.well-known(\/|$)|^\/(register|authorize|token)$/.test(path)

const idIn = (body: unknown): ClientMessage.Answer["id"] => {
  const id = Predicate.hasProperty(body, "id") ? body.id : undefined
  return typeof id === "string" || typeof id === "number" ? id : null
}

const unlimited = { request: Effect.void }

const tooOften = (
  response: ServerResponse,
  id: ClientMessage.Answer["id"],
  { message, retryAfter }: Overloaded
): void => {
  response.setHeader("retry-after", String(Math.max(1, Math.ceil(Duration.toSeconds(retryAfter)))))
  answerJson(response, 429, ClientMessage.answerTo(id, ProtocolErrorCode.InternalError, message))
}
