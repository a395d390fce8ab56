/**
 * `fetch` with retries for a remote server that is not ready: `initialize` and lists like requests to LM Studio, a call
 * only if it was certainly not carried out.
 */
import type { FetchLike } from "@modelcontextprotocol/client"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as RetryPolicy from "../../resilience/RetryPolicy.ts"
import * as MessageText from "../reading/MessageText.ts"

/** `run` runs an effect for as long as the connection lasts; `isOpen` says whether a request is still pending. */
export const make =
  (options: {
    readonly fetch: FetchLike
    readonly policy: RetryPolicy.RetryPolicy
    readonly run: <A>(effect: Effect.Effect<A>) => Promise<A>
    readonly isOpen: (id: string | number) => boolean
  }): FetchLike =>
  (url, init) => {
    const { fetch, isOpen, policy, run } = options
    const posted = typeof init?.body === "string" ? MessageText.parse(init.body) : undefined
    const method = Predicate.hasProperty(posted, "method") ? String(posted.method) : ""
    const id = Predicate.hasProperty(posted, "id") ? posted.id : undefined
    if (method === "" || (typeof id !== "string" && typeof id !== "number")) return fetch(url, init)
    const delays = RetryPolicy.delays(policy)

    const attempt = (retry: number, began: number): Promise<Response> => {
      const again = (asked: Duration.Duration | undefined, otherwise: () => Promise<Response> | Response) => {
        const base = delays[retry]
        if (base === undefined) return Promise.resolve().then(otherwise)
        return run(waited(policy, began, asked ?? base, asked === undefined)).then((goes) =>
          // a request that was given up meanwhile must not be sent again
          goes && isOpen(id) ? attempt(retry + 1, began) : otherwise()
        )
      }
      return fetch(url, init).then(
        (response) => {
          const asked = retryAfter(
            response.headers.get("retry-after"),
            Date.parse(response.headers.get("date") ?? "") || began
          )
          return isRepeatable(method, response.status, asked !== undefined) ? again(asked, () => response) : response
        },
        (error: unknown) =>
          isReading(method) && isPassing(error) ? again(undefined, () => Promise.reject(error)) : Promise.reject(error) // the SDK's promise fails with what fetch threw
      )
    }
    return run(Clock.currentTimeMillis).then((now) => attempt(0, now))
  }

/**
 * `Retry-After` in seconds or as a date; undefined when it is missing or invalid. A date is relative to the server's
 * own clock, `now` in epoch milliseconds.
 */
export const retryAfter = (header: string | null, now: number): Duration.Duration | undefined => {
  const text = header?.trim() ?? ""
  if (/^\d{1,9}(\.\d{1,9})?$/.test(text)) return Duration.seconds(Number(text))
  const millis = /^[A-Za-z]{3}/.test(text) ? Date.parse(text) - now : Number.NaN
  return Number.isFinite(millis) ? Duration.millis(Math.max(0, millis)) : undefined
}

/** Whether a request may be retried after a response with this status. */
export const isRepeatable = (method: string, status: number, hasRetryAfter: boolean): boolean =>
  status === 429 ||
  (status === 503 && hasRetryAfter) ||
  // proxies use status codes of their own above 504
  (isReading(method) && ([408, 425, 502, 503, 504, 530].includes(status) || (status >= 520 && status <= 524)))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Requests that change nothing, however often they are sent. */
const isReading = (method: string) =>
  method === "initialize" ||
  method === "server/discover" ||
  /^(tools|prompts|resources|resources\/templates)\/list$/.test(method)

/** A server that refuses the connection is not there; one that drops it, or does not answer, may be starting up. */
const isPassing = (error: unknown) => {
  const cause = error instanceof TypeError ? error.cause : undefined
  const code = Predicate.hasProperty(cause, "code") ? String(cause.code) : ""
  return /^(ECONNRESET|EPIPE|ETIMEDOUT|EAI_AGAIN|UND_ERR_(SOCKET|CONNECT_TIMEOUT|HEADERS_TIMEOUT))$/.test(code)
}

/** Waits; false, without waiting, when the wait would exceed the policy's budget. */
const waited = Effect.fnUntraced(function* (
  policy: RetryPolicy.RetryPolicy,
  began: number,
  delay: Duration.Duration,
  jittered: boolean
) {
  const now = yield* Clock.currentTimeMillis
  const wait = jittered ? Duration.times(delay, yield* Random.nextRange(0.8, 1.2)) : delay
  if (now - began + Duration.toMillis(wait) > Duration.toMillis(policy.budget)) return false
  yield* Effect.sleep(wait)
  return true
})
