/** Whether a run may have gone on further than its journal says. */
import * as Context from "effect/Context"

/**
 * Why it may: then each call that may change something is asked about, since it may have been made already. Undefined by
 * default.
 */
export class Doubted extends Context.Reference<Doubted>()("@lms-bridge/core/agent/Doubted", {
  defaultValue: (): string | undefined => undefined
}) {}
