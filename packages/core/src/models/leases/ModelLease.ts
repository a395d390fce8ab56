/**
 * Requests to a leased model: they carry our TTL, and recover once when the model turns out to be gone.
 */
import * as Clock from "effect/Clock"
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
 * How long a model is assumed to be in memory after it answered or was checked. After a longer pause (a slow tool) it is
 * checked first; LM Studio would otherwise load it again by itself, with its default context.
 */
export const trustFor = Duration.seconds(5)

/** `again` ensures the model again and moves the hold to the new instance. */
export const make = Effect.fnUntraced(function* (
  { api, inTurn, ledger }: LifecycleParts,
  options: {
    readonly ttl: Duration.Duration
    readonly held: Effect.Effect<Ensured>
    readonly again: Effect.Effect<Ensured, ModelLifecycleError>
  }
) {
  let seenAt = yield* Clock.currentTimeMillis
  const see = Effect.map(Clock.currentTimeMillis, (now) => void (seenAt = now))
  const ttlSeconds = Duration.toSeconds(options.ttl)
  const again = Effect.zipLeft(options.again, see)

  const current = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    now - seenAt < Duration.toMillis(trustFor) ? options.held : again
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
          Effect.zipRight(see, ledger.used(instanceId))
        )
      /** A request whose output has been delivered is never repeated; otherwise it depends on what was lost. */
      const asking = (
        ensured: Ensured,
        left: Left,
        before?: ModelLifecycleError | E
      ): Effect.Effect<ChatReply, ModelLifecycleError | E> =>
        Effect.catchAll(ask(ensured), (error) => {
          const next = delivered ? undefined : afterLoss(error, left)
          // an open breaker says less than the error that opened it
          if (next === undefined) return Effect.fail(isOpen(error) && before !== undefined ? before : error)
          return Effect.logInfo(next.why, { error: messageOf(error) }).pipe(
            Effect.zipRight(Effect.sleep(next.pause)),
            Effect.zipRight(again),
            Effect.flatMap((anew) => asking(anew, next.left, isOpen(error) ? before : error))
          )
        })
      // the model is checked only when the turn has come, because that may take long
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

/** How often the model, and the server, may still be lost during one request. */
interface Left {
  readonly model: number
  readonly server: number
  /** Whether the server was lost. */
  readonly lost: boolean
}

/**
 * How to recover a failed request: a model that is gone is ensured again, which also waits for a server that is gone. The
 * breaker may be open because of requests made while the server was away.
 */
const afterLoss = (error: unknown, left: Left) => {
  if (isGone(error) && left.model > 0) {
    return {
      why: "the model is gone; ensuring it and retrying the request",
      pause: Duration.zero,
      left: { ...left, model: left.model - 1 }
    }
  }
  if (Patience.isGone(error) && left.server > 0) {
    return {
      why: "LM Studio is gone; retrying the request when it is back",
      pause: Duration.zero,
      left: { model: 1, server: left.server - 1, lost: true }
    }
  }
  return isOpen(error) && left.lost && left.server > 0
    ? {
        why: "LM Studio is back; retrying the request when the breaker allows it",
        pause: error.retryAfter,
        left: { ...left, server: left.server - 1 }
      }
    : undefined
}

const isOpen = (error: unknown): error is CircuitOpen => Predicate.isTagged(error, "CircuitOpen")

const messageOf = (error: unknown) => (Predicate.hasProperty(error, "message") ? error.message : "")

/**
 * The errors by which LM Studio says that an instance is gone: it crashed or was unloaded, no model is loaded, the name is
 * unknown, or another model answered for it.
 */
const isGone = (error: unknown): boolean => gone.some((tag) => Predicate.isTagged(error, tag))

const gone = ["ModelCrashed", "ModelNotLoaded", "ModelNotFound", "WrongModelAnswered"] as const
