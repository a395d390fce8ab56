/** Requests to the server. What fails is a sentence. */
import { signal } from "@preact/signals"
import type { Failure } from "../Wire.ts"
import { disconnect } from "./state.ts"

/** What did not succeed last; shown until it is closed. */
export const trouble = signal("")

export const read = <A>(path: string): Promise<A> => ask<A>(path, {})

/** The header is one that a page of another site cannot set. */
export const send = <A = object>(path: string, body: object = {}): Promise<A> =>
  ask<A>(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-lms-bridge": "page" },
    body: JSON.stringify(body)
  })

/** The same for a button: a failure is shown, and the result undefined. */
export const attempt = async <A>(request: Promise<A>): Promise<A | undefined> => {
  try {
    const value = await request
    trouble.value = ""
    return value
  } catch (error) {
    trouble.value = sentenceOf(error)
    return undefined
  }
}

export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ask = async <A>(path: string, init: RequestInit): Promise<A> => {
  const response = await fetch(path, { credentials: "same-origin", ...init }).catch(() => {
    throw new Error("lms-bridge does not answer. Does it still run?")
  })
  const body = (await response.json().catch(() => ({ message: response.statusText }))) as A & Partial<Failure>
  if (response.ok) return body
  if (response.status === 401 && path !== "/login") disconnect()
  throw new Error(body.message ?? `The answer was ${response.status}.`)
}
