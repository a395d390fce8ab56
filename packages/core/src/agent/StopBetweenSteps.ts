/** How a run is asked to stop after its current step, so that nothing is in doubt when it is resumed. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * Looked at before each request to the model and before each call of a tool, also while the run is prepared. A run that is
 * stopped has no outcome: its stream ends, and `resume` goes on with it. Never asked by default.
 */
export class StopBetweenSteps extends Context.Reference<StopBetweenSteps>()("@lms-bridge/core/agent/StopBetweenSteps", {
  defaultValue: (): Effect.Effect<boolean> => Effect.succeed(false)
}) {}
