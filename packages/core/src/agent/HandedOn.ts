/** Whether somebody else goes on with a run that could not be carried out here. */
import * as Context from "effect/Context"

/**
 * Then a failure that may not happen elsewhere is not the end of the run. It is noted in it, as `putOff`; the stream fails, or
 * ends without an outcome, and `resume` goes on with it. Not so by default.
 */
export class HandedOn extends Context.Reference<HandedOn>()("@lms-bridge/core/agent/HandedOn", {
  defaultValue: (): boolean => false
}) {}

/** The kind of that note. */
export const putOff = "put-off"
