/**
 * Working with a model that is held: requests that carry our TTL, and one recovery when the model turns out to be gone.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import type { ChatEvent, ChatReply } from "../lmstudio/Chat.ts"
import { ReplyMalformed } from "../lmstudio/LmStudioError.ts"
import type { LifecycleParts } from "./LifecycleParts.ts"
import type { Ensured, ModelLease } from "./ModelLifecycle.ts"
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
  { api, ledger }: LifecycleParts,
  options: {
    readonly ttl: Duration.Duration
    readonly held: Effect.Effect<Ensured>
    readonly again: Effect.Effect<Ensured, ModelLifecycleError>
  }
) {
  const seenAt = yield* Effect.flatMap(Clock.currentTimeMillis, Ref.make)
  const see = Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.set(seenAt, now))
  const ttlSeconds = Duration.toSeconds(options.ttl)
  const again = Effect.zipLeft(options.again, see)

  const current = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    return now - (yield* Ref.get(seenAt)) < Duration.toMillis(trustFor) ? yield* options.held : yield* again
  })

  const chatStream: ModelLease["chatStream"] = (request, limits) =>
    Stream.unwrap(
      Effect.map(Ref.make(false), (delivered) => {
        const ask = ({ instanceId }: Ensured): Stream.Stream<ChatEvent, ModelLifecycleError> =>
          api.chatStream({ ...request, model: instanceId, ttlSeconds }, limits).pipe(
            Stream.tap((event) => (isOutput(event) ? Ref.set(delivered, true) : Effect.void)),
            Stream.ensuring(
              Effect.zipRight(
                see,
                Effect.flatMap(options.held, (held) => ledger.used(held.instanceId))
              )
            )
          )
        const askAgain = Effect.fnUntraced(function* (error: ModelLifecycleError) {
          if (!isGone(error) || (yield* Ref.get(delivered))) return Stream.fail(error)
          yield* Effect.logInfo("the model is gone; ensuring it and asking once more", { error: error.message })
          return ask(yield* again)
        })
        return Stream.unwrap(
          Effect.map(current, (held) => Stream.catchAll(ask(held), (error) => Stream.unwrap(askAgain(error))))
        )
      })
    )

  const lease: ModelLease = {
    ensured: options.held,
    chatStream,
    chat: (request, limits) =>
      chatStream(request, limits).pipe(
        Stream.runFold(Option.none<ChatReply>(), (reply, event) =>
          event._tag === "Completed" ? Option.some(event.reply) : reply
        ),
        Effect.flatMap(
          Option.match({
            onSome: (reply) => Effect.succeed(reply),
            onNone: () => new ReplyMalformed({ operation: "chat", detail: "the stream ended without a reply" })
          })
        )
      )
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
const isGone = (error: ModelLifecycleError) =>
  error._tag === "ModelCrashed" ||
  error._tag === "ModelNotLoaded" ||
  error._tag === "ModelNotFound" ||
  error._tag === "WrongModelAnswered"
