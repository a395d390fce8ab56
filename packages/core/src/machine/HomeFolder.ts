/** The user's home folder, from the environment. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** `HOME`, else `USERPROFILE`; none where neither is set. */
export const homeFolder: Effect.Effect<Option.Option<string>> = Config.string("HOME").pipe(
  Config.orElse(() => Config.string("USERPROFILE")),
  Effect.option,
  Effect.map(Option.filter((directory) => directory !== ""))
)
