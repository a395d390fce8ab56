/** One part of a run, carried out on this host. */
import type { AgentEvent } from "@lms-bridge/core/AgentEvent"
import {
  AgentLoop,
  type Approval,
  type ApprovalRequest,
  CurrentApprover,
  Doubted,
  HandedOn,
  putOff,
  StopBetweenSteps
} from "@lms-bridge/core/AgentLoop"
import { CurrentCaller } from "@lms-bridge/core/Observability"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { type End, mostReleases, type Segment } from "./AgentRun.ts"
import { unreadable } from "./Journal.ts"
import * as Submissions from "./Submissions.ts"
import type { Loss } from "./Queue.ts"

export interface Circumstances {
  readonly host: string
  readonly attempts: number
  readonly loss: Effect.Effect<Loss>
  readonly isDraining: Effect.Effect<boolean>
  readonly held: Submissions.Held
  readonly refuse: (why: string) => Effect.Effect<void>
}

/** None: it is let go, for another worker to go on with. */
export const carryOut = Effect.fnUntraced(function* (segment: Segment, at: Circumstances) {
  const { runId } = segment
  if (at.attempts > mostAttempts) {
    return yield* givenUp(runId, {
      _tag: "RunFailed",
      problem: {
        tag: "GivenUp",
        message: `The workers that had this run ended ${mostAttempts} times in the middle of it, so it is not tried again.`
      }
    })
  }
  const unknown = yield* unreadable(runId)
  if (unknown !== undefined) {
    yield* at.refuse(`its journal has an event that this version does not know, "${unknown}"`)
    return Option.none<End>()
  }
  yield* Submissions.doubtRestored
  const { doubted } = yield* Submissions.find(runId)
  const loop = yield* AgentLoop
  const answers = yield* Submissions.answers(runId)
  if (!(yield* Submissions.running(runId, at.host, at.held))) return Option.none<End>()
  const isLast = segment.releases + 1 >= mostReleases
  const last = yield* Ref.make<AgentEvent | undefined>(undefined)
  const asked = yield* Deferred.make<number>()
  const work = loop.resume(runId, { ...segment.how, answers }).pipe(
    Stream.runForEach((event) => Ref.set(last, event)),
    Effect.provideService(
      CurrentApprover,
      Option.some((request: ApprovalRequest): Effect.Effect<Approval> =>
        request.call === undefined
          ? Effect.succeed({ unclear: "nobody is at hand on this machine" })
          : Effect.zipRight(Deferred.succeed(asked, request.call.asked), Effect.never)
      )
    ),
    Effect.provideService(CurrentCaller, segment.caller),
    Effect.provideService(StopBetweenSteps, at.isDraining),
    Effect.provideService(HandedOn, !isLast),
    Effect.provideService(Doubted, doubted ? restored : undefined),
    Effect.either
  )
  // whichever comes first; the run has stopped and written all its events before anything else is done
  const came = yield* Effect.raceFirst(
    Effect.map(work, (result) => ({ _tag: "Worked", result }) as const),
    Effect.raceFirst(
      Effect.map(Deferred.await(asked), (number) => ({ _tag: "Asked", number }) as const),
      Effect.map(at.loss, (why) => ({ _tag: "Lost", why }) as const)
    )
  )
  switch (came._tag) {
    case "Asked":
      return (yield* Submissions.waiting(runId, came.number, at.held))
        ? Option.some<End>({ _tag: "NeedsApproval", asked: came.number })
        : Option.none<End>()
    case "Lost":
      return came.why === "cancelled" && (yield* Submissions.isOurs(at.held))
        ? yield* givenUp(runId, Submissions.cancelled)
        : Option.none<End>()
    case "Worked": {
      const event = yield* Ref.get(last)
      // an end that could not be stored is none: another worker has the run
      if (Either.isLeft(came.result) && came.result.left._tag === "RunTakenOver") return Option.none<End>()
      if (event?._tag === "RunFinished") return yield* ended(runId, event.outcome.status)
      if (Either.isRight(came.result)) {
        return event?._tag === "Noted" && event.kind === putOff && (yield* Submissions.isOurs(at.held))
          ? Option.some<End>({ _tag: "Released", host: at.host, why: event.text })
          : Option.none<End>()
      }
      const { left } = came.result
      if (!(yield* Submissions.isOurs(at.held))) return Option.none<End>()
      if (left.retryable && !isLast) return Option.some<End>({ _tag: "Released", host: at.host, why: left.message })
      const { _tag: tag, message } = left
      if (event?._tag !== "RunFailed") return yield* givenUp(runId, { _tag: "RunFailed", problem: { tag, message } })
      return yield* ended(runId, "failed")
    }
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const restored = "the database was restored from a copy, and the call may have been made since"

/** Deaths of workers in one part of a run. */
const mostAttempts = 5

const ended = (runId: string, status: string) =>
  Effect.as(Submissions.ended(runId, status), Option.some<End>({ _tag: "Ended", status }))

const givenUp = (runId: string, why: Parameters<typeof Submissions.close>[1]) =>
  Effect.zipRight(Submissions.close(runId, why), ended(runId, "failed"))
