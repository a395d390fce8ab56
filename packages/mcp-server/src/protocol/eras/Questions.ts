/**
 * Questions in the middle of a call, since 2026-07-28: the call answers with the question and a state, goes on waiting
 * without its request, and the answer comes with the client's next request. Each question is answered once.
 */
import {
  createRequestStateCodec,
  inputRequired,
  type InputRequest,
  type InputRequiredResult,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type ServerContext
} from "@modelcontextprotocol/server"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import { randomBytes } from "node:crypto"
import type { Asking, ClientAnswers, ClientRequest } from "../CallContext.ts"
import { patience, valid } from "./Asking.ts"
import type { Asked } from "./Era.ts"

/** A little longer than `patience`, so that it is the question which ends. */
const stateSeconds = 660

/** How many questions may be open at once. */
const mostOpen = 1000

/** The request to which a call answers at present: its first one, or that which brought the last answer. */
export interface Attached {
  asked: Asked
}

export interface Questions {
  /** Reads the state of a request before its handler runs, which refuses forged, expired and foreign ones by `resume`. */
  readonly verify: (state: string, context: ServerContext) => Promise<unknown>
  /** Runs a call until its end or its first question. `name` is that of the tool or prompt. */
  readonly begin: <A extends object>(
    context: ServerContext,
    name: string,
    can: Asking["can"],
    work: (asking: Asking, attached: Attached) => Effect.Effect<A>
  ) => Effect.Effect<A | InputRequiredResult, ProtocolError>
  /**
   * Gives the answers in a request to the call that waits for them; undefined if it brings no state. `A` is what `begin`
   * was given for this method.
   */
  readonly resume: <A extends object>(
    context: ServerContext,
    name: string
  ) => Effect.Effect<A | InputRequiredResult, ProtocolError> | undefined
}

/** Calls that wait end with the scope. */
export const make = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const open = new Map<string, Open>()
  const codec = createRequestStateCodec<{ readonly id: string }>({
    // of this process: so do the calls end with it
    key: randomBytes(32),
    ttlSeconds: stateSeconds,
    bind: ({ http, mcpReq }) => `${http?.authInfo?.clientId ?? ""}\n${mcpReq.method}`
  })

  /** Asks what has not been answered yet. */
  const asking = (context: ServerContext, id: string, { given, requests }: Open) =>
    Effect.map(
      Effect.promise(() => codec.mint({ id }, context)),
      (requestState) =>
        inputRequired({
          inputRequests: Object.fromEntries(
            Object.entries(requests).flatMap(([key, request]) => (given.has(key) ? [] : [[key, asSdk(request)]]))
          ),
          requestState
        })
    )

  /** A client that leaves while the call runs ends it. */
  const next = (context: ServerContext, call: Call): Effect.Effect<object, ProtocolError> =>
    Effect.flatMap(Queue.take(call.outcomes), (outcome): Effect.Effect<object, ProtocolError> => {
      if (outcome._tag === "Done") return Effect.succeed(outcome.result)
      const missing = missingOf(outcome.requests, call.can)
      if (missing !== undefined) {
        return Effect.zipRight(
          Fiber.interruptFork(call.fiber),
          Effect.fail(new MissingRequiredClientCapabilityError({ requiredCapabilities: missing }))
        )
      }
      const id = randomBytes(16).toString("hex")
      const entry: Open = { ...outcome, call, given: new Map() }
      open.set(id, entry)
      const forget = Effect.sync(() => open.delete(id))
      return Effect.zipRight(
        Effect.forkIn(Effect.zipRight(Effect.ignore(Deferred.await(outcome.answers)), forget), scope),
        asking(context, id, entry)
      )
    }).pipe(Effect.onInterrupt(() => Fiber.interruptFork(call.fiber)))

  const begin = Effect.fnUntraced(function* (
    context: ServerContext,
    name: string,
    can: Asking["can"],
    work: (asking: Asking, attached: Attached) => Effect.Effect<object>
  ) {
    const outcomes = yield* Queue.unbounded<Outcome>()
    const attached: Attached = { asked: context.mcpReq }
    const ask = Effect.fnUntraced(function* (requests: Requests) {
      if (open.size >= mostOpen) return {}
      const answers = yield* Deferred.make<ClientAnswers>()
      yield* Queue.offer(outcomes, { _tag: "Asks", requests, answers })
      return yield* Deferred.await(answers).pipe(
        Effect.timeoutTo({ duration: patience, onSuccess: (given) => given, onTimeout: () => ({}) }),
        Effect.ensuring(Deferred.succeed(answers, {}))
      )
    })
    const fiber = yield* work({ can, ask }, attached).pipe(
      Effect.flatMap((result) => Queue.offer(outcomes, { _tag: "Done", result })),
      Effect.forkIn(scope)
    )
    return yield* next(context, { name, can, outcomes, attached, fiber })
  })

  const resume = (context: ServerContext, name: string): Effect.Effect<object, ProtocolError> | undefined => {
    const state = Option.getOrUndefined(decodeState(context.mcpReq.requestState()))
    if (state === undefined) return undefined
    return Effect.suspend(() => {
      if ("refused" in state) return refused(state.refused)
      const entry = open.get(state.id)
      if (entry === undefined) return refused("over")
      if (entry.call.name !== name) return refused("bind")
      const { answers, call, given, requests } = entry
      for (const [key, { method }] of Object.entries(requests)) {
        const answer = valid(method, context.mcpReq.inputResponses?.[key])
        if (answer !== undefined && !given.has(key)) given.set(key, answer)
      }
      if (given.size < Object.keys(requests).length) return asking(context, state.id, entry)
      open.delete(state.id)
      call.attached.asked = context.mcpReq
      return Effect.zipRight(Deferred.succeed(answers, Object.fromEntries(given)), next(context, call))
    })
  }

  const verify: Questions["verify"] = (state, context) =>
    codec.verify(state, context).catch((error: unknown): State => {
      const why = error instanceof Error ? error.message : ""
      // the SDK's refusal of what is thrown says nothing of what to do; here is nothing that could take a state
      if (!methods.includes(context.mcpReq.method)) throw error
      return { refused: why === "expired" || why === "bind" ? why : "unknown" }
    })

  // a state is bound to its method, and what its call gives is that of the method
  const questions = { verify, begin, resume } as object as Questions
  return questions
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Requests = Readonly<Record<string, ClientRequest>>

type Outcome =
  | { readonly _tag: "Done"; readonly result: object }
  | { readonly _tag: "Asks"; readonly requests: Requests; readonly answers: Deferred.Deferred<ClientAnswers> }

interface Call {
  readonly name: string
  readonly can: Asking["can"]
  readonly outcomes: Queue.Queue<Outcome>
  readonly attached: Attached
  readonly fiber: Fiber.RuntimeFiber<unknown>
}

interface Open {
  readonly requests: Requests
  readonly answers: Deferred.Deferred<ClientAnswers>
  /** The valid answers so far. */
  readonly given: Map<string, unknown>
  readonly call: Call
}

/** Those whose calls may ask. */
const methods = ["tools/call", "prompts/get"]

/** A state that was read, or why it is of no use, in the words of the SDK. */
const State = Schema.Union(
  Schema.Struct({ id: Schema.String }),
  Schema.Struct({ refused: Schema.Literal("expired", "bind", "unknown") })
)
type State = typeof State.Type
const decodeState = Schema.decodeUnknownOption(State)

const refusals = {
  over: "This question has been answered, or waits no more.",
  expired: `This question has waited longer than ${Duration.format(patience)} for its answer.`,
  bind: "This requestState is of another call: of another client, method, tool or prompt.",
  unknown:
    "This requestState was not given out by this server since it was started, or was changed on the way. Send it back exactly as it came."
}

const refused = (why: keyof typeof refusals) =>
  Effect.zipRight(
    Effect.logWarning("the state of a question was refused", { why }),
    Effect.fail(
      new ProtocolError(
        ProtocolErrorCode.InvalidParams,
        `${refusals[why]} The request without requestState and inputResponses begins anew; if it was one of a run, run_status tells what became of it.`,
        { reason: "invalid_request_state" }
      )
    )
  )

/** What a client would have to be able to answer, and did not say that it can. */
export const missingOf = (requests: Requests, can: Asking["can"]) => {
  const needed = Object.values(requests).map(({ method }) => capabilities[method])
  const missing = needed.filter((capability) => can[capability] === undefined)
  return missing.length === 0 ? undefined : Object.fromEntries(missing.map((capability) => [capability, {}]))
}

const capabilities = {
  "elicitation/create": "elicitation",
  "sampling/createMessage": "sampling",
  "roots/list": "roots"
} as const

/** The SDK's types list every kind of field of a form; ours follow the specification. */
const asSdk = (request: ClientRequest) => request as object as InputRequest
