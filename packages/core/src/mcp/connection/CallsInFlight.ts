/**
 * The callers that have calls in flight on a server, because a server's questions are for them. MCP does not say to
 * which call a question belongs, so it is answered only if all running calls are made for the same person.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  type ElicitationResult,
  CurrentElicitation,
  type ElicitationHandler,
  type ElicitationRequest
} from "../Elicitation.ts"
import { CurrentSampling, SamplingRefused, type SamplingHandler, type SamplingRequest } from "../Sampling.ts"

export interface CallsInFlight {
  /** Counts as a call of the current person and model while it runs. */
  readonly during: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Declined if it is unclear whom to ask; cancelled when the calls end before the answer. */
  readonly ask: (question: ElicitationRequest) => Effect.Effect<ElicitationResult>
  readonly sample: (request: SamplingRequest) => ReturnType<SamplingHandler["sample"]>
}

export const make = (server: string): CallsInFlight => {
  const calls = new Set<Call>()

  /** The last call and the end of all calls, if they all belong to one person. */
  const theirs = (): Option.Option<{ readonly last: Call; readonly over: Effect.Effect<void> }> => {
    const all = [...calls]
    const last = all.at(-1)
    if (last === undefined || new Set(all.map(whoOf)).size > 1) return Option.none()
    return Option.some({
      last,
      over: Effect.forEach(all, ({ ended }) => Deferred.await(ended), { discard: true })
    })
  }

  return {
    during: (self) =>
      Effect.acquireUseRelease(
        Effect.gen(function* () {
          // a call for which nobody could answer still counts: its questions are not for others
          const call: Call = {
            person: yield* CurrentElicitation,
            sampler: yield* CurrentSampling,
            ended: yield* Deferred.make<void>()
          }
          calls.add(call)
          return call
        }),
        () => self,
        (call) =>
          Effect.suspend(() => {
            calls.delete(call)
            return Deferred.succeed(call.ended, undefined)
          })
      ),
    ask: (question) =>
      Effect.suspend(() => {
        const found = theirs()
        const person = Option.flatMap(found, ({ last }) => last.person)
        if (Option.isNone(found) || Option.isNone(person) || !canAnswer(person.value, question)) {
          return Effect.as(
            Effect.logInfo(
              calls.size === 0
                ? "declined a question of an MCP server that belongs to no call"
                : "declined a question of an MCP server: nobody can be asked, or it is unclear whom to ask"
            ).pipe(Effect.annotateLogs({ server, question: question.message.slice(0, 200) })),
            declined
          )
        }
        return Effect.raceFirst(person.value.ask(question), Effect.as(found.value.over, cancelled))
      }),
    sample: (request) =>
      Effect.suspend(() => {
        const found = theirs()
        const sampler = Option.flatMap(found, ({ last }) => last.sampler)
        const refused = (detail: string) => new SamplingRefused({ server, refused: true, detail })
        if (Option.isNone(found) || Option.isNone(sampler)) {
          return refused("No run uses this server now whose model could answer.")
        }
        const over = Effect.zipRight(found.value.over, refused("The call that it belonged to has ended."))
        return Effect.raceFirst(sampler.value.sample(request), over)
      })
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Call {
  readonly person: Option.Option<ElicitationHandler>
  readonly sampler: Option.Option<SamplingHandler>
  readonly ended: Deferred.Deferred<void>
}

const whoOf = ({ person }: Call) => Option.getOrUndefined(Option.map(person, ({ who }) => who))

const canAnswer = ({ opensPages }: ElicitationHandler, { _tag }: ElicitationRequest) => _tag === "Form" || opensPages

const declined: ElicitationResult = { action: "decline" }

const cancelled: ElicitationResult = { action: "cancel" }
