/** Scripted faults: for each route or `lms` subcommand a sequence of outcomes, one per call. */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import { present } from "@lms-bridge/core/Json"

/** What happens to one call. `Ok` answers as LM Studio would. */
export type Outcome =
  | { readonly _tag: "Ok" }
  /** A custom reply instead of the route's own. A string body is sent verbatim. */
  | { readonly _tag: "HttpError"; readonly status: number; readonly body: unknown }
  /** There is never an answer. For `lms`: it does nothing and does not exit. */
  | { readonly _tag: "Hang" }
  /** Answers as usual, later. */
  | { readonly _tag: "Slow"; readonly ms: number }
  /** The reply is cut off after this many bytes of its body. */
  | { readonly _tag: "Cut"; readonly afterBytes: number }
  /** The reply stops after this many bytes, and the socket stays open. */
  | { readonly _tag: "Stall"; readonly afterBytes: number }
  | { readonly _tag: "ConnectionRefused" }
  /** The socket closes before any reply; nothing was done. */
  | { readonly _tag: "Reset" }
  /** The work is done, and the socket closes before any reply. */
  | { readonly _tag: "DropReply" }
  /** HTTP 200 (or exit 0 with stdout) and a body that is not an answer. */
  | { readonly _tag: "Garbage"; readonly body: string; readonly contentType?: string }
  /** `lms` only: exits at once with this code. */
  | { readonly _tag: "Exit"; readonly code: number; readonly stderr?: string; readonly stdout?: string }
  /** `lms` only: does the work, prints its result, and does not exit (until it gets a signal). */
  | { readonly _tag: "NeverExits" }
  /** `lms` only: does the work, does not exit, and survives SIGTERM and SIGINT. */
  | { readonly _tag: "IgnoresSigterm" }

export const Outcome = {
  ok: { _tag: "Ok" },
  httpError: (status: number, body: unknown): Outcome => ({ _tag: "HttpError", status, body }),
  hang: { _tag: "Hang" },
  slow: (ms: number): Outcome => ({ _tag: "Slow", ms }),
  cut: (afterBytes: number): Outcome => ({ _tag: "Cut", afterBytes }),
  stall: (afterBytes: number): Outcome => ({ _tag: "Stall", afterBytes }),
  connectionRefused: { _tag: "ConnectionRefused" },
  reset: { _tag: "Reset" },
  dropReply: { _tag: "DropReply" },
  garbage: (body: string, contentType?: string): Outcome => ({
    _tag: "Garbage",
    body,
    ...present({ contentType })
  }),
  exit: (code: number, stderr = "", stdout = ""): Outcome => ({ _tag: "Exit", code, stderr, stdout }),
  neverExits: { _tag: "NeverExits" },
  ignoresSigterm: { _tag: "IgnoresSigterm" }
} as const satisfies Record<string, Outcome | ((...facts: ReadonlyArray<never>) => Outcome)>

/** The operations that a fault script can name. */
export type Operation =
  | "GET /lmstudio-greeting"
  | "GET /lms-status"
  | "GET /api/v1/models"
  | "POST /api/v1/models/load"
  | "POST /api/v1/models/unload"
  | "POST /api/v1/models/download"
  | "GET /api/v1/models/download/status/:job_id"
  | "POST /api/v1/chat"
  | "GET /api/v0/models"
  | "GET /api/v0/models/:model"
  | "POST /api/v0/chat/completions"
  | "POST /api/v0/completions"
  | "POST /api/v0/embeddings"
  | "GET /v1/models"
  | "POST /v1/chat/completions"
  | "POST /v1/completions"
  | "POST /v1/embeddings"
  | "POST /v1/responses"
  | "POST /v1/messages"
  | "GET /models"
  | "POST /models/load"
  | "POST /models/unload"
  | "GET /props"
  | "GET /slots"
  | "unknown route"
  | `lms ${string}`

export interface Faults {
  /** The next calls of `operation` get `outcomes` in order; all later ones get `afterwards`. */
  readonly script: (operation: Operation, outcomes: ReadonlyArray<Outcome>, afterwards?: Outcome) => Effect.Effect<void>
  readonly next: (operation: Operation) => Effect.Effect<Outcome>
  readonly clear: Effect.Effect<void>
}

interface Sequence {
  readonly outcomes: ReadonlyArray<Outcome>
  readonly afterwards: Outcome
}

export const make: Effect.Effect<Faults> = Effect.map(Ref.make<ReadonlyMap<Operation, Sequence>>(new Map()), (ref) => ({
  script: (operation, outcomes, afterwards = Outcome.ok) =>
    Ref.update(ref, (scripts) => new Map(scripts).set(operation, { outcomes, afterwards })),
  next: (operation) =>
    Ref.modify(ref, (scripts): readonly [Outcome, ReadonlyMap<Operation, Sequence>] => {
      const sequence = scripts.get(operation)
      if (sequence === undefined) return [Outcome.ok, scripts]
      const [first, ...rest] = sequence.outcomes
      return first === undefined
        ? [sequence.afterwards, scripts]
        : [first, new Map(scripts).set(operation, { ...sequence, outcomes: rest })]
    }),
  clear: Ref.set(ref, new Map())
}))
