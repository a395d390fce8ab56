/** The operating system, as far as the places of other programs' files depend on it. */
import * as Context from "effect/Context"

/** Every Unix except macOS counts as Linux. */
export type OperatingSystem = "linux" | "darwin" | "win32"

/** Set by the executable's platform. */
export class CurrentOperatingSystem extends Context.Reference<CurrentOperatingSystem>()(
  "@lms-bridge/core/configuration/CurrentOperatingSystem",
  { defaultValue: (): OperatingSystem => "linux" }
) {}

/** The warning for users of a system on which lms-bridge is untested; undefined where it is supported. */
export const unsupported = (system: OperatingSystem): string | undefined =>
  system === "win32"
    ? "Windows is not supported: MCP servers may not start (npx and uvx are scripts there), and may keep running when lms-bridge is killed. Run it in WSL, which is Linux."
    : undefined
