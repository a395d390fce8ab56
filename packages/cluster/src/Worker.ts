/** What a machine beside an LM Studio does: it takes parts of runs from the queue, as many at once as it has slots. */
import * as DurableDeferred from "@effect/workflow/DurableDeferred"
import * as PersistedQueue from "@effect/experimental/PersistedQueue"
import { Settings } from "@lms-bridge/core/Settings"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import { Item, queueName, Segments } from "./AgentRun.ts"
import { carryOut } from "./Carrying.ts"
import * as Submissions from "./Submissions.ts"
import { Leases, Taker } from "./Queue.ts"

/** Takes and carries out until the scope closes; then each run stops after its step. */
export const start = Effect.fnUntraced(function* (options: {
  readonly busy: Ref.Ref<number>
  readonly isDraining: Ref.Ref<boolean>
  /** How long runs may go on with their step when the worker ends. */
  readonly drain: Duration.DurationInput
}) {
  const { busy, drain, isDraining } = options
  const { hostSlots } = yield* Settings
  const { host } = yield* Taker
  const { holder, loss, refuse } = yield* Leases
  const queue = yield* PersistedQueue.make({ name: queueName, schema: Item })
  const next = queue.take(({ payload, token }, { attempts, id }) =>
    Effect.acquireUseRelease(
      Ref.update(busy, (count) => count + 1),
      () =>
        Effect.exit(
          carryOut(payload, {
            host,
            attempts,
            loss: loss(id),
            isDraining: Ref.get(isDraining),
            held: { id, holder: holder(id) },
            refuse: (why) => refuse(id, why)
          })
        ),
      () => Ref.update(busy, (count) => count - 1)
    ).pipe(
      Effect.flatMap((exit) => {
        if (Exit.isSuccess(exit) && Option.isSome(exit.value)) {
          return Submissions.steadily(
            DurableDeferred.done(Segments.deferred, { token, exit: Exit.succeed(exit.value.value) })
          )
        }
        return Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)
          ? Effect.fail({ _tag: "LetGo" } as const)
          : Effect.zipRight(
              Effect.logError("a part of a run failed", exit.cause),
              Effect.fail({ _tag: "LetGo" } as const)
            )
      })
    )
  )
  const slots = yield* FiberSet.make<never>()
  const loop = next.pipe(
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.failCause(cause as Cause.Cause<never>)
        : Effect.zipRight(Effect.logDebug("a part of a run was let go", cause), Effect.sleep("1 second"))
    ),
    Effect.forever
  )
  yield* Effect.replicateEffect(FiberSet.run(slots, loop), hostSlots, { discard: true })
  yield* Effect.addFinalizer(() =>
    Effect.zipRight(
      Ref.set(isDraining, true),
      Effect.repeat(Ref.get(busy), {
        until: (count) => count === 0,
        schedule: Schedule.upTo(Schedule.spaced("50 millis"), drain)
      })
    )
  )
})
