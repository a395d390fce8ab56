/**
 * Which system we run on, as far as the places of other programs' files depend on it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * Every Unix but macOS counts as Linux.
 *
 * @since 0.1.0
 * @category models
 */
export type OperatingSystem = "linux" | "darwin" | "win32"

/**
 * Said by the executable's platform.
 *
 * @since 0.1.0
 * @category references
 */
export class CurrentOperatingSystem extends Context.Reference<CurrentOperatingSystem>()(
  "@lms-bridge/core/configuration/CurrentOperatingSystem",
  { defaultValue: (): OperatingSystem => "linux" }
) {}
