/** How much memory this machine has, in bytes; undefined where that is not known. Set by the executable's platform. */
import * as Context from "effect/Context"

export class CurrentMemory extends Context.Reference<CurrentMemory>()("@lms-bridge/core/machine/CurrentMemory", {
  defaultValue: (): number | undefined => undefined
}) {}
