/**
 * What the simulator was asked: every request and every `lms` call, and everything it did not know.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type { Operation } from "./Faults.ts"
import * as Json from "./internal/json.ts"

/** A request as it came in. */
export interface Request {
  readonly method: string
  /** Path with its query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface SeenRequest {
  readonly at: number
  readonly operation: Operation
  readonly method: string
  readonly path: string
  /** Values of secret headers are replaced. */
  readonly headers: Readonly<Record<string, string>>
  /** Parsed when it is JSON, else the text. */
  readonly body: unknown
  /** `null` until the reply has a head. */
  readonly status: number | null
  readonly finished: boolean
  /** The client went away before the reply was complete. */
  readonly disconnected: boolean
}

export interface SeenCommand {
  readonly at: number
  readonly argv: ReadonlyArray<string>
  /** `null` while it runs and when it was killed. */
  readonly exitCode: number | null
  readonly killed: boolean
}

export interface Seen {
  readonly requests: ReadonlyArray<SeenRequest>
  readonly commands: ReadonlyArray<SeenCommand>
  /** `METHOD path` of requests for routes that LM Studio does not have. */
  readonly unknownRoutes: ReadonlyArray<string>
  /** Argument lists that `lms` refused as usage errors. */
  readonly usageErrors: ReadonlyArray<ReadonlyArray<string>>
  /** Faults of the test itself: scripts that ran out, turns that expected another request, foreign processes or hosts. */
  readonly problems: ReadonlyArray<string>
}

export interface Recorder {
  readonly seen: Effect.Effect<Seen>
  readonly clear: Effect.Effect<void>
  /** Begins an entry and returns the way to amend it. */
  readonly request: (
    operation: Operation,
    request: Request
  ) => Effect.Effect<(change: Partial<SeenRequest>) => Effect.Effect<void>>
  readonly command: (
    argv: ReadonlyArray<string>
  ) => Effect.Effect<(change: Partial<SeenCommand>) => Effect.Effect<void>>
  readonly unknownRoute: (route: string) => Effect.Effect<void>
  readonly usageError: (argv: ReadonlyArray<string>) => Effect.Effect<void>
  readonly problem: (text: string) => Effect.Effect<void>
}

const secretHeaders = new Set(["authorization", "x-api-key", "cookie"])

const nothing: Seen = { requests: [], commands: [], unknownRoutes: [], usageErrors: [], problems: [] }

const replaceAt = <A>(list: ReadonlyArray<A>, index: number, change: Partial<A>): ReadonlyArray<A> =>
  list.map((entry, position) => (position === index ? { ...entry, ...change } : entry))

export const make: Effect.Effect<Recorder> = Effect.map(Ref.make(nothing), (ref) => ({
  seen: Ref.get(ref),
  clear: Ref.set(ref, nothing),
  request: (operation, { body, headers, method, path }) =>
    Effect.flatMap(Clock.currentTimeMillis, (at) =>
      Ref.modify(ref, (seen) => {
        const entry: SeenRequest = {
          at,
          operation,
          method,
          path,
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [name, secretHeaders.has(name) ? "<redacted>" : value])
          ),
          body: Option.getOrElse(Json.parse(body), () => body),
          status: null,
          finished: false,
          disconnected: false
        }
        const index = seen.requests.length
        const amend = (change: Partial<SeenRequest>) =>
          Ref.update(ref, (current) => ({ ...current, requests: replaceAt(current.requests, index, change) }))
        return [amend, { ...seen, requests: [...seen.requests, entry] }]
      })
    ),
  command: (argv) =>
    Effect.flatMap(Clock.currentTimeMillis, (at) =>
      Ref.modify(ref, (seen) => {
        const index = seen.commands.length
        const amend = (change: Partial<SeenCommand>) =>
          Ref.update(ref, (current) => ({ ...current, commands: replaceAt(current.commands, index, change) }))
        return [amend, { ...seen, commands: [...seen.commands, { at, argv, exitCode: null, killed: false }] }]
      })
    ),
  unknownRoute: (route) => Ref.update(ref, (seen) => ({ ...seen, unknownRoutes: [...seen.unknownRoutes, route] })),
  usageError: (argv) => Ref.update(ref, (seen) => ({ ...seen, usageErrors: [...seen.usageErrors, argv] })),
  problem: (text) => Ref.update(ref, (seen) => ({ ...seen, problems: [...seen.problems, text] }))
}))
