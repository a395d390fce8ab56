/** One request to an MCP server, however it ends: its answer, the way it failed, or a silence that was too long. */
import type { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { ErrorCode, McpError as SdkError, type Progress, ResultSchema } from "@modelcontextprotocol/sdk/types.js"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import * as Runtime from "effect/Runtime"
import { present } from "../../schema/Fields.ts"
import * as ErrorWords from "../reading/ErrorWords.ts"
import { parse } from "../reading/MessageText.ts"
import { reasonIn } from "../transport/ServerReason.ts"
import { endingIn } from "../transport/TolerantTransport.ts"
import type { CallOptions, CallProgress } from "../McpConnection.ts"

/** A request that came to no result. `lost`: so it looks when the connection went away. */
export class RequestFailed extends Data.TaggedError("RequestFailed")<{
  readonly method: string
  /** JSON-RPC's. */
  readonly code: number | undefined
  /** HTTP's. */
  readonly status: number | undefined
  readonly text: string
  readonly lost: boolean
  /** Nothing at the address answered. */
  readonly unreachable: boolean
  /** What the server sent besides the words. */
  readonly data?: unknown
}> {
  /**
   * The server does not know the session any more, so it has not done what was asked. Some say so with status 200, in an
   * error of the protocol; a tool whose own sessions are gone says so as well, so there its words have to be the usual ones.
   */
  get forgotten() {
    if (this.status === 404 || this.status === 410) return true
    if (this.status === 400) return /session|not initialized/i.test(this.text)
    if (this.status !== undefined) return forgottenWords.test(this.text)
    return sessionCodes.includes(this.code ?? 0) && forgottenWords.test(this.text)
  }
}

/** Nothing was heard within `limit`. */
export class Silent extends Data.TaggedError("Silent")<{ readonly limit: Duration.Duration }> {}

/** Whether the server waits for us, as when it has asked the person something: that is no silence of its own. */
export interface Patience {
  readonly begin: () => void
  /** `at` in milliseconds: from then on the server is expected to go on. */
  readonly end: (at: number) => void
  /** Undefined while it waits; else when it last had its answer, 0 for never. */
  readonly since: () => number | undefined
}

export const makePatience = (): Patience => {
  let open = 0
  let answeredAt = 0
  return {
    begin: () => void open++,
    end: (at) => {
      open--
      answeredAt = at
    },
    since: () => (open > 0 ? undefined : answeredAt)
  }
}

export interface ServerExchange {
  /** Waits as long as it takes. */
  readonly send: (method: string, params: Record<string, unknown>) => Effect.Effect<unknown, RequestFailed>
  /** Waits as long as the server says something now and then, and no longer than `total`. */
  readonly converse: (
    method: string,
    params: Record<string, unknown>,
    limits: {
      readonly silence: Duration.Duration
      readonly total: Duration.Duration
      readonly onProgress: CallOptions["onProgress"]
    }
  ) => Effect.Effect<unknown, RequestFailed | Silent>
}

export const make = (client: Client, patience: Patience): ServerExchange => {
  const request = (
    method: string,
    params: Record<string, unknown>,
    signal: AbortSignal,
    onprogress?: (progress: Progress) => void
  ) =>
    client
      .request({ method, params }, ResultSchema, {
        signal,
        timeout: noSdkLimit,
        ...present({ onprogress })
      })
      .then((result) => {
        const ending = endingIn(result)
        if (ending._tag === "Result") return ending.value
        throw failureFrom(method, ending.error)
      })

  /** Fails when nothing was heard for `silence` while nobody of ours was waited for, and at `end`. */
  const tooLong = (
    limits: { readonly silence: Duration.Duration; readonly total: Duration.Duration },
    end: number,
    heardAt: Ref.Ref<number>
  ): Effect.Effect<never, Silent> =>
    Effect.flatMap(Effect.zip(Ref.get(heardAt), Clock.currentTimeMillis), ([heard, now]) => {
      const silent = Math.max(heard, patience.since() ?? now) + Duration.toMillis(limits.silence) - now
      if (end <= now) return new Silent({ limit: limits.total })
      if (silent <= 0) return new Silent({ limit: limits.silence })
      return Effect.zipRight(Effect.sleep(Math.min(silent, end - now)), tooLong(limits, end, heardAt))
    })

  return {
    send: (method, params) => attempt(method, (signal) => request(method, params, signal)),
    converse: Effect.fnUntraced(function* (method, params, limits) {
      const { onProgress = () => Effect.void } = limits
      const runtime = yield* Effect.runtime<never>()
      const now = yield* Clock.currentTimeMillis
      const heardAt = yield* Ref.make(now)
      const reports = yield* Mailbox.make<CallProgress>()
      const heard = (report: Progress) =>
        Effect.flatMap(Clock.currentTimeMillis, (at) =>
          Effect.zipRight(Ref.set(heardAt, at), reports.offer(progressOf(report)))
        )
      const teller = yield* Effect.fork(Effect.forever(Effect.flatMap(reports.take, onProgress)))
      return yield* attempt(method, (signal) =>
        request(method, params, signal, (report) => void Runtime.runSync(runtime)(heard(report)))
      ).pipe(
        Effect.raceFirst(tooLong(limits, now + Duration.toMillis(limits.total), heardAt)),
        // what was reported before the result is told before it
        Effect.zipLeft(Effect.zipRight(reports.end, Fiber.await(teller))),
        Effect.ensuring(Fiber.interrupt(teller))
      )
    })
  }
}

/** Runs a promise of the SDK's and reads what it throws. */
export const attempt = <A>(method: string, run: (signal: AbortSignal) => Promise<A>) =>
  Effect.tryPromise({ try: run, catch: (cause) => failureOf(method, cause) })

/** Time limits are ours, by the Clock; the SDK's own is put as far away as its timer reaches. Milliseconds. */
export const noSdkLimit = 2 ** 31 - 1

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Those that the SDKs of servers use for it. */
const sessionCodes: ReadonlyArray<number> = [-32_000, -32_001, -32_600, 400, 404]

const forgottenWords =
  /^\W*(?:bad request: )?(?:no valid|invalid|unknown|missing|expired) (?:mcp[- ])?session\b|^\W*(?:mcp[- ])?session\b.{0,80}\b(?:not found|unknown|invalid|expired|terminated|closed|does not exist)\b|^\W*(?:bad request: )?server not initialized\b/i

/** The pages that somebody has to open before the server does what was asked. */
const pagesIn = (code: number | undefined, data: unknown) => {
  const links = Predicate.hasProperty(data, "elicitations") ? data.elicitations : undefined
  if (code !== ErrorCode.UrlElicitationRequired || !Array.isArray(links)) return ""
  const urls = links.flatMap((link) =>
    Predicate.hasProperty(link, "url") && typeof link.url === "string" ? [link.url] : []
  )
  return urls.length === 0 ? "" : ` The user has to open ${urls.join(" and ")} first; then it may be tried again.`
}

const failureFrom = (method: string, { code, data, text }: ErrorWords.ServerError): RequestFailed =>
  new RequestFailed({
    method,
    code,
    status: undefined,
    text: `${text}${pagesIn(code, data)}`.slice(0, 2000),
    // by the text too: servers use this code for errors of their own
    lost: code === ErrorCode.ConnectionClosed && text === connectionClosed,
    unreachable: false,
    data
  })

const connectionClosed = "Connection closed"

/** What fetch hides beneath "fetch failed": `ECONNREFUSED 127.0.0.1:3001`. */
const networkProblem = ({ cause, message }: TypeError) =>
  cause instanceof Error && cause.message !== "" ? cause.message : message

const failureOf = (method: string, cause: unknown): RequestFailed => {
  if (cause instanceof RequestFailed) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  const number =
    Predicate.hasProperty(cause, "code") && Number.isSafeInteger(cause.code) ? Number(cause.code) : undefined
  // a JSON-RPC error has a code too; that of the HTTP transports is the status
  if (cause instanceof SdkError) {
    return failureFrom(method, { code: number, text: message.replace(/^MCP error -?\d+: /, ""), data: cause.data })
  }
  const status = number !== undefined && number >= 100 && number < 600 ? number : undefined
  const unreachable = cause instanceof TypeError && cause.cause !== undefined
  const said = unreachable ? undefined : refusalIn(message)
  const text = unreachable ? networkProblem(cause) : (said?.text ?? "")
  const lost = text === "Not connected" && status === undefined
  const data = said?.data
  return new RequestFailed({ method, code: said?.code, status, text: text.slice(0, 2000), lost, unreachable, data })
}

/** What a refusal says: its error where it holds one, else its body, without the words that the SDK puts before it. */
const refusalIn = (message: string): ErrorWords.ServerError => {
  const body = message.replace(/^(?:Streamable HTTP error: )?(?:Error POSTing to endpoint[^:]*: )?/, "")
  const json = /^\s*\{/.test(body) ? parse(body) : undefined
  if (Predicate.hasProperty(json, "error")) return ErrorWords.read(json.error)
  return { code: undefined, data: undefined, text: /^\s*<[!?a-z]/i.test(body) ? reasonIn(body, null) : body }
}

const progressOf = ({ message, progress, total }: Progress): CallProgress => ({ progress, total, message })
