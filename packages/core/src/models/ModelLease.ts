/**
 * Working with a model that is held: requests that carry our TTL, and one recovery when the model turns out to be gone.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { RequestLimits } from "../lmstudio/LmStudioApi.ts"
import type { ChatEvent, ChatRequest } from "../lmstudio/Chat.ts"
import type { LifecycleParts } from "./LifecycleParts.ts"
import type { ModelLease } from "./ModelLifecycle.ts"
import type { Ensured } from "./Ensured.ts"
import type { ModelLifecycleError } from "./ModelLifecycleError.ts"

/**
 * How long a model is taken to be in memory still after it answered or was looked at. After a longer pause (a slow tool)
 * one look comes first: LM Studio would else load it again by itself, with its default context.
 *
 * @since 0.1.0
 * @category constants
 */
export const trustFor = Duration.seconds(5)

/**
 * `again` ensures the model anew and moves the hold to the new instance.
 *
 * @since 0.1.0
 * @category constructors
 */
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
      const whenGone = (error: unknown): error is Gone => !delivered && isGone(error)
      // only then is it looked whether the model is there: a turn may be long in coming
      return Effect.flatMap(current, ask).pipe(
        Effect.catchIf(whenGone, (error) =>
          Effect.logInfo("the model is gone; ensuring it and asking once more", { error: error.message }).pipe(
            Effect.zipRight(again),
            Effect.flatMap(ask)
          )
        ),
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

/**
 * The ways in which LM Studio says that an instance which was there is not: it crashed or was unloaded, nothing is
 * loaded, nobody knows the name, or another model answered for it.
 */
const isGone = (error: unknown): error is Gone => gone.some((tag) => Predicate.isTagged(error, tag))

const gone = ["ModelCrashed", "ModelNotLoaded", "ModelNotFound", "WrongModelAnswered"] as const

type Gone = Extract<ModelLifecycleError, { readonly _tag: (typeof gone)[number] }>
