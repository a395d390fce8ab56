// @effect-diagnostics nodeBuiltinImport:off -- the server's own requests
/**
 * One route of the page: what it answers to, and an effect whose result is the answer as JSON.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { IncomingMessage } from "node:http"
import * as Answers from "./Answers.ts"

export interface Asked {
  readonly request: IncomingMessage
  /** The parts of the path that the route leaves open. */
  readonly words: ReadonlyArray<string>
  readonly query: URLSearchParams
}

export interface Route {
  readonly method: "GET" | "POST"
  readonly path: string
  readonly handle: (asked: Asked) => Effect.Effect<unknown, Answers.Refused>
}

interface Told {
  readonly _tag: string
  readonly message: string
}

export const get = (path: string, handle: (asked: Asked) => Effect.Effect<unknown, Told>): Route => ({
  method: "GET",
  path,
  handle: (asked) => Effect.mapError(handle(asked), asRefused)
})

export const post = <A, I>(
  path: string,
  body: Schema.Schema<A, I>,
  handle: (body: A, words: ReadonlyArray<string>) => Effect.Effect<unknown, Told>
): Route => {
  const read = Answers.bodyAs(body)
  return {
    method: "POST",
    path,
    handle: ({ request, words }) =>
      Effect.mapError(
        Effect.flatMap(read(request), (given) => handle(given, words)),
        asRefused
      )
  }
}

/** The open parts of the path, where it fits. */
export const wordsOf = (route: Route, path: string): ReadonlyArray<string> | undefined => {
  const wanted = route.path.split("/")
  const given = path.split("/")
  if (wanted.length !== given.length) return undefined
  const words: Array<string> = []
  for (const [index, part] of wanted.entries()) {
    const found = given[index] ?? ""
    if (part.startsWith(":")) {
      const word = decoded(found)
      if (word === undefined || word === "") return undefined
      words.push(word)
    } else if (part !== found) return undefined
  }
  return words
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isRefused = Schema.is(Answers.Refused)

const asRefused = (failure: Told): Answers.Refused => (isRefused(failure) ? failure : Answers.ofFailure(failure))

const decoded = (word: string): string | undefined => {
  try {
    return decodeURIComponent(word)
  } catch {
    return undefined
  }
}
