/**
 * Resources and prompts as data, independent of transports.
 */
import type * as Effect from "effect/Effect"
import type { Content } from "../tools/Content.ts"
import type { Failure } from "../tools/Tool.ts"

interface Described {
  readonly name: string
  readonly title: string
  readonly description: string
}

/** The values that may complete an argument. */
export type Complete<R> = Effect.Effect<ReadonlyArray<string>, Failure, R>

export interface Resource<R> extends Described {
  readonly uri: string
  readonly mimeType: string
  /** The content is binary, in base64. */
  readonly isBinary?: boolean
  readonly read: Effect.Effect<string, Failure, R>
}

/** One resource for each value of a variable between `prefix` and `suffix`. */
export interface Template<R> extends Described {
  readonly prefix: string
  readonly variable: string
  readonly suffix: string
  /** The value may have slashes as they are, as the keys of models do. */
  readonly slashes?: boolean
  readonly mimeType: string
  readonly read: (value: string) => Effect.Effect<string, Failure, R>
  /** The current values, each with a title, for `resources/list`. */
  readonly list: Effect.Effect<ReadonlyArray<{ readonly value: string; readonly title: string }>, Failure, R>
  readonly complete: Complete<R>
}

export interface Prompt<R> extends Described {
  readonly arguments: ReadonlyArray<{
    readonly name: string
    readonly description: string
    readonly required: boolean
    readonly complete?: Complete<R>
  }>
  /** The user's messages; absent arguments are "". */
  readonly render: (argument: (name: string) => string) => ReadonlyArray<Content>
  /** In place of `render`, for a prompt that asks the client something. */
  readonly ask?: Effect.Effect<ReadonlyArray<Content>>
}

type Form = Pick<Template<never>, "prefix" | "variable" | "suffix" | "slashes">

export const uriTemplate = ({ prefix, suffix, variable }: Form): string => `${prefix}{${variable}}${suffix}`

export const uriOf = ({ prefix, suffix }: Form, value: string): string =>
  `${prefix}${encodeURIComponent(value)}${suffix}`

/** The value of the template's variable in a URI that matches the template. */
export const match = ({ prefix, slashes = false, suffix }: Form, uri: string): string | undefined => {
  if (!uri.startsWith(prefix) || !uri.endsWith(suffix) || uri.length <= prefix.length + suffix.length) return undefined
  const value = uri.slice(prefix.length, uri.length - suffix.length)
  return value.includes("/") && !slashes ? undefined : decoded(value)
}

/** The best matches, those at the beginning first, at most MCP's 100. */
export const fitting = (words: ReadonlyArray<string>, begun: string) => {
  const wanted = begun.toLowerCase()
  const fits = words.filter((word) => word.toLowerCase().includes(wanted))
  const starts = (word: string) => word.toLowerCase().startsWith(wanted)
  const values = [...new Set([...fits.filter(starts), ...fits.filter((word) => !starts(word))])]
  return { values: values.slice(0, 100), total: values.length, hasMore: values.length > 100 }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decoded = (value: string): string | undefined => {
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}
