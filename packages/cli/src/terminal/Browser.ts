/**
 * Opens a page in the user's browser, which outlives this process.
 */
import * as PlatformCommand from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Effect from "effect/Effect"

/** False if there is no program to open it with. */
export const open = (page: string): Effect.Effect<boolean, never, CommandExecutor.CommandExecutor> =>
  PlatformCommand.exitCode(opener(process.platform, page)).pipe(
    Effect.map((code) => code === 0),
    Effect.timeout("5 seconds"),
    Effect.orElseSucceed(() => false)
  )

/** The page is passed as an argument, never as part of a shell command. */
export const opener = (platform: string, page: string): PlatformCommand.Command => {
  switch (platform) {
    case "win32":
      return PlatformCommand.make("rundll32", "url.dll,FileProtocolHandler", page)
    case "darwin":
      return PlatformCommand.make("sh", "-c", leaveRunning, "open", page)
    default:
      return PlatformCommand.make("sh", "-c", leaveRunning, "xdg-open", page)
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The opener may be the browser itself: do not wait for it, and do not end it with us. */
const leaveRunning = 'command -v "$0" >/dev/null || exit 127; "$0" "$1" </dev/null >/dev/null 2>&1 & exit 0'
