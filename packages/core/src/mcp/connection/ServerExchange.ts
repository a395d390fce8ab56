/** One request to an MCP server and its end: the answer, a failure, or a silence that was too long. */
import {
  type Client,
  InsufficientScopeError,
  type Progress,
  ProtocolError,
  ProtocolErrorCode,
  SdkError,
  SdkErrorCode,
  SdkHttpError
} from "@modelcontextprotocol/client"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import { present } from "../../schema/Fields.ts"
import * as ErrorWords from "../reading/ErrorWords.ts"
import { parse } from "../reading/MessageText.ts"
import { reasonIn } from "../reading/ServerReason.ts"
import { connectionClosed } from "../transport/FetchedMessages.ts"
import { endingIn, Thrown } from "../transport/Carried.ts"
import type { CallOptions, CallProgress } from "../McpConnection.ts"

/** A request without a result. `lost`: the connection seems to have gone away. */
export class RequestFailed extends Data.TaggedError("RequestFailed")<{
  readonly method: string
  /** The code of JSON-RPC. */
  readonly code: number | undefined
  /** The status of HTTP. */
  readonly status: number | undefined
  readonly text: string
  readonly lost: boolean
  /** Nothing at the address answered. */
  readonly unreachable: boolean
  /** What the server sent in addition to the text. */
  readonly data?: unknown
}> {
  /**
   * The server no longer knows the session, so it has not done what was requested. Some servers say so with status 200,
   * in a protocol error. A tool whose own sessions are gone does the same, so in that case the text has to be a usual
   * one. So is a server that was started anew in the other kind of revisions: it has not understood the request.
   */
  get forgotten() {
    if (eraCodes.includes(this.code ?? 0)) return true
    if (eraWords.test(this.text) && (this.status === 400 || refusalCodes.includes(this.code ?? 0))) return true
    if (this.status === 404 || this.status === 410) return true
    if (this.status === 400) return /session|not initialized/i.test(this.text)
    if (this.status !== undefined) return forgottenWords.test(this.text)
    return sessionCodes.includes(this.code ?? 0) && forgottenWords.test(this.text)
  }
}

/** Nothing was received within `limit`. */
export class Silent extends Data.TaggedError("Silent")<{ readonly limit: Duration.Duration }> {}

/** Whether the server is waiting for us, for example for the user's answer: then its silence does not count. */
export interface PausedTimeout {
  readonly begin: () => void
  /** `at` in epoch milliseconds: from then on the server is expected to continue. */
  readonly end: (at: number) => void
  /** Undefined while the server waits; else when it last got its answer, 0 for never. */
  readonly since: () => number | undefined
}

export const makePausedTimeout = (): PausedTimeout => {
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
  /** Waits without a limit. */
  readonly send: (method: string, params: Record<string, unknown>) => Effect.Effect<unknown, RequestFailed>
  /** Waits as long as the server sends something now and then, but no longer than `total`. */
  readonly converse: (
    method: string,
    params: Record<string, unknown>,
    limits: {
      readonly silence: Duration.Duration
      readonly total: Duration.Duration
      readonly onProgress: CallOptions["onProgress"]
      /** Of HTTP. */
      readonly headers?: Readonly<Record<string, string>>
    }
  ) => Effect.Effect<unknown, RequestFailed | Silent>
}

export const make = (client: Client, pausedTimeout: PausedTimeout): ServerExchange => {
  const request = (
    method: string,
    params: Record<string, unknown>,
    signal: AbortSignal,
    onprogress?: (progress: Progress) => void,
    headers?: Readonly<Record<string, string>>
  ) =>
    client
      .request({ method, params }, anything, {
        signal,
        timeout: noSdkLimit,
        ...present({ onprogress, headers: headers === undefined ? undefined : { ...headers } })
      })
      .then((result) => {
        const ending = endingIn(result)
        if (ending._tag === "Result") return ending.value
        throw failureFrom(method, ending.error)
      })

  /** Fails at `end`, or when nothing was received for `silence` while the server was not waiting for us. */
  const tooLong = (
    limits: { readonly silence: Duration.Duration; readonly total: Duration.Duration },
    end: number,
    heard: Heard
  ): Effect.Effect<never, Silent> =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const silent = Math.max(heard.at, pausedTimeout.since() ?? now) + Duration.toMillis(limits.silence) - now
      if (end <= now) return yield* new Silent({ limit: limits.total })
      if (silent <= 0) return yield* new Silent({ limit: limits.silence })
      yield* Effect.sleep(Math.min(silent, end - now))
      return yield* tooLong(limits, end, heard)
    })

  return {
    send: (method, params) => attempt(method, (signal) => request(method, params, signal)),
    converse: Effect.fnUntraced(function* (method, params, limits) {
      const { onProgress = () => Effect.void } = limits
      const runtime = yield* Effect.runtime<never>()
      const now = yield* Clock.currentTimeMillis
      const heard: Heard = { at: now, teller: undefined }
      const hear = Effect.fnUntraced(function* (report: Progress) {
        heard.at = yield* Clock.currentTimeMillis
        // most calls report nothing
        heard.teller ??= yield* tellerOf(onProgress)
        yield* heard.teller.reports.offer(progressOf(report))
      })
      const told = (after: (teller: Teller) => Effect.Effect<unknown>) =>
        Effect.suspend(() => (heard.teller === undefined ? Effect.void : after(heard.teller)))
      return yield* attempt(method, (signal) =>
        request(method, params, signal, (report) => void Runtime.runSync(runtime)(hear(report)), limits.headers)
      ).pipe(
        Effect.raceFirst(tooLong(limits, now + Duration.toMillis(limits.total), heard)),
        // progress that was reported before the result is delivered before it
        Effect.zipLeft(told(({ fiber, reports }) => Effect.zipRight(reports.end, Fiber.await(fiber)))),
        Effect.ensuring(told(({ fiber }) => Fiber.interrupt(fiber)))
      )
    })
  }
}

/** Runs a promise of the SDK and converts what it throws. */
export const attempt = <A>(method: string, run: (signal: AbortSignal) => Promise<A>) =>
  Effect.tryPromise({ try: run, catch: (cause) => failureOf(method, cause) })

/** Time limits are ours, by the Clock; the SDK's own limit is set to its maximum. Milliseconds. */
export const noSdkLimit = 2 ** 31 - 1

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** When the server was last heard of, and who passes on what it reports. */
interface Heard {
  at: number
  teller: Teller | undefined
}

interface Teller {
  readonly reports: Mailbox.Mailbox<CallProgress>
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
}

const tellerOf = Effect.fnUntraced(function* (onProgress: NonNullable<CallOptions["onProgress"]>) {
  const reports = yield* Mailbox.make<CallProgress>()
  const fiber = yield* Effect.forkDaemon(Effect.forever(Effect.flatMap(reports.take, onProgress)))
  return { reports, fiber }
})

/** Every answer is read by us, in `endingIn`: the SDK takes any. */
const anything = {
  "~standard": { version: 1 as const, vendor: "lms-bridge", validate: (value: unknown) => ({ value }) }
}

/** The codes that server SDKs use for it. */
const sessionCodes: ReadonlyArray<number> = [-32_000, -32_001, -32_600, 400, 404]

/** HeaderMismatch and UnsupportedProtocolVersion of revision 2026-07-28. */
const eraCodes: ReadonlyArray<number> = [-32_020, -32_022]

/** What a server says to a request in the words of the other kind of revisions. */
const eraWords =
  /^\W*(?:bad request: )?(?:mcp-session-id header is required|unsupported protocol version)|\bio\.modelcontextprotocol\/(?:protocolVersion|clientCapabilities)\b/i

const refusalCodes: ReadonlyArray<number> = [...sessionCodes, ProtocolErrorCode.InvalidParams]

const forgottenWords =
  /^\W*(?:bad request: )?(?:no valid|invalid|unknown|missing|expired) (?:mcp[- ])?session\b|^\W*(?:mcp[- ])?session\b.{0,80}\b(?:not found|unknown|invalid|expired|terminated|closed|does not exist)\b|^\W*(?:bad request: )?server not initialized\b/i

/** The pages that the user has to open before the server continues. */
const pagesIn = (code: number | undefined, data: unknown) => {
  const links = Predicate.hasProperty(data, "elicitations") ? data.elicitations : undefined
  if (code !== ProtocolErrorCode.UrlElicitationRequired || !Array.isArray(links)) return ""
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
    // by the text too: servers also use this code for their own errors
    lost: code === connectionClosed && text === closedText,
    unreachable: false,
    data
  })

const closedText = "Connection closed"

/** The cause that fetch hides behind "fetch failed": `ECONNREFUSED 127.0.0.1:3001`. */
const networkProblem = ({ cause, message }: TypeError) =>
  cause instanceof Error && cause.message !== "" ? cause.message : message

const failureOf = (method: string, cause: unknown): RequestFailed => {
  if (cause instanceof RequestFailed) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  if (cause instanceof ProtocolError && cause.data instanceof Thrown) return failureOf(method, cause.data.error)
  if (cause instanceof ProtocolError) return failureFrom(method, { code: cause.code, text: message, data: cause.data })
  if (cause instanceof SdkError && cause.code === SdkErrorCode.ConnectionClosed) {
    return failureFrom(method, { code: connectionClosed, text: closedText, data: undefined })
  }
  const status = statusOf(cause)
  const unreachable = cause instanceof TypeError && cause.cause !== undefined
  const said = unreachable ? undefined : refusalIn(message)
  const text = unreachable ? networkProblem(cause) : (said?.text ?? "")
  const lost = text === "Not connected" && status === undefined
  const data = said?.data
  return new RequestFailed({ method, code: said?.code, status, text: text.slice(0, 2000), lost, unreachable, data })
}

const statusOf = (cause: unknown): number | undefined => {
  // the SDK's transport has read the challenge
  if (cause instanceof InsufficientScopeError) return 403
  const status =
    cause instanceof SdkHttpError ? cause.status : Predicate.hasProperty(cause, "code") ? cause.code : undefined
  return typeof status === "number" && status >= 100 && status < 600 ? status : undefined
}

/** The content of a refusal: its error if it has one, else its body, without the SDK's prefix. */
const refusalIn = (message: string): ErrorWords.ServerError => {
  const body = message.replace(/^(?:Streamable HTTP error: )?(?:Error POSTing to endpoint[^:]*: )?/, "")
  const json = /^\s*\{/.test(body) ? parse(body) : undefined
  if (Predicate.hasProperty(json, "error")) return ErrorWords.read(json.error)
  return { code: undefined, data: undefined, text: /^\s*<[!?a-z]/i.test(body) ? reasonIn(body, null) : body }
}

const progressOf = ({ message, progress, total }: Progress): CallProgress => ({ progress, total, message })
