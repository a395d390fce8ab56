/**
 * Working with a model that is held: requests that carry our TTL, and one recovery when the model turns out to be gone.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { RequestLimits } from "../../lmstudio/ApiRequests.ts"
import type { ChatEvent, ChatReply, ChatRequest } from "../../lmstudio/Chat.ts"
import type { CircuitOpen } from "../../resilience/CircuitBreaker.ts"
import * as Patience from "../../resilience/Patience.ts"
import type { LifecycleParts } from "../loading/LifecycleParts.ts"
import type { ModelLease } from "../LoadedModel.ts"
import type { Ensured } from "../Ensured.ts"
import type { ModelLifecycleError } from "../ModelLifecycleError.ts"

/**
 * How long a model is taken to be in memory still after it answered or was looked at. After a longer pause (a slow tool)
 * one look comes first: LM Studio would else load it again by itself, with its default context.
 */
export const trustFor = Duration.seconds(5)

/** `again` ensures the model anew and moves the hold to the new instance. */
export const make = Effect.fnUntraced(function* (
  { api, inTurn, ledger }: LifecycleParts,
  options: {
    readonly ttl: Duration.Duration
    readonly held: Effect.Effect<Ensured>
    readonly again: Effect.Effect<Ensured, ModelLifecycleError>
  }
) {
  const clock = yield* Effect.clock
  let seenAt = clock.unsafeCurrentTimeMillis()
  const see = () => (seenAt = clock.unsafeCurrentTimeMillis())
  const ttlSeconds = Duration.toSeconds(options.ttl)
  const again = Effect.tap(options.again, () => Effect.sync(see))

  const current = Effect.suspend(() =>
    clock.unsafeCurrentTimeMillis() - seenAt < Duration.toMillis(trustFor) ? options.held : again
  )

  const chatWith = <E>(
    request: Omit<ChatRequest, "model">,
    onEvent: (event: ChatEvent) => Effect.Effect<void, E>,
    limits?: RequestLimits
  ) =>
    Effect.flatMap(options.held, (held) => {
      let delivered = false
      const deliver = (event: ChatEvent) => {
        delivered ||= isOutput(event)
        return onEvent(event)
      }
      const ask = ({ instanceId }: Ensured) =>
        Effect.ensuring(
          api.chatWith({ ...request, model: instanceId, ttlSeconds }, deliver, limits),
          Effect.suspend(() => {
            see()
            return ledger.used(instanceId)
          })
        )
      /** What has been shown is never asked for again; the rest depends on what was lost. */
      const asking = (
        ensured: Ensured,
        left: Left,
        before?: ModelLifecycleError | E
      ): Effect.Effect<ChatReply, ModelLifecycleError | E> =>
        Effect.catchAll(ask(ensured), (error) => {
          const next = delivered ? undefined : afterLoss(error, left)
          // that the breaker is open says less than what has opened it
          if (next === undefined) return Effect.fail(isOpen(error) && before !== undefined ? before : error)
          return Effect.logInfo(next.why, { error: messageOf(error) }).pipe(
            Effect.zipRight(Effect.sleep(next.pause)),
            Effect.zipRight(again),
            Effect.flatMap((anew) => asking(anew, next.left, isOpen(error) ? before : error))
          )
        })
      // only then is it looked whether the model is there: a turn may be long in coming
      return Effect.flatMap(current, (ensured) => asking(ensured, { model: 1, server: 2, lost: false })).pipe(
        inTurn(held.model)
      )
    })

  const lease: ModelLease = {
    ensured: options.held,
    chat: (request, limits) => chatWith(request, () => Effect.void, limits),
    chatWith
  }
  return lease
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isOutput = ({ _tag }: ChatEvent) =>
  _tag === "TextDelta" || _tag === "ReasoningDelta" || _tag === "ToolCallStarted" || _tag === "Completed"

/** How often a model, and a server, may still be lost while one request is made. */
interface Left {
  readonly model: number
  readonly server: number
  /** Whether the server was lost. */
  readonly lost: boolean
}

/**
 * What is done about a request that has come to nothing: a model that is gone is ensured, a server that is gone is waited
 * for, which ensuring does. The breaker may be open because of those who asked while it was away.
 */
const afterLoss = (error: unknown, left: Left) => {
  if (isGone(error) && left.model > 0) {
    return {
      why: "the model is gone; ensuring it and asking once more",
      pause: Duration.zero,
      left: { ...left, model: left.model - 1 }
    }
  }
  if (Patience.isGone(error) && left.server > 0) {
    return {
      why: "LM Studio is gone; asking once more when it is back",
      pause: Duration.zero,
      left: { model: 1, server: left.server - 1, lost: true }
    }
  }
  return isOpen(error) && left.lost && left.server > 0
    ? {
        why: "LM Studio is back; asking once more when it may be called",
        pause: error.retryAfter,
        left: { ...left, server: left.server - 1 }
      }
    : undefined
}

const isOpen = (error: unknown): error is CircuitOpen => Predicate.isTagged(error, "CircuitOpen")

const messageOf = (error: unknown) => (Predicate.hasProperty(error, "message") ? error.message : "")

/**
 * The ways in which LM Studio says that an instance which was there is not: it crashed or was unloaded, nothing is
 * loaded, nobody knows the name, or another model answered for it.
 */
const isGone = (error: unknown): boolean => gone.some((tag) => Predicate.isTagged(error, tag))

const gone = ["ModelCrashed", "ModelNotLoaded", "ModelNotFound", "WrongModelAnswered"] as const
