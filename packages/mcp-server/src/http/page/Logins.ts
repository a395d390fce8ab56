// @effect-diagnostics nodeBuiltinImport:off -- random bytes and digests
/**
 * Who is logged in to the page. A token, or the code of a link that works once, is traded for a cookie; all of it is in
 * memory, so that a new process knows nobody.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"

export interface Logins {
  /** The code of the next link. It works once, and until another one has been asked for. */
  readonly newCode: () => string
  /** Trades the code or the token for the value of a cookie; undefined if it is wrong. */
  readonly login: (given: { readonly code?: string; readonly token?: string }, now: number) => string | undefined
  readonly isKnown: (cookie: string | undefined, now: number) => boolean
  readonly logout: (cookie: string | undefined) => void
  /** Whether there have been so many wrong attempts that the next one has to wait. */
  readonly mustWait: (now: number) => boolean
}

/** How long a cookie is good for without use. */
export const idleMillis = 7 * 24 * 60 * 60_000
const mostLogins = 64
const mostWrong = 10
const wrongWithinMillis = 60_000

export const make = (token: string | undefined): Logins => {
  /** Digests, never the values themselves; with the time of last use. */
  const known = new Map<string, number>()
  let code: string | undefined
  let wrong: ReadonlyArray<number> = []

  const find = (cookie: string | undefined) =>
    cookie === undefined ? undefined : [...known.keys()].find((digest) => isSame(digest, digestOf(cookie)))

  return {
    newCode: () => (code = secret()),
    login: (given, now) => {
      const byCode = code !== undefined && given.code !== undefined && isSame(digestOf(given.code), digestOf(code))
      const byToken = token !== undefined && given.token !== undefined && isSame(digestOf(given.token), digestOf(token))
      if (!byCode && !byToken) {
        wrong = [...wrong.filter((at) => at > now - wrongWithinMillis), now]
        return undefined
      }
      if (byCode) code = undefined
      const cookie = secret()
      const oldest = [...known].toSorted(([, a], [, b]) => a - b)[0]
      if (known.size >= mostLogins && oldest !== undefined) known.delete(oldest[0])
      known.set(digestOf(cookie), now)
      return cookie
    },
    isKnown: (cookie, now) => {
      const digest = find(cookie)
      if (digest === undefined) return false
      if (now - (known.get(digest) ?? 0) > idleMillis) {
        known.delete(digest)
        return false
      }
      known.set(digest, now)
      return true
    },
    logout: (cookie) => {
      const digest = find(cookie)
      if (digest !== undefined) known.delete(digest)
    },
    mustWait: (now) => wrong.filter((at) => at > now - wrongWithinMillis).length >= mostWrong
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** 256 random bits. */
const secret = () => randomBytes(32).toString("base64url")

const digestOf = (text: string) => createHash("sha256").update(text).digest("hex")

/** Digests have one length, and are compared in constant time. */
const isSame = (a: string, b: string) => timingSafeEqual(Buffer.from(a), Buffer.from(b))
