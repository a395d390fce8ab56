/**
 * What is known about MCP clients: how long they wait for a tool's answer. Pure.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/** `never`: it waits as long as progress arrives. Names are those of `clientInfo` in `initialize`. */
const patience: ReadonlyArray<readonly [name: RegExp, waits: "never" | Duration.Duration]> = [
  // Claude Desktop and the connectors of claude.ai give up after 60 s, whatever the progress
  [/^claude-ai$/i, Duration.seconds(50)],
  // no longer wait is known, and the SDK's limit is 60 s
  [/^cursor/i, Duration.seconds(50)],
  [/lm.?studio/i, Duration.seconds(50)],
  [/^claude-code$/i, "never"],
  [/^visual studio code/i, "never"]
]

/** For a client that asks for no progress, the SDK's limit is 60 s. */
const withoutProgress = Duration.seconds(50)

/** After which time a delegated task answers with the id of its run instead of the result. */
export const detachAfter = (options: {
  readonly setting: "auto" | "never" | Duration.Duration
  readonly client: string | undefined
  readonly wantsProgress: boolean
}): Option.Option<Duration.Duration> => {
  const { client, setting, wantsProgress } = options
  if (setting === "never") return Option.none()
  if (setting !== "auto") return Option.some(setting)
  const known = patience.find(([name]) => name.test(client ?? ""))?.[1]
  if (known !== undefined) return known === "never" ? Option.none() : Option.some(known)
  return wantsProgress ? Option.none() : Option.some(withoutProgress)
}
