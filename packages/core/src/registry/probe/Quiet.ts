/** Waits until nobody else is at work on this machine's models. */
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { LoadedModel } from "../../models/LoadedModel.ts"
import { ModelInUse, type ModelLifecycle, type ModelLifecycleError } from "../../models/ModelLifecycle.ts"

/**
 * `own` is an instance that the caller leases itself. A request, and a run that holds a model between its requests, count as
 * work, in any process as far as that is known.
 */
export const quiet = (
  { loaded }: Context.Tag.Service<ModelLifecycle>,
  own: string | undefined,
  onWait: (why: string) => Effect.Effect<void>
): Effect.Effect<void, ModelLifecycleError> =>
  Effect.gen(function* () {
    for (let look = 0; ; look++) {
      const all = yield* loaded
      const held = all.find(
        ({ heldElsewhere, instanceId, leases }) => heldElsewhere === true || leases > (instanceId === own ? 1 : 0)
      )
      const busy = all.find(isBusy)
      const found = held ?? busy
      if (found === undefined) return
      const { instanceId } = found
      if (look >= mostLooks)
        return yield* new ModelInUse({ instanceId, reason: held === undefined ? "Busy" : "Leased" })
      if (look === 0) yield* onWait(`${instanceId} is at work for somebody`)
      yield* Effect.sleep(lookEvery)
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const lookEvery = Duration.seconds(2)
/** Five minutes. */
const mostLooks = 150

const isBusy = ({ status }: LoadedModel): boolean =>
  status === "generating" || status === "processingPrompt" || status === "computingEmbedding"
