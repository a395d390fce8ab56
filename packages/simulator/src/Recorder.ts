/** Records what the simulator received: every request and `lms` call, and everything it did not know. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Operation } from "./Faults.ts"
import * as Json from "./internal/json.ts"

/** A request as it was received. */
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
  /** Parsed if it is JSON, else the text. */
  readonly body: unknown
  /** `null` until the reply's head has been sent. */
  readonly status: number | null
  readonly finished: boolean
  /** The client went away before the reply was complete. */
  readonly disconnected: boolean
}

export interface SeenCommand {
  readonly at: number
  readonly argv: ReadonlyArray<string>
  /** `null` while it runs and if it was killed. */
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
  /**
   * Mistakes of the test itself: exhausted scripts, turns that expected another request, foreign processes or hosts.
   */
  readonly problems: ReadonlyArray<string>
}

export interface Recorder {
  readonly seen: Effect.Effect<Seen>
  readonly clear: Effect.Effect<void>
  /** Adds an entry and returns a function to amend it. */
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

/** How many of the latest entries of each kind are kept, because a simulator may run for days. */
const kept = 2000

export const make: Effect.Effect<Recorder> = Effect.sync(() => {
  const requests = new Latest<SeenRequest>()
  const commands = new Latest<SeenCommand>()
  const unknownRoutes = new Latest<string>()
  const usageErrors = new Latest<ReadonlyArray<string>>()
  const problems = new Latest<string>()
  const all = [requests, commands, unknownRoutes, usageErrors, problems]
  return {
    seen: Effect.sync(() => ({
      requests: requests.snapshot(),
      commands: commands.snapshot(),
      unknownRoutes: unknownRoutes.snapshot(),
      usageErrors: usageErrors.snapshot(),
      problems: problems.snapshot()
    })),
    clear: Effect.sync(() => {
      for (const list of all) list.clear()
    }),
    request: (operation, { body, headers, method, path }) =>
      Effect.map(Clock.currentTimeMillis, (at) =>
        amending(requests, {
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
        })
      ),
    command: (argv) =>
      Effect.map(Clock.currentTimeMillis, (at) => amending(commands, { at, argv, exitCode: null, killed: false })),
    unknownRoute: (route) => Effect.sync(() => unknownRoutes.add(() => route)),
    usageError: (argv) => Effect.sync(() => usageErrors.add(() => argv)),
    problem: (text) => Effect.sync(() => problems.add(() => text))
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

class Latest<A> {
  private entries: Array<() => A> = []
  add(entry: () => A): void {
    this.entries.push(entry)
    if (this.entries.length > kept * 2) this.entries = this.entries.slice(-kept)
  }
  snapshot(): ReadonlyArray<A> {
    return this.entries.slice(-kept).map((entry) => entry())
  }
  clear(): void {
    this.entries = []
  }
}

const amending = <A>(list: Latest<A>, first: A) => {
  let entry = first
  list.add(() => entry)
  return (change: Partial<A>) =>
    Effect.sync(() => {
      entry = { ...entry, ...change }
    })
}
