/** Whether a run is of no use where its journal cannot be written. */
import * as Context from "effect/Context"

/**
 * Then a run whose start cannot be stored fails before it does anything: whoever is given its id would not find it again. Not
 * so by default.
 */
export class MustBeKept extends Context.Reference<MustBeKept>()("@lms-bridge/core/agent/MustBeKept", {
  defaultValue: (): boolean => false
}) {}
