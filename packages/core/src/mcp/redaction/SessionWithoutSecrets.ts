/**
 * A session that keeps the server's own secrets out of results, lists and progress, and so from the model, the journal
 * and the client.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { Session } from "../McpConnection.ts"

/** `said` redacts a text. */
export const make = (session: Session, said: (text: string) => string): Session => {
  const without = <A>(value: A): A => hidden(value, said, 0) as A // strings become strings, anything else stays
  const withProgress = (options: Parameters<Session["call"]>[2] = {}) => {
    const { onProgress } = options
    return onProgress === undefined
      ? options
      : { ...options, onProgress: (progress: Parameters<typeof onProgress>[0]) => onProgress(without(progress)) }
  }
  return {
    ...session,
    implementation: without(session.implementation),
    instructions: without(session.instructions),
    tools: Effect.map(session.tools, without),
    resources: Effect.map(session.resources, without),
    resourceTemplates: Effect.map(session.resourceTemplates, without),
    prompts: Effect.map(session.prompts, without),
    call: (tool, args, options) => Effect.map(session.call(tool, args, withProgress(options)), without),
    readResource: (uri, options) => Effect.map(session.readResource(uri, withProgress(options)), without),
    getPrompt: (prompt, args, options) => Effect.map(session.getPrompt(prompt, args, withProgress(options)), without)
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Deeper than any real value, and within the stack. */
const deepest = 1000

/** Returns the same object when nothing in it is redacted, so that comparisons by identity still work. */
const hidden = (value: unknown, said: (text: string) => string, depth: number): unknown => {
  if (typeof value === "string") return said(value)
  if (depth > deepest) return "<too deep>"
  if (Array.isArray(value)) {
    const parts: ReadonlyArray<unknown> = value
    const next = parts.map((part) => hidden(part, said, depth + 1))
    return next.some((part, index) => part !== parts[index]) ? next : value
  }
  const isPlain = Predicate.isRecord(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value) as object)
  if (!isPlain) return value
  let changed = false
  const entries = Object.entries(value).map(([key, part]) => {
    const next = [said(key), hidden(part, said, depth + 1)] as const
    changed ||= next[0] !== key || next[1] !== part
    return next
  })
  // `fromEntries` defines members, so that `__proto__` is an ordinary one
  return changed ? Object.fromEntries(entries) : value
}
