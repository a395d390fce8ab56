/** Which system we run on, as far as the places of other programs' files depend on it. */
import * as Context from "effect/Context"

/** Every Unix but macOS counts as Linux. */
export type OperatingSystem = "linux" | "darwin" | "win32"

/** Said by the executable's platform. */
export class CurrentOperatingSystem extends Context.Reference<CurrentOperatingSystem>()(
  "@lms-bridge/core/configuration/CurrentOperatingSystem",
  { defaultValue: (): OperatingSystem => "linux" }
) {}

/** What a person on a system is told on which nobody has tried lms-bridge; undefined where it is supported. */
export const unsupported = (system: OperatingSystem): string | undefined =>
  system === "win32"
    ? "Windows is not supported: MCP servers may not start (npx and uvx are scripts there), and may stay when lms-bridge is killed. Run it in WSL, where it is on Linux."
    : undefined
