/**
 * Questions in the middle of a call, since 2026-07-28: the call answers with the question and a state, goes on waiting
 * without its request, and the answer comes with the client's next request. Each question is answered once.
 */
import {
  createRequestStateCodec,
  inputRequired,
  type InputRequest,
  type InputRequiredResult,
  ProtocolError,
  ProtocolErrorCode,
  type ServerContext
} from "@modelcontextprotocol/server"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import { randomBytes } from "node:crypto"
import type { Asker, Form, FormAnswer, Page } from "../CallContext.ts"
import type { Result } from "../ToolCall.ts"
import type { Asked } from "./Era.ts"

/** How long a person may take. */
const patience = "10 minutes"

/** A little longer than `patience`, so that it is the question which ends. */
const stateSeconds = 660

/** How many questions may be open at once. */
const mostOpen = 1000

/** The request to which a call answers at present: its first one, or that which brought the last answer. */
export interface Attached {
  asked: Asked
}

export interface Questions {
  /** Checks the state of a request before its handler runs: forged, expired and foreign ones are refused. */
  readonly verify: (state: string, context: ServerContext) => Promise<unknown>
  /** Runs a call until its end or its first question. */
  readonly begin: (
    context: ServerContext,
    tool: string,
    can: { readonly opensPages: boolean } | undefined,
    work: (asker: Option.Option<Asker>, attached: Attached) => Effect.Effect<Result>
  ) => Effect.Effect<Result | InputRequiredResult>
  /** Gives the answers in a request to the call that waits for them; undefined if it brings no state. */
  readonly resume: (
    context: ServerContext,
    tool: string
  ) => Effect.Effect<Result | InputRequiredResult, ProtocolError> | undefined
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

  const asking = (context: ServerContext, id: string, { question }: Open) =>
    Effect.map(
      Effect.promise(() => codec.mint({ id }, context)),
      (requestState) =>
        inputRequired({
          inputRequests: { [keyOf(question)]: requestOf(question) },
          requestState
        })
    )

  /** A client that leaves while the call runs ends it. */
  const next = (context: ServerContext, call: Call): Effect.Effect<Result | InputRequiredResult> =>
    Effect.flatMap(Queue.take(call.outcomes), (outcome): Effect.Effect<Result | InputRequiredResult> => {
      if (outcome._tag === "Done") return Effect.succeed(outcome.result)
      const id = randomBytes(16).toString("hex")
      const entry = { ...outcome, call }
      open.set(id, entry)
      const forget = Effect.sync(() => open.delete(id))
      return Effect.zipRight(
        Effect.forkIn(Effect.zipRight(Effect.ignore(Deferred.await(outcome.answer)), forget), scope),
        asking(context, id, entry)
      )
    }).pipe(Effect.onInterrupt(() => Fiber.interruptFork(call.fiber)))

  const begin: Questions["begin"] = Effect.fnUntraced(function* (context, tool, can, work) {
    const outcomes = yield* Queue.unbounded<Outcome>()
    const attached: Attached = { asked: context.mcpReq }
    const who = {}
    const ask = (question: Form | Page): Effect.Effect<FormAnswer> =>
      Effect.gen(function* () {
        if (open.size >= mostOpen) return cancelled
        const answer = yield* Deferred.make<FormAnswer>()
        yield* Queue.offer(outcomes, { _tag: "Asks", question, answer })
        return yield* Deferred.await(answer).pipe(
          Effect.timeoutTo({ duration: patience, onSuccess: (given) => given, onTimeout: () => cancelled }),
          Effect.ensuring(Deferred.succeed(answer, cancelled))
        )
      })
    const asker = can === undefined ? Option.none() : Option.some({ who, opensPages: can.opensPages, ask })
    const fiber = yield* work(asker, attached).pipe(
      Effect.flatMap((result) => Queue.offer(outcomes, { _tag: "Done", result })),
      Effect.forkIn(scope)
    )
    return yield* next(context, { tool, outcomes, attached, fiber })
  })

  const questions: Questions = {
    verify: codec.verify,
    begin,
    resume: (context, tool) => {
      const state = Option.getOrUndefined(decodeState(context.mcpReq.requestState()))
      if (state === undefined) return undefined
      return Effect.suspend(() => {
        const entry = open.get(state.id)
        if (entry === undefined || entry.call.tool !== tool) {
          return Effect.fail(
            new ProtocolError(ProtocolErrorCode.InvalidParams, "This question has been answered, or waits no more.", {
              reason: "invalid_request_state"
            })
          )
        }
        const answer = Option.getOrUndefined(decodeAnswer(context.mcpReq.inputResponses?.[keyOf(entry.question)]))
        if (answer === undefined) return asking(context, state.id, entry)
        open.delete(state.id)
        entry.call.attached.asked = context.mcpReq
        return Effect.zipRight(Deferred.succeed(entry.answer, answer), next(context, entry.call))
      })
    }
  }
  return questions
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Outcome =
  | { readonly _tag: "Done"; readonly result: Result }
  | { readonly _tag: "Asks"; readonly question: Form | Page; readonly answer: Deferred.Deferred<FormAnswer> }

interface Call {
  readonly tool: string
  readonly outcomes: Queue.Queue<Outcome>
  readonly attached: Attached
  readonly fiber: Fiber.RuntimeFiber<unknown>
}

interface Open {
  readonly question: Form | Page
  readonly answer: Deferred.Deferred<FormAnswer>
  readonly call: Call
}

const cancelled: FormAnswer = { action: "cancel" }

const decodeState = Schema.decodeUnknownOption(Schema.Struct({ id: Schema.String }))

const decodeAnswer = Schema.decodeUnknownOption(
  Schema.Struct({ action: Schema.Literal("accept", "decline", "cancel"), content: Schema.optional(Schema.Unknown) })
)

/** The SDK's types list every kind of field of a form; ours follow the specification. */
const requestOf = (question: Form | Page) => {
  const { message } = question
  return elicitation(
    "url" in question
      ? { mode: "url", message, url: question.url }
      : { mode: "form", message, requestedSchema: question.requestedSchema }
  )
}

const keyOf = (question: Form | Page) => ("url" in question ? undefined : question.key) ?? "answer"

const elicitation = (params: object) => ({ method: "elicitation/create", params }) as object as InputRequest
