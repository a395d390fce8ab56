/** What was typed in earlier chats, in a file of the data folder that only its owner can read. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { StateDirectory } from "@lms-bridge/core/Machine"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

export interface History {
  /** The oldest first. */
  readonly lines: ReadonlyArray<string>
  readonly add: (line: string) => Effect.Effect<void>
}

/** Lines that are kept. */
const most = 500

/** Without a writable folder nothing is kept, which is no reason not to talk. */
export const open = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* StateDirectory.makeWith("what you type is not kept")
  const folder = yield* directory.folder("chat")
  if (Option.isNone(folder)) return { lines: [], add: () => Effect.void } satisfies History as History
  const file = path.join(folder.value, "history.jsonl")
  const text = yield* Effect.orElseSucceed(fs.readFileString(file), () => "")
  const lines = text
    .split("\n")
    .flatMap((line) => Option.toArray(decode(line)))
    .slice(-most)
  // a file that has grown to twice its size is written anew
  if (text.split("\n").length > most * 2) {
    yield* Effect.ignore(fs.writeFileString(file, lines.map((line) => `${encode(line)}\n`).join(""), { mode: 0o600 }))
  }
  return {
    lines,
    add: (line) => Effect.ignore(fs.writeFileString(file, `${encode(line)}\n`, { flag: "a", mode: 0o600 }))
  } satisfies History as History
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const Line = Schema.parseJson(Schema.String)
const decode = Schema.decodeOption(Line)
const encode = Schema.encodeSync(Line)
